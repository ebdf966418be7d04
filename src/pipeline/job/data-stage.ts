/**
 * The data of a job, read and split by dialogue; a made-up world is `world-stage.ts`.
 * Length: what is left out, and why, is counted in one place, beside the order in which parts are kept apart.
 */

import { toCandidates } from "../../method/data/candidates.ts";
import { joinHumanLabels } from "../../method/data/human-labels.ts";
import { type LoadOptions, readCandidates, readPreferences } from "../../method/data/load.ts";
import type { LoadReport, SourceReport } from "../../method/data/load-report.ts";
import { splitKey } from "../../method/data/normalise.ts";
import { type PeopleRecord, peopleAgreement } from "../../method/data/people-agreement.ts";
import { type PreferenceRow, plainText } from "../../method/data/rows.ts";
import type { Source } from "../../method/data/source.ts";
import { crossingRows } from "../../method/split/dialogue-statistics.ts";
import { findDialogues, withDialogues } from "../../method/split/dialogues.ts";
import { splitRows } from "../../method/split/split.ts";
import { dropDuplicatePairs, dropDuplicates, validateRows } from "../../method/split/validate.ts";
import type { DataSource, FilesData } from "../recipe/job-settings.ts";
import { type Digested, defineStage, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { type DataFacts, type JobData, type SourceShare, writeData } from "./data-files.ts";
import { placedData, readingOf, renamedData, shortName, sourceInput, sourcesOf } from "./data-source.ts";
import { ANYTHING, type Encodable } from "./encodable.ts";
import { asRow, promptsToAnswer, withoutLeaks } from "./leaks.ts";
import { type LengthFilter, type LengthRule, openLengthFilter } from "./over-length.ts";
import { peopleLines, underNames } from "./people-file.ts";

/** What rows must suit, beside what reading asks: those that do not are left out before anything is split, for all arms alike. */
type RowRules = {
  readonly length?: LengthRule | undefined;
  /** Whether the models can take a row at all; one that they cannot is a bad row. */
  readonly encodable?: Encodable;
};

/** Reads, checks and splits files of preferences. No prompt, and no dialogue, is in two parts. */
export async function filesStage(
  deps: JobDeps,
  data: FilesData,
  seed: number,
  { length, encodable = ANYTHING }: RowRules = {},
): Promise<Artefact> {
  const sources = sourcesOf(data).map(({ source }) => sourceInput(source));
  return reading(deps, {
    name: "data",
    // What files are called is told in the report; where they lie is in no key.
    config: { ...renamedData(data), seed, ...(length && { limits: length.limits }) },
    inputs: {
      source: await Promise.all(sources),
      model: length?.models ?? [],
      readers: { value: encodable.check, source: encodable.digest },
    },
  });
}

type ReadingFiles = Running<
  FilesData & {
    readonly seed: number;
    /** Where rows over them are left out. */
    readonly limits?: LengthRule["limits"];
  },
  {
    readonly source: readonly Digested<Source>[];
    /** Whose tokens count against the limits. */
    readonly model: LengthRule["models"];
    readonly readers: Digested<Encodable["check"]>;
  }
>;

const reading = defineStage({
  version: 7,
  async run({ work, config: { seed, limits, ...renamed }, inputs, tools: { log } }: ReadingFiles) {
    const data = placedData(
      renamed,
      inputs.source.map(({ value }) => value),
    );
    const length = await openLengthFilter(limits && { models: inputs.model, limits });
    await writeData(work, await filesData(data, { log, check: inputs.readers.value, seed }, length));
  },
});

/** The parts of files. A prompt stays in the part that is measured rather than in one that is trained on. */
async function filesData(data: FilesData, how: Reading, length: LengthFilter): Promise<JobData> {
  const { seed } = how;
  const short = shortName(data);
  const split = await splitMain(data, how, length);
  const extra = data.files.labelled && (await readRows(data.files.labelled, how, length));
  const { pool: poolFile } = data.files;
  const own = poolFile && (await readCandidates(poolFile.source, { ...readingOf(poolFile), ...how }));
  const test = data.files.test && (await readRows(data.files.test, how, length));
  const main = renamed(split.labelled, own?.pairs ?? []);
  const added = renamed(extra?.rows ?? [], [...main, ...split.pool, ...(own?.pairs ?? [])]);
  const read = dropDuplicates([...main, ...added]);
  const labelled = added.length === 0 ? read.rows : withDialogues(read.rows);
  const unique = own && dropDuplicatePairs(length.keep(own.pairs));
  const drawn = own ?? toCandidates(split.pool, seed);
  const pool = withoutLeaks(unique ? withDialogues(unique.pairs) : drawn.pairs, labelled);
  const held = withoutLeaks(test ? withDialogues(test.rows) : split.test, [...labelled, ...pool.kept]);
  const answered = promptsToAnswer(held.kept, {
    sample: data.files.test !== undefined,
    most: data.testPrompts,
    seed,
  });
  const kept = new Set(pool.kept.map(({ id }) => id));
  const humanLabels = drawn.humanLabels.filter(({ id }) => kept.has(id));
  const poolRows = joinHumanLabels(pool.kept, humanLabels).rows;
  const people = [
    ...underNames(split.people, [[split.labelled, main]]),
    ...underNames(extra?.people ?? [], [[extra?.rows ?? [], added]]),
    ...(own?.people ?? []),
    ...(test?.people ?? []),
  ];
  const agreement = peopleAgreement(people, { seed });
  const reports = [split.report, extra?.report, own?.report, test?.report].filter((one) => one !== undefined);
  const single = reports.flatMap((one) =>
    one.sources.length === 0 ? [one] : one.sources.map(({ report }) => report),
  );
  const mixed = reports.flatMap(({ sources }) => sources);
  const total = (count: (report: LoadReport) => number) => reports.reduce((sum, one) => sum + count(one), 0);
  return {
    labelled,
    pool: pool.kept,
    humanLabels,
    gold: [],
    test: held.kept,
    people: peopleLines(people, {
      labelled: idsOf(labelled),
      pool: kept,
      test: idsOf(held.kept),
      humanLabels,
    }),
    prompts: answered.prompts,
    quality: {
      ...factsOf(
        reports.map(({ source }) => short(source)).join(", "),
        [...new Set(reports.map(({ format }) => format))].join(", "),
        [...split.all, ...(extra?.rows ?? []), ...(own ? poolRows : []), ...(test?.rows ?? [])],
        { labelled, pool: pool.kept.map(asRow), test: held.kept },
        [
          {
            kind: "exact duplicates removed",
            count: split.removed + read.removed.length + (unique?.removed.length ?? 0),
          },
          { kind: "human ties left out", count: total(({ ties }) => ties) },
          {
            kind: "left out: no answer has a majority of the people",
            count: [split.report, extra?.report, test?.report].reduce(
              (sum, one) => sum + (one?.undecided ?? 0),
              0,
            ),
          },
          { kind: "pairs left out: over the length limit", count: length.left },
          { kind: "bad rows skipped", count: total(({ bad }) => bad.length) },
          {
            kind: "responses that began with their prompt: taken off",
            count: total(({ repeats }) => repeats.takenOff),
          },
          {
            kind: "responses that begin with their prompt: left",
            count: total(({ repeats }) => repeats.left),
          },
          { kind: "rows of dialogues with several prompts, kept in one part", count: split.linked },
          { kind: "of these, in two parts if split by prompt", count: split.crossing },
          { kind: "unlabelled pairs left out: prompt also labelled", count: pool.samePrompt },
          { kind: "unlabelled pairs left out: dialogue also labelled", count: pool.sameDialogue },
          {
            kind: "unlabelled pairs without a human label to measure by",
            count: pool.kept.length - humanLabels.length,
          },
          { kind: "test rows left out: prompt also in training", count: held.samePrompt },
          { kind: "test rows left out: dialogue also in training", count: held.sameDialogue },
          { kind: "test prompts not answered: another of their dialogue is", count: answered.sameDialogue },
        ],
      ),
      rows: total(({ rows, undecided, unlabelled }) => rows + undecided + unlabelled),
      ...(agreement === null ? {} : { people: agreement }),
      ...(mixed.length === 0 ? {} : { sources: mixed.map((one) => sharesOf(one, short)) }),
      columns: Object.fromEntries(single.map(({ source, columns }) => [short(source), columns])),
    },
  };
}

const sharesOf = (
  { report: { source, format }, weight, pairs, taken }: SourceReport,
  short: (source: string) => string,
): SourceShare => ({ source: short(source), format, weight, pairs, taken });

const idsOf = (rows: readonly { readonly id: string }[]) => new Set(rows.map(({ id }) => id));

type SplitMain = Record<"all" | "labelled" | "pool" | "test", readonly PreferenceRow[]> & {
  readonly removed: number;
  /** Rows whose dialogue has other prompts, and those of them that a split by prompt would put beside it in another part. */
  readonly linked: number;
  readonly crossing: number;
  readonly people: readonly PeopleRecord[];
  readonly report: LoadReport | undefined;
};

const NO_MAIN: SplitMain = {
  ...{ all: [], labelled: [], pool: [], test: [], people: [] },
  ...{ removed: 0, linked: 0, crossing: 0, report: undefined },
};

/** The parts of the file that is split; empty ones where another file gives them. */
async function splitMain({ main, split }: FilesData, how: Reading, length: LengthFilter): Promise<SplitMain> {
  const { seed } = how;
  if (main === undefined) return NO_MAIN;
  const { rows, people, report } = await readRows(main, how, length);
  const unique = dropDuplicates(rows);
  const sizes = Object.fromEntries(Object.entries(split).filter(([, size]) => size > 0));
  const dialogues = findDialogues(unique.rows);
  const options = { seed, parts: sizes, by: splitKey };
  const { parts } = splitRows(withDialogues(unique.rows, dialogues), options);
  const { labelled = [], pool = [], test = [] } = parts;
  return {
    ...{ all: rows, labelled, pool, test, people, report },
    removed: unique.removed.length,
    linked: dialogues.linked.filter(Boolean).length,
    crossing: crossingRows(splitRows(unique.rows, options).parts, unique.rows, dialogues),
  };
}

/**
 * Files may number their rows alike: labelled rows get other ids where they clash. What is known by id of labelled pairs and of the pool (a
 * control's choices, an arm of both) must not meet under one name.
 */
function renamed(
  rows: readonly PreferenceRow[],
  others: readonly { readonly id: string }[],
): readonly PreferenceRow[] {
  const taken = new Set(others.map(({ id }) => id));
  return rows.map((row) => {
    let { id } = row;
    while (taken.has(id)) id = `labelled:${id}`;
    return id === row.id ? row : { ...row, id };
  });
}

/** What reading is done with, beside what a source says of itself; the seed draws a mixture's rows and the order of candidates. */
type Reading = Pick<LoadOptions, "log" | "check"> & { readonly seed: number };

async function readRows(source: DataSource, how: Reading, length: LengthFilter) {
  const read = await readPreferences(source.source, { ...readingOf(source), ...how });
  return { ...read, rows: length.keep(read.rows) };
}

/** What the report says of preferences that were read or made. */
export function factsOf(
  source: string,
  format: string,
  all: readonly PreferenceRow[],
  parts: Readonly<Record<string, readonly PreferenceRow[]>>,
  findings: readonly { kind: string; count: number }[],
): DataFacts {
  const report = validateRows(all);
  const prompts = (rows: readonly PreferenceRow[]) => new Set(rows.map((row) => plainText(row.prompt))).size;
  return {
    source,
    format,
    rows: all.length,
    parts: Object.fromEntries(
      Object.entries(parts).map(([name, rows]) => [name, { rows: rows.length, prompts: prompts(rows) }]),
    ),
    findings: [
      { kind: "contradictory pairs", count: report.contradictions.length },
      { kind: "identical pairs", count: report.identicalPairs.length },
      { kind: "empty responses", count: report.emptyChosen.length + report.emptyRejected.length },
      ...findings,
    ],
  };
}
