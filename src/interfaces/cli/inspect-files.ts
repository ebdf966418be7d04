/** What `inspect` does: a module of its own, since it needs the readers and a tokenizer, and help needs neither. */

import { ConfigError } from "../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import type { Interval } from "../../base/stats/check.ts";
import { encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { formatColumns } from "../../method/data/column-report.ts";
import { encodableCheck } from "../../method/data/encodable.ts";
import { readCandidates } from "../../method/data/load.ts";
import { formatLoadReport, type LoadReport } from "../../method/data/load-report.ts";
import {
  formatPeopleAgreement,
  type PeopleAgreement,
  peopleAgreement,
} from "../../method/data/people-agreement.ts";
import {
  type CandidatePair,
  type HumanLabel,
  type PreferenceRow,
  plainText,
} from "../../method/data/rows.ts";
import type { Source } from "../../method/data/source.ts";
import { type DialogueStatistics, describeDialogues } from "../../method/split/dialogue-statistics.ts";
import {
  type DataStatistics,
  describeRows,
  type LengthStatistics,
  type PairLengths,
} from "../../method/split/statistics.ts";
import { type DataOptions, readOptions, sourceOf, tokenLimits } from "./data-options.ts";
import { formatExplanation } from "./heat-view.ts";
import type { Session } from "./session.ts";
import { hasColours } from "./streams.ts";
import { formatShownPair, showPair } from "./token-view.ts";

/** The flags of `inspect`. */
export type InspectOptions = DataOptions & {
  readonly model?: string;
  readonly row?: number;
  readonly seed?: number;
  readonly explain?: boolean;
  readonly reference?: string;
  readonly beta?: number;
};

type Loaded = {
  report: LoadReport;
  statistics: DataStatistics | null;
  dialogues: DialogueStatistics;
  people: PeopleAgreement | null;
  pairs: readonly CandidatePair[];
};

/** Says what a data file is. @throws DataError as the readers do; ConfigError for a row that there is not */
export async function inspectFiles(
  session: Session,
  files: readonly string[],
  options: InspectOptions,
): Promise<void> {
  const tokenizer = options.model === undefined ? undefined : await loadTokenizer(options.model);
  const { report, statistics, dialogues, people, pairs } = await load(
    sourceOf(files, options.mix),
    options,
    tokenizer,
  );
  const row =
    options.explain === true
      ? await explainRow(session, pairAt(pairs, options.row ?? 1), options)
      : options.row === undefined
        ? undefined
        : showRow(session, tokenizer!, pairAt(pairs, options.row), await tokenLimits(options));
  const text = [
    ...formatLoadReport(report),
    ...columnLines(report),
    ...(statistics === null ? [] : formatStatistics(statistics)),
    ...formatDialogues(dialogues, statistics !== null),
    ...(people === null ? [] : formatPeopleAgreement(people)),
    ...(row === undefined ? [] : ["", row.text]),
  ];
  session.result(
    { report, statistics, dialogues, people, ...(row === undefined ? {} : row.value) },
    text.join("\n"),
  );
}

/** The table of columns, of each of several sources. */
function columnLines({ sources, columns, records }: LoadReport): string[] {
  if (sources.length === 0) return ["  columns:", ...formatColumns(columns, records)];
  return sources.flatMap(({ report: one }) => [
    `  columns of ${one.source}:`,
    ...formatColumns(one.columns, one.records),
  ]);
}

/** Preferences where people judged, else the bare pairs. */
async function load(
  file: Source,
  options: InspectOptions,
  tokenizer: Tokenizer | undefined,
): Promise<Loaded> {
  const count = tokenizer && ((text: PreferenceRow["prompt"]) => tokenizer.encode(plainText(text)).length);
  const check = tokenizer && encodableCheck([tokenizer]);
  const { seed = DEFAULT_SEED } = options;
  const read = await readCandidates(file, { ...readOptions(options), seed, check });
  const { report, pairs, humanLabels } = read;
  const people = peopleAgreement(read.people, { seed: 0 });
  const judged = judgedRows(pairs, humanLabels);
  const dialogues = describeDialogues(judged.length === 0 ? pairs : judged);
  if (judged.length === 0) return { report, statistics: null, dialogues, people, pairs };
  const ordered = judged.map(({ id, prompt, chosen, rejected }) => ({ id, prompt, a: chosen, b: rejected }));
  return { report, statistics: describeRows(judged, count), dialogues, people, pairs: ordered };
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

type NumberedPair = { readonly row: number; readonly pair: CandidatePair };

function pairAt(pairs: readonly CandidatePair[], row: number): NumberedPair {
  const pair = pairs[row - 1];
  if (pair === undefined) throw new ConfigError(`--row: expected 1 to ${pairs.length}, got ${row}.`);
  return { row, pair };
}

function showRow(session: Session, tokenizer: Tokenizer, { row, pair }: NumberedPair, limits: TokenLimits) {
  const encoded = encodePair(tokenizer, pair, limits);
  const shown = showPair(tokenizer, encoded);
  const flags = encoded.flags.length === 0 ? "no flags" : `flags: ${encoded.flags.join(", ")}`;
  return {
    value: { row: { id: pair.id, flags: encoded.flags, ...shown } },
    text: `row ${row} (${pair.id}), ${flags}\n\n${formatShownPair(shown, session.paint, hasColours(process.stdout))}`,
  };
}

/** What each token of a pair adds to its scores, by the two models of an implicit reward. */
async function explainRow(session: Session, { row, pair }: NumberedPair, options: InspectOptions) {
  const { openRuntime } = await import("../../engine/runtime/runtime.ts");
  const { openImplicitReward } = await import("../../method/teacher/implicit-reward.ts");
  const { openExplainer } = await import("../../method/teacher/explain.ts");
  const { model, reference, beta = 0.1 } = options;
  const runtime = openRuntime();
  try {
    const limits = await tokenLimits(options, [model!, reference!]);
    const teacher = await openImplicitReward(runtime, {
      model: model!,
      reference: reference!,
      beta,
      limits,
    });
    const explained = await (await openExplainer(teacher)).explain(pair);
    const { id, prompt, a, b, scoreA, scoreB, flags } = explained;
    return {
      value: { explanation: { id, beta, scoreA, scoreB, margin: scoreA - scoreB, flags, prompt, a, b } },
      text: `row ${row} (${id})\n\n${formatExplanation(explained, session.paint, hasColours(process.stdout))}`,
    };
  } finally {
    await runtime.close();
  }
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
