/**
 * Runs or plans a recipe: the models are fetched, the resolved recipe is written into the run's folder, the stages go, and the
 * report is written.
 */

import { join, resolve } from "node:path";
import { fits, freeBytes } from "../../base/core/disk.ts";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { formatBytes, type Log, silentLog } from "../../base/core/log.ts";
import { oneLine } from "../../base/core/shell.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { measureRate } from "../../method/train/machine-rate.ts";
import { checkGoldServers } from "../job/gold-stage.ts";
import { type JobResult, runMainJob } from "../job/main-job.ts";
import { checkTrainersThere } from "../job/trainer-checks.ts";
import { hubModels, withLocalModels } from "../recipe/hub-models.ts";
import { computeOf, jobOf } from "../recipe/job.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { withWholePaths } from "../recipe/paths.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import type { Recipe } from "../recipe/schema.ts";
import { recipeYaml } from "../recipe/write.ts";
import { keptNames } from "../stages/cache.ts";
import { checkLayout } from "../stages/layout.ts";
import { withDeps } from "../stages/open-deps.ts";
import { checkStageExists, type StageStep } from "../stages/pipeline.ts";
import type { StageJob } from "./cluster/stage-job.ts";
import { threadsOf } from "./cluster/stage-resources.ts";
import { type AnyCluster, clusterJobs, runOnCluster } from "./clusters.ts";
import { estimateJob, formatEstimates, type StageEstimate, sampleRows } from "./estimate.ts";
import { type DiskEstimate, estimateDisk } from "./estimate-disk.ts";
import { estimateJudges, formatJudges, type JudgeAhead } from "./estimate-judges.ts";
import { proposeTrims, type TrimProposal } from "./propose-trims.ts";
import { writePlan } from "./recorded.ts";
import { withRunLog } from "./run-log.ts";
import { askedRecipe, nodeRecipe, runRecipes } from "./run-recipe.ts";
import { readRunRecord } from "./run-record.ts";
import { type RunReport, recordAndReport } from "./run-reports.ts";

/** How to run. */
export type RunOptions = {
  readonly log?: Log;
  readonly signal?: AbortSignal;
  /** Version of the code, part of every stage's key. */
  readonly code: string;
  /** Nothing is computed, downloaded or written. */
  readonly dryRun?: boolean;
  /** Compute every stage again. */
  readonly fresh?: boolean;
  /** With an executor that is a cluster: submit everything and return. */
  readonly detach?: boolean;
  /** Cores to compute on where that is not the recipe's, as processes share them. */
  readonly threads?: number;
};

/** What came of it; a dry run has no report but an estimate. */
export type RunOutcome = {
  readonly estimates?: readonly StageEstimate[];
  /** Of a dry run: models whose vocabulary is worth trimming. */
  readonly trims?: readonly TrimProposal[];
  /** Of a dry run: what chat judges are about to be asked. */
  readonly judges?: readonly JudgeAhead[];
  /** Of a dry run: what stages that are to come put on the disk, and what is free there. */
  readonly disk?: DiskEstimate & { readonly free: number | undefined };
  readonly folder: string;
  readonly steps: readonly StageStep[];
  readonly report: RunReport | undefined;
  /** Of a dry run for a cluster: the jobs that would be submitted. */
  readonly jobs?: readonly StageJob[];
  /** Of a run that is left to the cluster: ids of its jobs by stage. */
  readonly submitted?: Readonly<Record<string, readonly string[]>>;
};

/**
 * Runs a recipe, going on from what is kept of earlier runs.
 * @throws AlignError as the stages do; InterruptedError when `signal` fires, with everything finished kept
 */
export async function runRecipe(written: Recipe, given: RunOptions): Promise<RunOutcome> {
  const asked = withWholePaths(written);
  const { dryRun = false, detach = false } = given;
  const folder = resolve(asked.out);
  const options = dryRun ? given : { ...given, log: withRunLog(folder, given.log ?? silentLog) };
  await checkLayout(folder);
  const settings = clusterOf(asked, options);
  // Before anything is made: jobs' scripts begin with these.
  if (settings !== undefined) [folder, process.cwd()].map(oneLine);
  const [remote] = hubModels(asked);
  if (dryRun && remote)
    throw new ConfigError(
      `--dry-run: ${remote} is not planned, for a plan downloads nothing. Download the model and name its folder, or run.`,
    );
  const recipe = dryRun ? asked : await withLocalModels(asked, options.log);
  const job = jobOf(recipe);
  const prepare = async () => {
    // Downloads lie elsewhere on every machine, so the recipe is kept as it was asked for.
    await writeFileAtomic(join(folder, RESOLVED), recipeYaml(asked));
    // Nodes of a cluster may have no network: their recipe names the folders that were downloaded here.
    if (settings !== undefined) await writeFileAtomic(nodeRecipe(folder, settings.kind), recipeYaml(recipe));
    await announce(recipe, job, options);
  };
  const plan = async () => (await runStages(recipe, job, { ...options, dryRun: true })).steps;
  if (dryRun) {
    const steps = await plan();
    const jobs = settings && (await clusterJobs({ folder, recipe: asked, settings, detach }, steps));
    const { stages: estimated, trims } = await estimates(recipe, job, { propose: true });
    const disk = {
      ...(await estimateDisk(job, estimated, openStages(steps))),
      free: await freeBytes(folder),
    };
    const judges = await estimateJudges(job, openStages(steps));
    const outcome = { folder, steps, report: undefined, estimates: estimated, trims, judges, disk };
    return jobs === undefined ? outcome : { ...outcome, jobs };
  }
  let submitted: Record<string, string[]> | undefined;
  if (settings === undefined) await prepare();
  else {
    const { log = silentLog, signal } = options;
    const how = { folder, recipe: asked, settings, detach };
    submitted = await runOnCluster({ ...how, log, signal, prepare, plan });
    if (detach) return { folder, steps: await plan(), report: undefined, submitted };
  }
  // What jobs made is taken from where it is kept; nothing is computed here then.
  const { result, steps: all } = await (submitted === undefined
    ? runStages(recipe, job, options)
    : planRun(folder, asked, recipe, job, options).then(finished));
  const steps = all.map((step) => (submitted?.[step.name] ? { ...step, state: "run" as const } : step));
  return { folder, steps, report: await recordAndReport({ recipe: asked, job, result, steps }, options) };
}

/** The cluster of a recipe that has one. @throws ConfigError for options that have no effect there, or only there */
function clusterOf({ executor }: Recipe, { detach, fresh }: RunOptions): AnyCluster | undefined {
  if (executor.kind !== "local") {
    if (fresh === true)
      throw new ConfigError(
        "--fresh: jobs of a cluster go on from what is kept. Remove the run's folder instead, or give another with --out.",
      );
    return executor;
  }
  if (detach === true)
    throw new ConfigError(
      "--detach: has no effect on this machine. Give it with executor.kind=slurm or ray, or leave it out.",
    );
  return undefined;
}

/**
 * Runs one stage of a run by itself, from the recipe in the run's folder; what it needs must be there. Several processes may do so for one
 * stage: where its work can be shared they share it, else one waits for the other.
 * @throws ConfigError when the run has no such stage; AlignError "pipeline" when an input is missing
 */
export async function runOneStage(folder: string, name: string, options: RunOptions): Promise<StageStep> {
  const { asked, recipe: local } = await runRecipes(folder, options.log);
  const { executor } = asked;
  const threads = executor.kind === "local" ? asked.threads : threadsOf(executor, name, asked.threads);
  const recipe: Recipe = threads === undefined ? local : { ...local, threads };
  const { steps } = await runStages(recipe, jobOf(recipe), options, name);
  checkStageExists(name, steps);
  return steps.find((step) => step.name === name)!;
}

/** A run as it lies in its folder, planned and not computed. */
export type OpenedRun = {
  readonly folder: string;
  /** As it was asked for, and with its models on this machine. */
  readonly asked: Recipe;
  readonly recipe: Recipe;
  readonly job: MainJob;
  /** Artefacts of stages that are not finished have no digest. */
  readonly result: JobResult;
  readonly steps: readonly StageStep[];
};

/**
 * A finished run by its own record (`run-record.ts`), whatever became of the models and the data it was computed with; undefined where the
 * record does not say all.
 * @throws as `openRun`; DataError when a file of an artefact is not what its stage made
 */
export async function openRecordedRun(folder: string, code: string): Promise<OpenedRun | undefined> {
  const asked = await askedRecipe(folder);
  const run = await readRunRecord(folder, asked, code);
  return run && { folder: resolve(folder), asked, recipe: asked, ...run };
}

/** Opens the folder of a run; nothing is computed. @throws ConfigError when the folder is no run */
export async function openRun(folder: string, options: RunOptions): Promise<OpenedRun> {
  const { asked, recipe } = await runRecipes(folder, options.log);
  return planRun(folder, asked, recipe, jobOf(recipe), options);
}

async function planRun(
  folder: string,
  asked: Recipe,
  recipe: Recipe,
  job: MainJob,
  options: RunOptions,
): Promise<OpenedRun> {
  // What is opened is what is kept: `fresh` is for what is computed beside it.
  const { result, steps } = await runStages(recipe, job, { ...options, dryRun: true, fresh: false });
  return { folder: resolve(folder), asked, recipe, job, result, steps };
}

/** As `openRun`. @throws AlignError "pipeline" when a stage is not finished, or only by another version or under other settings */
export async function openFinishedRun(folder: string, options: RunOptions): Promise<OpenedRun> {
  return finished(await openRun(folder, options));
}

async function finished(run: OpenedRun): Promise<OpenedRun> {
  const { folder } = run;
  const open = run.steps.filter(({ state }) => state !== "cached").map(({ name }) => name);
  if (open.length === 0) return run;
  const kept = await keptNames(join(folder, "stages"));
  const other = open.filter((name) => kept.has(name));
  const why =
    other.length === 0
      ? ""
      : ` Results of ${open.length > 1 && other.length === open.length ? "all of them" : other.join(", ")} are there, but made by another version of weak-teacher or under other settings.`;
  throw new AlignError(
    "pipeline",
    `${folder}: ${open.length} of ${run.steps.length} stages are not finished: ${open.join(", ")}.${why} Finish them with: weak-teacher run ${join(folder, RESOLVED)} --out ${folder}`,
  );
}

/**
 * Writes the report of a finished run again, from its folder alone; nothing is computed.
 * @throws as `openFinishedRun`
 */
export async function reportRun(folder: string, options: RunOptions): Promise<RunOutcome> {
  const recorded = await openRecordedRun(folder, options.code);
  const run = recorded ?? (await openFinishedRun(folder, options));
  const { asked, job, result, steps } = run;
  const reported = { recipe: asked, job, result, steps };
  const report = await recordAndReport(reported, { ...options, fresh: true });
  return { folder: run.folder, steps, report };
}

/** Names of the stages that a trainer of others may do. */
const TRAINS = /^(student|teacher)-/;

/** Names of the stages that ask the gold scorers of an evaluation. */
const SCORES = /^generate-/;

/** Says what is about to be trained, unless everything is kept from before. */
async function announce(recipe: Recipe, job: MainJob, options: RunOptions): Promise<void> {
  const { steps } = await runStages(recipe, job, { ...options, dryRun: true });
  const open = openStages(steps);
  // Of a run that computes nothing, too: the recipe beside the plan may say in other words what is there.
  await writePlan(resolve(recipe.out), steps, options.code);
  if (open.length === 0) return;
  if (open.some((name) => TRAINS.test(name))) await checkTrainersThere(job);
  if (open.some((name) => SCORES.test(name))) await checkGoldServers(job.evaluation.gold, options.log);
  const wanted = (await estimates(recipe, job)).stages.filter(({ stage }) => open.includes(stage));
  if (wanted.length > 0) options.log?.info(formatEstimates(wanted));
  const judges = await estimateJudges(job, open);
  if (judges.length > 0) options.log?.info(formatJudges(judges));
  const { peak, peakAt, end } = await estimateDisk(job, wanted, open);
  const free = await freeBytes(recipe.out);
  if (free !== undefined && !fits(peak, free))
    options.log?.warn(
      `${recipe.out}: ${formatBytes(free)} are free, and up to ${formatBytes(peak)} are needed while ${peakAt} works (${formatBytes(end)} at the end). It stops before the disk is full; finished stages are kept.`,
    );
}

const openStages = (steps: readonly StageStep[]) =>
  steps.filter(({ state }) => state !== "cached").map(({ name }) => name);

type Estimated = { readonly stages: readonly StageEstimate[]; readonly trims: readonly TrimProposal[] };

async function estimates(
  recipe: Recipe,
  job: MainJob,
  { propose = false }: { readonly propose?: boolean } = {},
): Promise<Estimated> {
  const runtime = openRuntime(computeOf(recipe));
  try {
    const found = { rate: await measureRate(runtime), rows: await sampleRows(job) };
    const stages = await estimateJob(runtime, job, found);
    return { stages, trims: propose ? await proposeTrims(runtime, job, { ...found, stages }) : [] };
  } finally {
    await runtime.close();
  }
}

async function runStages(
  recipe: Recipe,
  job: MainJob,
  { log = silentLog, signal, code, dryRun, fresh, threads }: RunOptions,
  only?: string,
): Promise<{ result: JobResult; steps: readonly StageStep[] }> {
  const folder = resolve(recipe.out);
  const asked = computeOf(recipe);
  const how = {
    ...{ folder, code, log, device: asked.device, threads: threads ?? asked.threads, fresh: fresh === true },
    mode: dryRun === true ? ("plan" as const) : ("run" as const),
    ...{ only, signal },
  };
  return withDeps(how, (deps) => runMainJob({ ...deps, replies: join(folder, "replies") }, job));
}
