/**
 * Rows that are parts of one dialogue, and tell each other's label: a prompt that goes on from another row's prompt and response (in
 * HH-RLHF from its rejected one), or quotes its response. Such rows belong on one side of a split, and are one unit of any interval.
 *
 * Two rows are linked when
 * - they have one group or one prompt, whatever its case and punctuation (`splitKey`);
 * - a prompt, or a prompt with a response, begins with the other's prompt and response, however both are written (`said.ts`);
 * - a prompt holds the other's response anywhere, with the words before it where it is short: `IDENTIFYING` letters at least that no
 *   other prompt's response has, since "I'm sorry, but I can't help with that." is said everywhere.
 *
 * Links are followed from row to row. Texts are compared by rolling hashes, so time grows with their length, not with the square of
 * the number of rows.
 */

import { splitKey, unitOf } from "../data/normalise.ts";
import type { CandidatePair, PreferenceRow } from "../data/rows.ts";
import { DisjointSets } from "./disjoint-sets.ts";
import { linkTexts } from "./text-links.ts";

type Row = PreferenceRow | CandidatePair;

/** Which rows are of one dialogue. */
export type Dialogues = {
  /** The dialogue of each row: the least `splitKey` of its rows. */
  readonly keys: readonly string[];
  /** Whether a row's dialogue has other prompts or groups than the row's. */
  readonly linked: readonly boolean[];
  /** For each row, whether another row's prompt goes on with or quotes its first response (chosen, or a), and its second. */
  readonly told: readonly (readonly [boolean, boolean])[];
};

/** Finds the dialogues of rows, by their contents alone: the order does not matter. */
export function findDialogues(rows: readonly Row[]): Dialogues {
  const keys = rows.map(splitKey);
  const sets = new DisjointSets(rows.length);
  const firstOf = new Map<string, number>();
  const known = (key: string, row: number) => {
    const other = firstOf.get(key) ?? row;
    firstOf.set(key, other);
    sets.join(row, other);
  };
  rows.forEach((row, i) => {
    known(`key ${keys[i]}`, i);
    // A group does not excuse from the rule that a prompt is on one side.
    if (row.meta?.group !== undefined) known(`key ${splitKey({ ...row, meta: {} })}`, i);
  });
  const units = rows.map((_, i) => sets.rootOf(i));
  const told = rows.map((): [boolean, boolean] => [false, false]);
  const textsOf = (i: number) => {
    const row = rows[i]!;
    const responses = "chosen" in row ? [row.chosen, row.rejected] : [row.a, row.b];
    return { prompt: row.prompt, responses, unit: units[i]! };
  };
  linkTexts(rows.length, textsOf, ({ from, to, response }) => {
    sets.join(from, to);
    if (response !== undefined) told[from]![response] = true;
  });
  return { ...named(keys, sets), told };
}

function named(keys: readonly string[], sets: DisjointSets): Pick<Dialogues, "keys" | "linked"> {
  const names = new Map<number, { least: string; several: boolean }>();
  keys.forEach((key, i) => {
    const root = sets.rootOf(i);
    const { least, several } = names.get(root) ?? { least: key, several: false };
    names.set(root, { least: key < least ? key : least, several: several || key !== least });
  });
  const of = keys.map((_, i) => names.get(sets.rootOf(i))!);
  return { keys: of.map(({ least }) => least), linked: of.map(({ several }) => several) };
}

/** The same rows with their dialogue as their group, where it is more than one prompt: whoever counts units then counts dialogues. */
export function withDialogues<One extends Row>(
  rows: readonly One[],
  { keys }: Pick<Dialogues, "keys"> = findDialogues(rows),
): readonly One[] {
  const units = new Map<string, string | undefined>();
  rows.forEach((row, i) => {
    const [key, unit] = [keys[i]!, unitOf(row)];
    units.set(key, !units.has(key) || units.get(key) === unit ? unit : undefined);
  });
  return rows.map((row, i) =>
    units.get(keys[i]!) === undefined ? { ...row, meta: { ...row.meta, group: keys[i]! } } : row,
  );
}

/** Rows that share no dialogue with those of another part, and how many do. */
export function withoutDialogues<One extends Row>(
  rows: readonly One[],
  taken: readonly Row[],
): { kept: readonly One[]; left: number } {
  // Groups are named within one reading: the parts of another file may use the same names for others.
  const apart = <Any extends Row>(part: string, row: Any): Any =>
    row.meta?.group === undefined
      ? row
      : { ...row, meta: { ...row.meta, group: `${part} ${row.meta.group}` } };
  const all = [...taken.map((row) => apart("taken", row)), ...rows.map((row) => apart("own", row))];
  const { keys } = findDialogues(all);
  const theirs = new Set(keys.slice(0, taken.length));
  const kept = rows.filter((_, i) => !theirs.has(keys[taken.length + i]!));
  return { kept, left: rows.length - kept.length };
}
