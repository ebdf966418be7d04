/**
 * What a job will take, before it starts. For files it counts a token per four characters: meant to tell
 * minutes from hours and fitting from not. Length: every kind of stage has its estimate here.
 */
import { createRng } from "../../base/core/rng.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import type { PairCheck } from "../../method/data/encodable.ts";
import { readCandidates } from "../../method/data/load.ts";
import { rowLength, type TokenRow } from "../../method/data/packing.ts";
import { plainText } from "../../method/data/rows.ts";
import {
  estimateTraining,
  formatEstimate,
  type Machine,
  type ModelShape,
  type TrainEstimate,
} from "../../method/train/estimate.ts";
import {
  estimateSampling,
  estimateScoring,
  formatInference,
  type InferenceEstimate,
} from "../../method/train/estimate-inference.ts";
import { type MachineRate, measureRate } from "../../method/train/machine-rate.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { readingOf } from "../job/data-source.ts";
import { jobEncodable } from "../job/encodable.ts";
import { type KnownShape, shapeOf, trimmedVocabulary, withLora } from "../job/model-shape.ts";
import { startOf } from "../job/student-stages.ts";
import { trainerOfStage } from "../job/trainer-checks.ts";
import { readPromptList } from "../job/world-stage.ts";
import type { DataSource, MainJob, PARTS, RowSpec, WorldData } from "../recipe/job-settings.ts";
import { givensOf, membersOf, type PlacedMember, suffixOf } from "../recipe/teacher-settings.ts";

/** One stage and what it will take on this machine at rest. */
export type StageEstimate = {
  readonly stage: string;
  readonly estimate: TrainEstimate | InferenceEstimate;
  /** How many times longer it takes while the machine is as busy as it is now (`measureRate`). */
  readonly slowdown: number;
};

/** An estimate before the machine's state is set beside it. */
type Counted = Omit<StageEstimate, "slowdown">;

/** Seconds that every stage takes beside its arithmetic: loading, compiling, writing. */
export const OVERHEAD_SECONDS = 0.5;

/** Estimates every stage of a job that trains, samples or scores, on this machine's matrix rate and rows like the data's, measured and read unless given. */
export async function estimateJob(
  runtime: Runtime,
  job: MainJob,
  found: { readonly rate?: MachineRate; readonly rows?: SampledRows } = {},
): Promise<StageEstimate[]> {
  const { device, threads } = runtime;
  const { gflops, slowdown } = found.rate ?? (await measureRate(runtime));
  const rows = found.rows ?? (await sampleRows(job));
  const left = tokensLeft(rows);
  const known = {
    job,
    weak: await Promise.all(
      membersOf(job.teacher, job.seed, job.models.weak).map(async (member) => ({
        member,
        shape: await shapeOf(member.weak, left),
      })),
    ),
    judges: await Promise.all(
      givensOf(job.teacher, job.models.weak).flatMap(({ given, model, place }) =>
        given.kind === "judge-local"
          ? [shapeOf({ ...model!, vocabulary: "keep" }).then((shape) => ({ shape, place }))]
          : [],
      ),
    ),
    student: await shapeOf(job.models.student, left),
    base: await shapeOf({ source: job.models.student.source, vocabulary: "keep" }),
    rows,
    machine: { device, threads, gflops },
  };
  const all = [...dataEstimates(known), ...teacherEstimates(known), ...studentEstimates(known)];
  return all
    .filter(({ stage }) => trainerOfStage(job, stage) === undefined)
    .map((one) => ({ ...one, slowdown }));
}

/** Rows of about the right number and lengths, by part; `prompts` are those that are generated to. */
export type SampledRows = Readonly<Record<"labelled" | "pool" | "test", readonly TokenRow[]>> & {
  readonly prompts: number;
};

type Known = {
  readonly job: MainJob;
  /** Teachers that are trained, each with its base. */
  readonly weak: readonly { readonly member: PlacedMember; readonly shape: KnownShape }[];
  /** Local judges. */
  readonly judges: readonly { readonly shape: ModelShape; readonly place: number }[];
  readonly student: KnownShape;
  /** The student before its vocabulary is trimmed: what samples a world. */
  readonly base: ModelShape;
  readonly rows: SampledRows;
  readonly machine: Machine;
};

const training = (
  { machine }: Known,
  stage: string,
  model: ModelShape,
  rows: readonly TokenRow[],
  settings: TrainSettings,
): Counted => ({ stage, estimate: estimateTraining(model, rows, settings, machine) });

const preferred = (rows: readonly TokenRow[]) =>
  rows.map((row) => ({ ...row, responses: row.responses.slice(0, 1) }));

/** A world's candidates are sampled; files are read in no time. */
function dataEstimates({ job, base, rows, machine }: Known): Counted[] {
  if (job.data.kind !== "world") return [];
  const pairs = rows.labelled.length + rows.pool.length + rows.test.length;
  const { maxNewTokens } = job.data.sampling;
  const sampling = { sequences: 2 * pairs, maxNewTokens, promptTokens: meanPrompt(rows.pool) };
  return [{ stage: "candidates", estimate: estimateSampling(base, sampling, machine) }];
}

function teacherEstimates(known: Known): Counted[] {
  const { weak, judges, rows, machine } = known;
  // A cascade's second teacher is asked less than the whole pool, nobody knows how much less.
  return [
    // Each pair is asked in both orders, the answers are a token each.
    ...judges.flatMap(({ shape, place }) =>
      (
        [
          ["pool", rows.pool],
          ["held-out", rows.labelled],
          ["test", rows.test],
        ] as const
      ).map(([part, scored]) => ({
        stage: `${part}-scores${suffixOf(place)}`,
        estimate: estimateScoring([shape, shape], scored, machine),
      })),
    ),
    ...weak.flatMap((one) => memberEstimates(known, one, suffixOf(one.member.place))),
  ];
}

function memberEstimates(known: Known, { member, shape }: Known["weak"][number], suffix: string): Counted[] {
  const { job, rows, machine } = known;
  const { heldOut: share, folds } = job.label;
  const { sft, sftLora, lora } = member;
  const models = member.kind === "implicit-reward" ? [shape, shape] : [shape];
  const [second, settings] =
    member.reward === undefined
      ? (["prefer", member.prefer!.settings] as const)
      : (["reward", member.reward] as const);
  const stages = (name: string, taught: readonly TokenRow[]) => [
    ...(sft ? [training(known, `${name}-sft`, withLora(shape, sftLora), preferred(taught), sft)] : []),
    training(known, `${name}-${second}`, withLora(shape, lora), taught, settings),
  ];
  const scoring = (stage: string, scored: readonly TokenRow[]) => ({
    stage,
    estimate: estimateScoring(models, scored, machine),
  });
  const taught = rows.labelled.slice(0, Math.round(rows.labelled.length * (1 - share)));
  const fold = rows.labelled.slice(0, Math.round(rows.labelled.length / Math.max(1, folds)));
  const others = rows.labelled.slice(fold.length);
  return [
    ...stages(`teacher${suffix}`, taught),
    scoring(`pool-scores${suffix}`, rows.pool),
    scoring(`test-scores${suffix}`, rows.test),
    ...(folds === 0 ? [scoring(`held-out-scores${suffix}`, rows.labelled.slice(taught.length))] : []),
    ...Array.from({ length: folds }, (_, i) => `fold-${i + 1}`).flatMap((name) => [
      ...stages(`teacher${suffix}-${name}`, others),
      scoring(`held-out-scores${suffix}-${name}`, fold),
    ]),
  ];
}

function studentEstimates(known: Known): Counted[] {
  const { job, student, rows, machine } = known;
  const { arms, evaluation } = job;
  const starts = new Map(arms.flatMap((arm) => startOf(arm)));
  const rowsOf = ({ data }: RowSpec) =>
    data === "labelled" ? rows.labelled : data === "both" ? [...rows.pool, ...rows.labelled] : rows.pool;
  const adapted = withLora(student, job.student.lora);
  const { maxNewTokens, perPrompt } = evaluation.generation;
  const sequences = rows.prompts * (perPrompt ?? 1);
  const measured = arms.flatMap(({ name, training: kind }): Counted[] => {
    const models = kind !== "prefer" ? [student] : [student, student];
    const sampling = { sequences, maxNewTokens, promptTokens: meanPrompt(rows.test) };
    return [
      ...(evaluation.gold.length === 0
        ? []
        : [{ stage: `generate-${name}`, estimate: estimateSampling(student, sampling, machine) }]),
      { stage: `test-accuracy-${name}`, estimate: estimateScoring(models, rows.test, machine) },
    ];
  });
  return [
    ...[...starts].map(([name, spec]) =>
      training(known, name, student, preferred(rowsOf(spec)), job.student.sft),
    ),
    ...arms
      .filter(({ training: kind }) => kind === "prefer")
      .map(({ name, prefer, rows: spec }) =>
        training(known, `student-${name}`, adapted, rowsOf(spec), (prefer ?? job.student.prefer).settings),
      ),
    ...measured,
  ];
}

/** Tokens that a vocabulary trimmed to these rows would have. */
export const tokensLeft = ({ labelled, pool, test }: SampledRows): number =>
  trimmedVocabulary([...labelled, ...pool, ...test].reduce((sum, row) => sum + rowLength(row), 0));

const meanPrompt = (rows: readonly TokenRow[]) =>
  rows.reduce((sum, { prompt }) => sum + prompt.length, 0) / Math.max(1, rows.length);

/** The estimates as lines, and their sum. */
export function formatEstimates(estimates: readonly StageEstimate[]): string {
  const width = Math.max(...estimates.map(({ stage }) => stage.length));
  const lines = estimates.map(
    ({ stage, estimate }) =>
      `${stage.padEnd(width)}  ${"steps" in estimate ? formatEstimate(estimate) : formatInference(estimate)}`,
  );
  return `${lines.join("\n")}\n${totalWords(estimates)}, scoring by gold models and judges not counted`;
}

/** Estimates of whole jobs were within this factor of what they took; `scripts/estimate-truth.mjs` sets them beside each other. */
const WITHIN = 1.5;
/** A machine that is slower than this by what else runs on it is told so. */
const BUSY = 1.25;

/** The sum as a range, and what it becomes on a machine that is busy. */
function totalWords(estimates: readonly StageEstimate[]): string {
  const seconds = estimates.reduce((total, { estimate }) => total + OVERHEAD_SECONDS + estimate.seconds, 0);
  const minutes = (times: number) => ((seconds * times) / 60).toFixed(1);
  const range = (times: number) => `${minutes(times / WITHIN)} to ${minutes(times * WITHIN)} minutes`;
  const { slowdown } = estimates[0] ?? { slowdown: 1 };
  return slowdown < BUSY
    ? `in all: ${range(1)}`
    : `in all: ${range(1)} on this machine at rest; others compute on it, and as busy as it is now ${range(slowdown)}`;
}

/** Rows of about the right number and lengths; token ids are all 0. */
export async function sampleRows(job: MainJob): Promise<SampledRows> {
  const { data, limits } = job;
  if (data.kind === "world") return worldRows(data, limits);
  const how = { limits, check: (await jobEncodable(job)).check, seed: job.dataSeed ?? job.seed };
  const main = data.main === undefined ? [] : await rowsIn(data.main, how);
  const count = (part: number) =>
    part === 0 ? 0 : Math.min(main.length, part <= 1 ? Math.round(part * main.length) : part);
  const own = async (part: (typeof PARTS)[number]) =>
    data.files[part] === undefined ? [] : await rowsIn(data.files[part], how);
  const [labelled, pool] = [count(data.split.labelled), count(data.split.pool)];
  const test = [
    ...main.slice(labelled + pool, labelled + pool + count(data.split.test)),
    ...(await own("test")),
  ];
  return {
    labelled: [...main.slice(0, labelled), ...(await own("labelled"))],
    pool: [...main.slice(labelled, labelled + pool), ...(await own("pool"))],
    test,
    prompts: Math.min(data.testPrompts, test.length),
  };
}

async function worldRows(data: WorldData, limits: TokenLimits): Promise<SampledRows> {
  const prompts = await readPromptList(data);
  const response = data.sampling.maxNewTokens + 1;
  const rows = prompts.flatMap((prompt) =>
    Array.from({ length: data.pairsPerPrompt }, () =>
      rowOf(prompt.length, [4 * response, 4 * response], limits),
    ),
  );
  const labelled = Math.round(data.labelled * rows.length);
  const test = rows.length - Math.round(data.test * rows.length);
  return {
    labelled: rows.slice(0, labelled),
    pool: rows.slice(labelled, test),
    test: rows.slice(test),
    prompts: Math.round(data.test * prompts.length),
  };
}

type RowReading = {
  readonly limits: TokenLimits;
  readonly check: PairCheck | undefined;
  readonly seed: number;
};

/** Read as candidates, so that a pool that nobody judged is read, too. */
async function rowsIn(source: DataSource, { limits, check, seed }: RowReading): Promise<TokenRow[]> {
  const { pairs } = await readCandidates(source.source, { ...readingOf(source), seed, check });
  const rows = pairs.map(({ prompt, a, b }) =>
    rowOf(plainText(prompt).length, [plainText(a).length, plainText(b).length], limits),
  );
  // Parts are cut from the front, where several sources stand one after another.
  return typeof source.source === "string" ? rows : createRng(seed).shuffle(rows);
}

function rowOf(
  promptLength: number,
  responseLengths: readonly number[],
  { maxLength, maxPromptLength }: TokenLimits,
): TokenRow {
  const tokens = (characters: number, most: number) => Math.max(1, Math.min(most, Math.ceil(characters / 4)));
  const prompt = tokens(promptLength, maxPromptLength);
  const zeros = (length: number) => new Array<number>(length).fill(0);
  return {
    prompt: zeros(prompt),
    responses: responseLengths.map((length) => zeros(tokens(length, maxLength - prompt))),
  };
}
