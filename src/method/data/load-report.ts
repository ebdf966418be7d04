/** What was read and how it was understood, counted, and in words. */
import type { Log } from "../../base/core/log.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import type { BadRow } from "./bad-rows.ts";
import { formatBadRow, LISTED } from "./bad-rows.ts";
import { type ColumnReport, unusedLine } from "./column-report.ts";
import type { PartRead, ReadPairs } from "./pairs.ts";
import type { PreviewRow } from "./preview.ts";
import { isEmptyText, type RowFlag, sameText } from "./rows.ts";
import type { WholeFile } from "./whole-file.ts";

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
  /** The sources, where there are several: then there is no preview and no table of columns above, and counts of pairs are of those taken. */
  readonly sources: readonly SourceReport[];
};

/** One of several sources. */
export type SourceReport = {
  /** Its report, of all that was read of it. */
  readonly report: LoadReport;
  readonly weight: number | null;
  /** Its pairs, and how many of them are taken. */
  readonly pairs: number;
  readonly taken: number;
};

/** What is odd about a pair. */
export function flagsOf(pair: ParsedPair): RowFlag[] {
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
  report(source: string, { parts = [], ...read }: Omit<ReadPairs, "pairs" | "places">): LoadReport {
    const { first, second, tie, undecided, none } = this.preferred;
    return {
      ...read,
      source,
      rows: first + second,
      ties: tie,
      undecided,
      unlabelled: none,
      flags: this.flags,
      sources: parts.map(sourceReport),
    };
  }
}

/** The report of what was read of a source. */
export function reportOf(source: string, { pairs, places: _, ...read }: ReadPairs): LoadReport {
  const counter = new PairCounter();
  for (const pair of pairs) counter.add(pair);
  return counter.report(source, read);
}

const sourceReport = ({ part, read, taken }: PartRead): SourceReport => ({
  report: reportOf(part.file, read),
  weight: part.weight ?? null,
  pairs: read.pairs.length,
  taken,
});

/** The report in words, one line each: the shape, three rows, the counts, the bad rows; of each source, and then what each gives. */
export function formatLoadReport(report: LoadReport): string[] {
  if (report.sources.length > 0)
    return [...report.sources.flatMap((one) => formatLoadReport(one.report)), ...mixtureLines(report)];
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

/** What each source gives. */
function mixtureLines({ source, sources, notes, rows, ties, undecided, unlabelled }: LoadReport): string[] {
  const total = sources.reduce((sum, { weight }) => sum + (weight ?? 0), 0);
  const width = Math.min(60, Math.max(...sources.map(({ report }) => report.source.length)));
  const how =
    total === 0
      ? "all pairs of each"
      : "shares by weight, drawn by the seed; as many as there are without taking a pair twice";
  return [
    `${source}: ${sources.length} sources as one, ${how}`,
    ...notes.map((note) => `  note: ${note}`),
    ...sources.map(({ report, weight, pairs, taken }) => {
      const share = weight === null ? "" : `, weight ${weight} (${((100 * weight) / total).toFixed(1)} %)`;
      return `  ${report.source.padEnd(width)}  ${report.format}: ${taken} of ${pairs} pairs${share}`;
    }),
    `  together ${rows} preferences, ${ties} ties, ${undecided === 0 ? "" : `${undecided} without a majority, `}${unlabelled} unlabelled`,
  ];
}
