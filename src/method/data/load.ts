/** Reads any supported preference data into rows. Says what it understood; tells every bad row with its place. */
import { DataError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import type { BadRow } from "./bad-rows.ts";
import { formatBadRow, LISTED } from "./bad-rows.ts";
import { drawOrder } from "./candidates.ts";
import { type ColumnReport, unusedLine } from "./column-report.ts";
import type { PreviewRow } from "./detect.ts";
import { assignGroups, assignIds } from "./identify.ts";
import { unitOf } from "./normalise.ts";
import { type PairOptions, type ReadPairs, readPairs } from "./pairs.ts";
import type { PeopleRecord } from "./people-agreement.ts";
import {
  type CandidatePair,
  type HumanLabel,
  isEmptyText,
  isTie,
  type PreferenceRow,
  type RowFlag,
  type RowMeta,
  sameText,
} from "./rows.ts";
import type { WholeFile } from "./whole-file.ts";

/** How to read preference data; `log` gets what was understood. */
export type LoadOptions = PairOptions & { readonly log?: Log };

/** What was read and how it was understood. Counts are of records of the file. */
export type LoadReport = {
  readonly source: string;
  readonly format: string;
  readonly why: string;
  readonly preview: readonly PreviewRow[];
  /** What was decided about the file that may be wrong, such as whether its first line is a header. */
  readonly notes: readonly string[];
  /** Records looked at; one may give several pairs, which count below by themselves. */
  readonly records: number;
  readonly rows: number;
  readonly ties: number;
  /** Pairs of which no answer of several people has a majority; apart from ties and from those that nobody judged. */
  readonly undecided: number;
  readonly unlabelled: number;
  /** Sound records that the format does not use, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Rows and ties that are odd, by flag. */
  readonly flags: Readonly<Partial<Record<RowFlag, number>>>;
  readonly bad: readonly BadRow[];
  /** What became of each column and each member of messages. */
  readonly columns: readonly ColumnReport[];
  /** Responses that began with their prompt: it was taken off, or left (`whole-file.ts` says when). */
  readonly repeats: WholeFile["repeats"];
};

/** Preferences, and apart from them the rows where people preferred neither. */
export type LoadedPreferences = {
  /** Strict preferences only; a row may be flagged `empty`, `identical` or `extra-turn`. */
  readonly rows: readonly PreferenceRow[];
  /** Flagged `tie`; `chosen` and `rejected` are the two responses in the data's order, which means nothing. */
  readonly ties: readonly PreferenceRow[];
  /** What each person said, where several did: of all pairs, those without a majority among them. */
  readonly people: readonly PeopleRecord[];
  /** Line of the file that each row and tie is on, by id. */
  readonly lineOf: ReadonlyMap<string, number>;
  readonly report: LoadReport;
};

/** Pairs without their labels, and the labels apart. */
export type LoadedCandidates = {
  readonly pairs: readonly CandidatePair[];
  /** What people said, for the pairs that someone judged; pairs without a majority have no label. */
  readonly humanLabels: readonly HumanLabel[];
  /** What each person said, where several did. */
  readonly people: readonly PeopleRecord[];
  readonly report: LoadReport;
};

/**
 * Reads preference rows from a file or `hub:` source.
 * @throws DataError for a broken file, an unknown shape, bad rows (unless `onBadRow: "skip"`), a file of which nothing is left,
 *   or data that nobody judged
 */
export async function readPreferences(source: string, options: LoadOptions = {}): Promise<LoadedPreferences> {
  const read = await readPairs(source, options);
  const report = reportOf(source, read);
  if (report.unlabelled > 0)
    throw new DataError(
      source,
      0,
      `holds pairs that nobody judged (${report.why}), expected preferences. Label them first, or name the columns with --map.`,
    );
  tell(options.log ?? silentLog, report);
  const named = identified(read.pairs);
  const lineOf = new Map(named.map(({ id }, i) => [id, read.lines[i]!]));
  const all = named.filter(({ pair }) => pair.preferred !== "none").map(toRow);
  return {
    rows: all.filter((row) => !isTie(row)),
    ties: all.filter(isTie),
    people: peopleOf(named, ({ pair }) => (pair.preferred === "second" ? "rejected" : "chosen")),
    lineOf,
    report,
  };
}

/**
 * Reads candidate pairs: a pool in its own order, preference data with the order of the two responses drawn from `seed`.
 * @throws DataError as `readPreferences` does, except that data that nobody judged is welcome
 */
export async function readCandidates(
  source: string,
  options: LoadOptions & { readonly seed: number | string },
): Promise<LoadedCandidates> {
  const read = await readPairs(source, options);
  const report = reportOf(source, read);
  tell(options.log ?? silentLog, report);
  const named = identified(read.pairs);
  const drawn = named.map(({ id, pair, group }) => {
    const meta = { ...(group === undefined ? {} : { group }), ...subsetOf(pair) };
    // Not the pair's own meta: its scores would tell what was preferred.
    const { meta: _, ...bare } = pair;
    return drawOrder({ ...bare, id, ...(Object.keys(meta).length === 0 ? {} : { meta }) }, options.seed);
  });
  return {
    pairs: drawn.map(({ pair }) => pair),
    humanLabels: drawn.flatMap(({ human }) => (human === undefined ? [] : [human])),
    people: peopleOf(named, (_, i) => (sameText(drawn[i]!.pair.a, named[i]!.pair.first) ? "a" : "b")),
    report,
  };
}

type Identified = { readonly id: string; readonly pair: ParsedPair; readonly group: string | undefined };

function identified(pairs: readonly ParsedPair[]): Identified[] {
  const ids = assignIds(pairs);
  const groups = assignGroups(pairs);
  return pairs.map((pair, i) => ({ id: ids[i]!, pair, group: groups[i] }));
}

function peopleOf(
  named: readonly Identified[],
  firstIs: (one: Identified, place: number) => PeopleRecord["first"],
): PeopleRecord[] {
  return named.flatMap((one, i) => {
    const { id, pair, group } = one;
    if (pair.people === undefined) return [];
    const unit = unitOf({
      id,
      prompt: pair.prompt,
      a: pair.first,
      b: pair.second,
      ...(group === undefined ? {} : { meta: { group } }),
    });
    return [{ id, unit, answers: pair.people, first: firstIs(one, i) }];
  });
}

/** The preferred response becomes `chosen`; a tie keeps the data's order and is flagged. */
function toRow({ id, pair, group }: Identified): PreferenceRow {
  const swap = pair.preferred === "second";
  const { scoreFirst, scoreSecond } = pair.meta ?? {};
  const [scoreChosen, scoreRejected] = swap ? [scoreSecond, scoreFirst] : [scoreFirst, scoreSecond];
  const flags = flagsOf(pair);
  const meta: RowMeta = {
    ...(flags.length === 0 ? {} : { flags }),
    ...(group === undefined ? {} : { group }),
    ...subsetOf(pair),
    ...(pair.meta?.item === undefined ? {} : { item: pair.meta.item }),
    ...(scoreChosen === undefined ? {} : { scoreChosen }),
    ...(scoreRejected === undefined ? {} : { scoreRejected }),
  };
  return {
    id,
    prompt: pair.prompt,
    chosen: swap ? pair.second : pair.first,
    rejected: swap ? pair.first : pair.second,
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

function flagsOf(pair: ParsedPair): RowFlag[] {
  const flags: RowFlag[] = [...(pair.meta?.flags ?? [])];
  if (pair.preferred === "tie") flags.push("tie");
  if (isEmptyText(pair.first) || isEmptyText(pair.second)) flags.push("empty");
  if (sameText(pair.first, pair.second)) flags.push("identical");
  const { scoreFirst = 0, scoreSecond = 0 } = pair.meta ?? {};
  const lead = pair.preferred === "first" ? scoreFirst - scoreSecond : scoreSecond - scoreFirst;
  if ((pair.preferred === "first" || pair.preferred === "second") && lead < 0)
    flags.push("score-contradicts");
  return flags;
}

/** The part of the data a pair belongs to, and why a person was asked about it, where it says so. */
export function subsetOf({ meta: { subset, asked } = {} }: ParsedPair): Pick<RowMeta, "subset" | "asked"> {
  return { ...(subset === undefined ? {} : { subset }), ...(asked === undefined ? {} : { asked }) };
}

/** Counts pairs for a report, one by one. */
export class PairCounter {
  private readonly preferred = { first: 0, second: 0, tie: 0, undecided: 0, none: 0 };
  private readonly flags: Partial<Record<RowFlag, number>> = {};

  add(pair: ParsedPair): void {
    this.count(pair, 1);
  }

  /** Takes back a pair that was added. */
  remove(pair: ParsedPair): void {
    this.count(pair, -1);
  }

  private count(pair: ParsedPair, one: 1 | -1): void {
    const undecided = pair.preferred === "none" && pair.people !== undefined;
    this.preferred[undecided ? "undecided" : pair.preferred] += one;
    for (const flag of flagsOf(pair)) {
      this.flags[flag] = (this.flags[flag] ?? 0) + one;
      if (this.flags[flag] === 0) delete this.flags[flag];
    }
  }

  /** The report of a source whose pairs were counted. */
  report(
    source: string,
    { detection, notes, records, leftOut, bad, columns, repeats }: Omit<ReadPairs, "pairs" | "lines">,
  ): LoadReport {
    const { first, second, tie, undecided, none } = this.preferred;
    return {
      source,
      format: detection.adapter.name,
      why: detection.why,
      preview: detection.preview,
      notes,
      records,
      rows: first + second,
      ties: tie,
      undecided,
      unlabelled: none,
      leftOut,
      flags: this.flags,
      bad,
      columns,
      repeats,
    };
  }
}

function reportOf(source: string, { pairs, ...read }: ReadPairs): LoadReport {
  const counter = new PairCounter();
  for (const pair of pairs) counter.add(pair);
  return counter.report(source, read);
}

/** The report in words, one line each: the shape, three rows, the counts, the bad rows. */
export function formatLoadReport(report: LoadReport): string[] {
  const arrow = { first: ">", second: "<", tie: "=", none: "?" } as const;
  const odd = Object.entries(report.flags).map(([flag, n]) => `${n} ${flag}`);
  const out = Object.entries(report.leftOut).map(([reason, n]) => `${n} left out: ${reason}`);
  const unused = unusedLine(report.columns);
  return [
    `${report.source}: read as ${report.format}: ${report.why}`,
    ...report.notes.map((note) => `  note: ${note}`),
    ...report.preview.map(
      (row) => `  line ${row.line}: ${row.prompt} │ ${row.first} ${arrow[row.preferred]} ${row.second}`,
    ),
    `  ${report.records} records: ${report.rows} preferences, ${report.ties} ties, ${report.undecided === 0 ? "" : `${report.undecided} without a majority, `}${report.unlabelled} unlabelled, ${report.bad.length} bad${out.map((text) => `, ${text}`).join("")}${odd.length === 0 ? "" : ` (odd: ${odd.join(", ")})`}`,
    ...(unused === undefined ? [] : [`  columns ${unused}`]),
    ...repeatLines(report.repeats),
    ...report.bad.slice(0, LISTED).map((row) => `  skipped ${formatBadRow(row)}`),
    ...(report.bad.length > LISTED ? [`  … and ${report.bad.length - LISTED} more skipped`] : []),
  ];
}

function repeatLines({ takenOff, left }: WholeFile["repeats"]): string[] {
  return [
    ...(takenOff > 0 ? [`  ${takenOff} responses began with their prompt: taken off`] : []),
    ...(left > 0
      ? [`  ${left} responses begin with their prompt and are left as they are: fewer than half do`]
      : []),
  ];
}

/** Says what was read. */
export function tell(log: Log, report: LoadReport): void {
  for (const line of formatLoadReport(report)) log.info(line);
}
