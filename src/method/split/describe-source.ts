/** How data is understood: its shape, columns, statistics, dialogues and people, as data and as lines. What `inspect` and the studio show. */
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import type { Interval } from "../../base/stats/check.ts";
import { formatColumns } from "../data/column-report.ts";
import { readCandidates } from "../data/load.ts";
import { formatLoadReport, type LoadReport } from "../data/load-report.ts";
import type { PairOptions } from "../data/pairs.ts";
import { formatPeopleAgreement, type PeopleAgreement, peopleAgreement } from "../data/people-agreement.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "../data/rows.ts";
import type { Source } from "../data/source.ts";
import { type DialogueStatistics, describeDialogues } from "./dialogue-statistics.ts";
import { type DataStatistics, describeRows, type LengthStatistics, type PairLengths } from "./statistics.ts";

/** A source as it was understood. `statistics`: of what people judged, null where nothing was; `pairs`: chosen first where judged. */
export type DescribedSource = {
  readonly report: LoadReport;
  readonly statistics: DataStatistics | null;
  readonly dialogues: DialogueStatistics;
  readonly people: PeopleAgreement | null;
  readonly pairs: readonly CandidatePair[];
};

/**
 * Reads a source and describes it: preferences where people judged, else the bare pairs.
 * @param count - tokens of a text, for lengths in tokens as well; default characters alone
 * @throws DataError as the readers do
 */
export async function describeSource(
  file: Source,
  how: PairOptions,
  count?: (text: PreferenceRow["prompt"]) => number,
): Promise<DescribedSource> {
  const { seed = DEFAULT_SEED } = how;
  const read = await readCandidates(file, { ...how, seed });
  const { report, pairs, humanLabels } = read;
  const people = peopleAgreement(read.people, { seed: 0 });
  const judged = judgedRows(pairs, humanLabels);
  const dialogues = describeDialogues(judged.length === 0 ? pairs : judged);
  if (judged.length === 0) return { report, statistics: null, dialogues, people, pairs };
  const ordered = judged.map(({ id, prompt, chosen, rejected }) => ({ id, prompt, a: chosen, b: rejected }));
  return { report, statistics: describeRows(judged, count), dialogues, people, pairs: ordered };
}

/** The description in words, a line each. */
export function formatDescription({ report, statistics, dialogues, people }: DescribedSource): string[] {
  return [
    ...formatLoadReport(report),
    ...columnLines(report),
    ...(statistics === null ? [] : formatStatistics(statistics)),
    ...formatDialogues(dialogues, statistics !== null),
    ...(people === null ? [] : formatPeopleAgreement(people)),
  ];
}

/** The table of columns, of each of several sources. */
function columnLines({ sources, columns, records }: LoadReport): string[] {
  if (sources.length === 0) return ["  columns:", ...formatColumns(columns, records)];
  return sources.flatMap(({ report: one }) => [
    `  columns of ${one.source}:`,
    ...formatColumns(one.columns, one.records),
  ]);
}

/** The pairs that people judged, as preference rows; for ties the order means nothing. */
function judgedRows(pairs: readonly CandidatePair[], labels: readonly HumanLabel[]): PreferenceRow[] {
  const preferred = new Map(labels.map((label) => [label.id, label.preferred]));
  return pairs.flatMap(({ id, prompt, a, b, meta }) => {
    const choice = preferred.get(id);
    if (choice === undefined) return [];
    const [chosen, rejected] = choice === "b" ? [b, a] : [a, b];
    return [
      { id, prompt, chosen, rejected, meta: { ...meta, flags: choice === "tie" ? (["tie"] as const) : [] } },
    ];
  });
}

function formatStatistics({
  preferences,
  ties,
  prompts,
  groups,
  subsets,
  lengths,
  validation,
}: DataStatistics): string[] {
  const found = {
    "duplicate rows": validation.duplicateRows.length,
    "repeated prompts": validation.duplicatePrompts.length,
    contradictions: validation.contradictions.length,
    "identical pairs": validation.identicalPairs.length,
    "empty chosen": validation.emptyChosen.length,
    "empty rejected": validation.emptyRejected.length,
    "empty prompts": validation.emptyPrompts.length,
  };
  const parts = Object.entries(subsets).map(([name, n]) => `${name} ${n}`);
  return [
    `  ${preferences} preferences and ${ties} ties over ${prompts} prompts${groups > 0 ? ` in ${groups} groups` : ""}`,
    ...(parts.length === 0
      ? []
      : [`  subsets: ${parts.slice(0, 20).join(", ")}${parts.length > 20 ? ", …" : ""}`]),
    `  found: ${Object.entries(found)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ")}`,
    ...lengths.flatMap(formatLengths),
  ];
}

/** What dialogues give away; nothing where each row stands alone. */
function formatDialogues(
  { rows, dialogues, largest, told, crossing }: DialogueStatistics,
  judged: boolean,
): string[] {
  if (rows === 0) return [];
  const [first, second] = judged ? ["its chosen", "its rejected"] : ["its first", "its second"];
  return [
    `  dialogues: ${rows} rows are parts of ${dialogues} dialogues with several prompts (the largest has ${largest}); a run keeps each in one part, and a split by prompt into halves would part ${crossing} of the rows`,
    ...(told.first + told.second + told.both === 0
      ? []
      : [
          `    another row's prompt tells which response was gone on with: ${first} of ${told.first} pairs, ${second} of ${told.second}${told.both === 0 ? "" : `, both of ${told.both}`}`,
        ]),
  ];
}

function formatLengths({
  unit,
  prompt,
  chosen,
  rejected,
  meanGap,
  largeGap,
  chosenLonger,
}: PairLengths): string[] {
  const row = (name: string, s: LengthStatistics) =>
    `    ${name.padEnd(9)} ${[s.mean, s.median, s.p90, s.p99, s.max].map((x) => x.toFixed(x < 100 ? 1 : 0).padStart(8)).join("")}`;
  return [
    `  lengths in ${unit}:  mean  median     90%     99%     max`,
    row("prompt", prompt),
    row("chosen", chosen),
    row("rejected", rejected),
    `    chosen is longer in ${share(chosenLonger)} of pairs of unequal length (${chosenLonger?.n ?? 0} units); mean gap ${meanGap.toFixed(1)}; one is twice the other in ${share(largeGap)}`,
  ];
}

/** A share with its 95 % interval. */
function share(interval: Interval | null): string {
  if (interval === null) return "none";
  const percent = (x: number) => (100 * x).toFixed(1);
  return `${percent(interval.estimate)} % [${percent(interval.low)}, ${percent(interval.high)}]`;
}
