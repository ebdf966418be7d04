/** Finds what is wrong with a set of rows, and what two sets share. Pure: reports only, changes nothing. */
import { canonicalJson, digestOf } from "../../base/core/digest.ts";
import { contentKey } from "../data/normalise.ts";
import {
  type CandidatePair,
  isEmptyText,
  isTie,
  type PreferenceRow,
  promptId,
  sameText,
} from "../data/rows.ts";

/** Ids of rows that belong together, in the order of the rows. */
export type IdGroup = readonly string[];

/** What was found in one set of rows; every list holds ids. */
export type ValidationReport = {
  readonly rows: number;
  /** Rows equal in prompt, chosen and rejected. */
  readonly duplicateRows: readonly IdGroup[];
  /** Rows with the same prompt (other than none); common in preference data, and the reason to split by prompt. */
  readonly duplicatePrompts: readonly IdGroup[];
  /** The same two responses to the same prompt, preferred both ways (ties aside). */
  readonly contradictions: readonly IdGroup[];
  /** chosen equals rejected. */
  readonly identicalPairs: readonly string[];
  readonly emptyChosen: readonly string[];
  readonly emptyRejected: readonly string[];
  readonly emptyPrompts: readonly string[];
};

/** Looks for duplicates, contradictions, identical pairs and empty texts. */
export function validateRows(rows: readonly PreferenceRow[]): ValidationReport {
  const idsWhere = (test: (row: PreferenceRow) => boolean) => rows.filter(test).map((row) => row.id);
  return {
    rows: rows.length,
    duplicateRows: repeated(rows, rowKey),
    duplicatePrompts: repeated(
      rows.filter((row) => !isEmptyText(row.prompt)),
      (row) => promptId(row.prompt),
    ),
    contradictions: contradictions(rows),
    identicalPairs: idsWhere((row) => sameText(row.chosen, row.rejected)),
    emptyChosen: idsWhere((row) => isEmptyText(row.chosen)),
    emptyRejected: idsWhere((row) => isEmptyText(row.rejected)),
    emptyPrompts: idsWhere((row) => isEmptyText(row.prompt)),
  };
}

/** What two sets of rows share; ids of `a` and of `b`. */
export type LeakageReport = {
  /** Prompts of `a` that occur in `b` word for word. */
  readonly samePrompt: { readonly a: readonly string[]; readonly b: readonly string[] };
  /** Prompts that are the same but for case, white space and punctuation, those above included. Rows without a prompt are compared by their responses. */
  readonly nearPrompt: { readonly a: readonly string[]; readonly b: readonly string[] };
  /** Rows whose groups are on both sides; tells something only of rows that were read together. */
  readonly sameGroup: { readonly a: readonly string[]; readonly b: readonly string[] };
};

/** Looks for prompts, near-prompts and groups that are in both sets, such as train and test. */
export function findLeakage(a: readonly PreferenceRow[], b: readonly PreferenceRow[]): LeakageReport {
  const shared = (key: (row: PreferenceRow) => string | undefined) => {
    const [keysA, keysB] = [new Set(a.map(key)), new Set(b.map(key))];
    const idsIn = (rows: readonly PreferenceRow[], others: Set<string | undefined>) =>
      rows.filter((row) => key(row) !== undefined && others.has(key(row))).map((row) => row.id);
    return { a: idsIn(a, keysB), b: idsIn(b, keysA) };
  };
  return {
    samePrompt: shared((row) => (isEmptyText(row.prompt) ? undefined : promptId(row.prompt))),
    nearPrompt: shared(contentKey),
    sameGroup: shared((row) => row.meta?.group),
  };
}

/** Rows without exact repeats (the one with the least id stays), and the ids that went. */
export function dropDuplicates(rows: readonly PreferenceRow[]): {
  rows: readonly PreferenceRow[];
  removed: readonly string[];
} {
  const removed = new Set(repeated(rows, rowKey).flatMap((ids) => [...ids].sort().slice(1)));
  return { rows: rows.filter((row) => !removed.has(row.id)), removed: [...removed] };
}

/** Pairs without repeats, whichever response comes first (the one with the least id stays), and the ids that went. */
export function dropDuplicatePairs(pairs: readonly CandidatePair[]): {
  pairs: readonly CandidatePair[];
  removed: readonly string[];
} {
  const repeats = groupBy(pairs, ({ prompt, a, b }) =>
    digestOf([prompt, [canonicalJson(a), canonicalJson(b)].sort()]),
  );
  const removed = new Set(
    [...repeats.values()].flatMap((group) =>
      group
        .map(({ id }) => id)
        .sort()
        .slice(1),
    ),
  );
  return { pairs: pairs.filter(({ id }) => !removed.has(id)), removed: [...removed] };
}

/** Two rows are the same when all their texts and whether they are ties agree. */
function rowKey(row: PreferenceRow): string {
  return digestOf([row.prompt, row.chosen, row.rejected, isTie(row)]);
}

function repeated(rows: readonly PreferenceRow[], key: (row: PreferenceRow) => string): IdGroup[] {
  return [...groupBy(rows, key).values()]
    .filter((group) => group.length > 1)
    .map((group) => group.map((row) => row.id));
}

function contradictions(rows: readonly PreferenceRow[]): IdGroup[] {
  const strict = rows.filter((row) => !isTie(row) && !sameText(row.chosen, row.rejected));
  const unordered = (row: PreferenceRow) =>
    digestOf([row.prompt, [canonicalJson(row.chosen), canonicalJson(row.rejected)].sort()]);
  return [...groupBy(strict, unordered).values()]
    .filter((group) => new Set(group.map((row) => canonicalJson(row.chosen))).size > 1)
    .map((group) => group.map((row) => row.id));
}

function groupBy<Row>(rows: readonly Row[], key: (row: Row) => string): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = key(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return groups;
}
