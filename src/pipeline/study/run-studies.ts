/**
 * Runs or plans studies in one folder: all of their variants share its stages, so that equal work is done once, in whatever order
 * studies are asked for, and again after an interruption. One report for all that were asked for.
 */
import { resolve } from "node:path";
import { AlignError, ConfigError, messageOf } from "../../base/core/errors.ts";
import { ensureFolder } from "../../base/core/files.ts";
import { formatBytes, formatSeconds, type Log, silentLog } from "../../base/core/log.ts";
import { shellWord } from "../../base/core/shell.ts";
import { removeDeadTemporaries } from "../../base/core/temporaries.ts";
import { type LateRuntime, lateRuntime } from "../../engine/runtime/late-runtime.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { Study } from "../../report/data.ts";
import { computeOf } from "../recipe/job.ts";
import { paperTables } from "../results/paper-numbers.ts";
import { type StageDisk, sumDisk } from "../run/estimate-disk.ts";
import { type Helpers, inTurn } from "../run/in-turn.ts";
import type { RunReport } from "../run/run-reports.ts";
import { checkLayout } from "../stages/layout.ts";
import { openPipeline, type Pipeline, type StageStep } from "../stages/pipeline.ts";
import { studyAmounts } from "./amounts.ts";
import { type Paper, SMALL, type StudyContext, type StudyRequest, studyContext } from "./context.ts";
import { estimateVariants } from "./estimate-variants.ts";
import { checkJudges } from "./judges-named.ts";
import type { CellOutcome } from "./outcomes.ts";
import { overSeeds } from "./over-seeds.ts";
import { openStudyPlan, type PlannedStage } from "./plan.ts";
import { writeStudyReport } from "./report-studies.ts";
import { readVariant, runVariant, variantJob } from "./run-variant.ts";
import { EVERY_STUDY, studiesNamed } from "./studies/index.ts";
import type { StudyDefinition } from "./study.ts";
import {
  type LeftOut,
  type PlacedStudy,
  settingsInWords,
  type Variant,
  variantKeys,
  variantsOf,
} from "./variants.ts";

/** How to run. */
export type StudyOptions = {
  readonly log?: Log;
  readonly signal?: AbortSignal;
  readonly code: string;
  readonly dryRun?: boolean;
  /** Processes that share the work and the cores, this one included, default 1. */
  readonly jobs?: number;
  /** Starts so many more processes with the same command and `helper`. */
  readonly startHelpers?: (count: number) => Helpers;
  /** Compute only, beside the process that writes the report. */
  readonly helper?: boolean;
};

/** A variant of a plan with its stages; `seconds` is the estimate of what is not kept. */
export type PlannedVariant = {
  readonly variant: Variant;
  readonly stages: readonly PlannedStage[];
  readonly seconds: number;
  /** What its open stages put on the disk. */
  readonly disk: readonly StageDisk[];
};

/** What came of it; a dry run has no report. */
export type StudiesOutcome = {
  readonly folder: string;
  readonly studies: readonly StudyDefinition[];
  readonly leftOut: readonly LeftOut[];
  readonly plan: readonly PlannedVariant[];
  readonly steps: readonly StageStep[];
  readonly report: RunReport | undefined;
};

/**
 * Runs studies by name; "all" leaves out those that lack something, a study asked for by name must have all it needs.
 * @throws ConfigError for an unknown study or one that cannot be run; InterruptedError when `signal` fires, with finished stages kept
 */
export async function runStudies(
  request: StudyRequest,
  names: readonly string[],
  options: StudyOptions,
): Promise<StudiesOutcome> {
  const folder = resolve(request.out);
  const log = options.log ?? silentLog;
  const { placed, leftOut } = await placeStudies(request, names);
  for (const { name, why } of leftOut) log.info(`study ${name} is left out: ${why}`);
  const variants = variantsOf(placed);
  const { jobs = 1, helper = false } = options;
  const runtimes = openOnce(placed[0]!.context);
  let helpers: Helpers | undefined;
  try {
    const plan = helper ? [] : await planVariants(folder, variants, runtimes.get, options);
    const outcome = { folder, studies: placed.map(({ study }) => study), leftOut, plan };
    if (options.dryRun === true) return { ...outcome, steps: [], report: undefined };
    announce(plan, log);
    const sharers = helper ? jobs : Math.min(jobs, plan.filter(isOpen).length);
    await runtimes.share(sharers);
    await ensureFolder(folder).catch((cause: unknown) => {
      const advice = "Choose another folder with --out.";
      throw new AlignError("io", `${folder}: cannot be made: ${messageOf(cause)}. ${advice}`, { cause });
    });
    if (!helper && sharers > 1) helpers = options.startHelpers?.(sharers - 1);
    const { outcomes, steps } = await runAll(folder, variants, runtimes.get, options);
    if (helper) return { ...outcome, steps, report: undefined };
    const made = placed.map((one) => studyOf(one, outcomes));
    const report = await writeStudyReport(folder, {
      placed,
      leftOut,
      studies: made.map(({ study }) => study),
      headlineNotes: made.flatMap(({ headline }) => headline),
      steps,
      variants,
      code: options.code,
    });
    return { ...outcome, steps, report };
  } finally {
    await helpers?.stop();
    await runtimes.close();
  }
}

async function placeStudies(
  request: StudyRequest,
  names: readonly string[],
): Promise<{ placed: PlacedStudy[]; leftOut: LeftOut[] }> {
  const contexts = new Map<Paper, StudyContext>();
  const placed: PlacedStudy[] = [];
  const leftOut: LeftOut[] = [];
  for (const study of studiesNamed(names)) {
    const context = contexts.get(study.paper) ?? (await studyContext(withOwn(request, study), study.paper));
    contexts.set(study.paper, context);
    const why = lacking(study, context);
    if (why === undefined) placed.push({ study, context });
    else leftOut.push({ name: study.name, why });
  }
  checkJudges(request.judge, placed);
  const all = names.includes("all");
  if (leftOut.length > 0 && (!all || placed.length === 0))
    throw new ConfigError(leftOut.map(({ name, why }) => `study ${name}: ${why}.`));
  return { placed, leftOut };
}

/** What a standalone study starts from, where the command names nothing else; a recipe of one's own has its own seeds. */
const withOwn = (request: StudyRequest, { own }: StudyDefinition): StudyRequest =>
  own === undefined || request.recipe !== undefined
    ? request
    : { ...request, recipe: own.base, seeds: request.seeds ?? own.seeds };

function lacking(study: StudyDefinition, context: StudyContext): string | undefined {
  if (context.recipe.executor.kind !== "local")
    return "studies run on this machine: expected executor.kind local";
  const own = study.lacks?.(context);
  if (own !== undefined || study.byTestAccuracy || context.recipe.eval.gold.length > 0) return own;
  const measures = study.cells(context).some(({ arms }) => arms.length > 0);
  return measures ? "compares students by gold reward: name a scorer with --set eval.gold" : undefined;
}

type Runtimes = LateRuntime & {
  /** From here on the cores are shared with other processes. */
  share(processes: number): Promise<void>;
};

/** One runtime for all variants, opened when something first computes: compiled graphs serve them all. */
function openOnce({ recipe }: StudyContext): Runtimes {
  const { device, threads } = computeOf(recipe);
  let own = threads;
  const { get, close } = lateRuntime(() => ({ device, threads: own }));
  return {
    get,
    share: async (processes) => {
      // A recipe's own number of threads is every process's.
      if (recipe.threads !== undefined || processes < 2) return;
      await close();
      own = Math.max(1, Math.floor(threads / processes));
    },
    close,
  };
}

async function planVariants(
  folder: string,
  variants: readonly Variant[],
  runtime: () => Runtime,
  { code, log = silentLog, signal }: StudyOptions,
): Promise<PlannedVariant[]> {
  const plan = openStudyPlan(folder, code);
  const planned: {
    variant: Variant;
    stages: readonly PlannedStage[];
    job: Awaited<ReturnType<typeof variantJob>>;
  }[] = [];
  for (const variant of variants) {
    const job = await variantJob(variant, log);
    const { pipeline, stages } = plan.variant();
    await runVariant({ pipeline, runtime, log, signal }, variant, job);
    planned.push({ variant, stages, job });
  }
  const estimates = planned.some(isOpen) ? await estimateVariants(runtime(), planned) : [];
  const nothing = { seconds: 0, disk: [] };
  return planned.map(({ variant, stages }, i) => ({ variant, stages, ...(estimates[i] ?? nothing) }));
}

function announce(plan: readonly PlannedVariant[], log: Log): void {
  if (plan.some(isOpen)) log.info(planSummary(plan));
}

const isOpen = ({ stages }: Pick<PlannedVariant, "stages">) => stages.some(({ state }) => state !== "cached");

/** The size of a plan in one line. */
export function planSummary(plan: readonly PlannedVariant[]): string {
  const stages = new Map(
    plan.flatMap(({ stages: list }) => list.map((stage) => [stage.symbol, stage] as const)),
  );
  const open = [...stages.values()].filter(({ state }) => state !== "cached");
  const students = open.filter(({ name }) => /^student-(?!sft|vocabulary)/.test(name)).length;
  const seconds = plan.reduce((total, { seconds: own }) => total + own, 0);
  const { peak, end } = sumDisk(plan.flatMap(({ disk }) => disk));
  return `${plan.length} variant${plan.length === 1 ? "" : "s"}, ${stages.size} stages, ${open.length} of them to compute (${students} students); about ${formatSeconds(seconds)}, up to ${formatBytes(peak)} more on the disk and ${formatBytes(end)} at the end`;
}

async function runAll(
  folder: string,
  variants: readonly Variant[],
  runtime: () => Runtime,
  { code, log = silentLog, signal, helper = false }: StudyOptions,
): Promise<{ outcomes: ReadonlyMap<string, CellOutcome>; steps: readonly StageStep[] }> {
  await checkLayout(folder);
  await removeDeadTemporaries(folder);
  const pipeline: Pipeline = openPipeline({ folder, code, log, signal });
  const outcomes = new Map<string, CellOutcome>();
  // A helper begins at the other end, so that those that share equal stages seldom want them at once.
  await inTurn(folder, helper ? variants.toReversed() : variants, async (variant) => {
    const at = `variant ${variants.indexOf(variant) + 1} of ${variants.length}`;
    log.info(`${at}: ${settingsInWords(variant)} (${variant.usedBy.join(", ")})`);
    const job = await variantJob(variant, log);
    const result = await runVariant({ pipeline, runtime, log, signal }, variant, job);
    if (!helper) outcomes.set(variant.key, await readVariant(result));
  });
  return { outcomes, steps: pipeline.steps() };
}

function studyOf(
  { study, context }: PlacedStudy,
  outcomes: ReadonlyMap<string, CellOutcome>,
): { readonly study: Study; readonly headline: readonly string[] } {
  const cells = new Map(study.cells(context).map((cell) => [cell.id, cell]));
  // One object for equal cells: a student that stands in two of them is known by it.
  const merged = new Map<string, CellOutcome>();
  const outcomeOf = (id: string): CellOutcome => {
    const cell = cells.get(id);
    if (cell === undefined) throw new Error(`internal: study ${study.name} has no cell ${id}`);
    const keys = variantKeys(context, cell.settings);
    const whole = merged.get(keys.join()) ?? overSeeds(keys.map((key) => outcomes.get(key)!));
    merged.set(keys.join(), whole);
    return whole;
  };
  const content = study.report({ context, cell: outcomeOf });
  const amounts = studyAmounts(
    study.name,
    [...cells.values()].map(({ id, arms }) => ({
      id,
      names: arms.map(({ name }) => name),
      arms: outcomeOf(id).arms,
    })),
  );
  const { name, title, question, paperItem } = study;
  const { seeds } = context;
  const many = seeds.length > 1;
  const made = `Made with: ${commandOf(study, context)}; ${cells.size} cell${cells.size === 1 ? "" : "s"}, seed${many ? "s" : ""} ${seeds.join(", ")}.`;
  const notes = [...(content.notes ?? []), ...(many ? [overSeedsNote(seeds)] : []), made];
  const tables = [...(content.tables ?? []), ...amounts.tables, ...paperTables(name)];
  return {
    study: { id: name, title, question, paperItem, ...content, tables, notes },
    headline: amounts.headline,
  };
}

const overSeedsNote = (seeds: readonly number[]): string =>
  `Figures whose n counts seeds go over ${seeds.length} seeds; all others are of seed ${seeds[0]} alone.`;

/** The command that computes a study, with the flags that its cells depend on. */
function commandOf({ name, paper, own }: StudyDefinition, context: StudyContext): string {
  const { scale, base, set, weak, student, seeds } = context;
  const flags = {
    recipe: base === (own?.base ?? (scale === "small" ? SMALL : paper)) ? [] : [base],
    // Where results go changes none of them.
    set: set.filter((text) => !text.startsWith("out=")),
    seeds: seeds.length > 1 ? [seeds.join(",")] : [],
    weak,
    student,
  };
  const words = Object.entries(flags).flatMap(([flag, values]) =>
    values.flatMap((value) => [`--${flag}`, shellWord(value)]),
  );
  return ["weak-teacher study", name, "--scale", scale, ...words].join(" ");
}

/** Every study with what it stands beside, for a listing. */
export const studyList = (): readonly { name: string; title: string; paperItem: string }[] =>
  EVERY_STUDY.map(({ name, title, paperItem }) => ({ name, title, paperItem }));
