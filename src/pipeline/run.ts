/**
 * Runs or plans a recipe: the models are fetched, the resolved recipe is written into the run's folder, the stages go, and the
 * report is written.
 */
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AlignError, ConfigError } from "../core/errors.ts";
import { writeFileAtomic } from "../core/files.ts";
import { type Log, silentLog } from "../core/log.ts";
import type { ReportData } from "../report/data.ts";
import type { ReportFiles } from "../report/render.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { withLocalModels } from "./hub-models.ts";
import { estimateJob, formatEstimates, type StageEstimate } from "./job/estimate.ts";
import { type JobResult, runMainJob } from "./job/main-job.ts";
import { writeRunReport } from "./job/report-stage.ts";
import type { MainJob } from "./job/settings.ts";
import { computeOf, jobOf } from "./recipe/job.ts";
import { loadRecipe } from "./recipe/parse.ts";
import type { Recipe } from "./recipe/schema.ts";
import { recipeYaml } from "./recipe/write.ts";
import { openPipeline, type StageStep } from "./stages.ts";

/** Name of the resolved recipe in a run's folder. */
export const RESOLVED = "recipe.yaml";

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
};

/** A report: its files and what is in them. */
export type RunReport = ReportFiles & { readonly data: ReportData };

/** What came of it; a dry run has no report but an estimate. */
export type RunOutcome = {
  readonly estimates?: readonly StageEstimate[];
  readonly folder: string;
  readonly steps: readonly StageStep[];
  readonly report: RunReport | undefined;
};

/**
 * Runs a recipe, going on from what is kept of earlier runs.
 * @throws AlignError as the stages do; InterruptedError when `signal` fires, with everything finished kept
 */
export async function runRecipe(asked: Recipe, options: RunOptions): Promise<RunOutcome> {
  const { dryRun = false } = options;
  const folder = resolve(asked.out);
  const remote = Object.values(asked.models).find(({ source }) => source.startsWith("hub:"));
  if (dryRun && remote !== undefined)
    throw new ConfigError(
      `--dry-run: ${remote.source} is not planned, for a plan downloads nothing. Download the model and name its folder, or run.`,
    );
  const recipe = dryRun ? asked : await withLocalModels(asked, options.log);
  const job = jobOf(recipe);
  // Downloads lie elsewhere on every machine, so the recipe is kept as it was asked for.
  if (!dryRun) await writeFileAtomic(join(folder, RESOLVED), recipeYaml(asked));
  if (!dryRun) await announce(recipe, job, options);
  const { result, steps } = await runStages(recipe, job, options);
  if (dryRun) return { folder, steps, report: undefined, estimates: await estimates(recipe, job) };
  return { folder, steps, report: await reportOf(asked, job, result, steps, options.code) };
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

/** Opens the folder of a run; nothing is computed. @throws ConfigError when the folder is no run */
export async function openRun(folder: string, options: RunOptions): Promise<OpenedRun> {
  const asked = await loadRecipe(join(folder, RESOLVED), { set: [`out=${JSON.stringify(folder)}`] });
  const recipe = await withLocalModels(asked, options.log);
  const job = jobOf(recipe);
  const { result, steps } = await runStages(recipe, job, { ...options, dryRun: true });
  return { folder: resolve(folder), asked, recipe, job, result, steps };
}

/** As `openRun`. @throws AlignError "pipeline" when a stage is not finished */
export async function openFinishedRun(folder: string, options: RunOptions): Promise<OpenedRun> {
  const run = await openRun(folder, options);
  const open = run.steps.filter(({ state }) => state !== "cached").map(({ name }) => name);
  if (open.length > 0)
    throw new AlignError(
      "pipeline",
      `${folder}: ${open.length} of ${run.steps.length} stages are not finished: ${open.join(", ")}. Finish them with: weak-teacher run ${join(folder, RESOLVED)} --out ${folder}`,
    );
  return run;
}

/**
 * Writes the report of a finished run again; nothing is computed.
 * @throws as `openFinishedRun`
 */
export async function reportRun(folder: string, options: RunOptions): Promise<RunOutcome> {
  const run = await openFinishedRun(folder, options);
  const { asked, job, result, steps } = run;
  return { folder: run.folder, steps, report: await reportOf(asked, job, result, steps, options.code) };
}

/** Says what is about to be trained, unless everything is kept from before. */
async function announce(recipe: Recipe, job: MainJob, options: RunOptions): Promise<void> {
  const { steps } = await runStages(recipe, job, { ...options, dryRun: true });
  const open = steps.filter(({ state }) => state !== "cached").map(({ name }) => name);
  if (open.length === 0) return;
  const wanted = (await estimates(recipe, job)).filter(({ stage }) => open.includes(stage));
  if (wanted.length > 0) options.log?.info(formatEstimates(wanted));
}

async function estimates(recipe: Recipe, job: MainJob): Promise<StageEstimate[]> {
  const runtime = openRuntime(computeOf(recipe));
  try {
    return await estimateJob(runtime, job);
  } finally {
    await runtime.close();
  }
}

async function runStages(
  recipe: Recipe,
  job: MainJob,
  { log = silentLog, signal, code, dryRun, fresh }: RunOptions,
): Promise<{ result: JobResult; steps: readonly StageStep[] }> {
  const pipeline = openPipeline({
    folder: resolve(recipe.out),
    code,
    log,
    fresh: fresh === true,
    mode: dryRun === true ? "plan" : "run",
    ...(signal === undefined ? {} : { signal }),
  });
  let opened: Runtime | undefined;
  const runtime = () => {
    opened ??= openRuntime(computeOf(recipe));
    return opened;
  };
  try {
    const result = await runMainJob({ pipeline, runtime, log, signal }, job);
    return { result, steps: pipeline.steps() };
  } finally {
    await opened?.close();
  }
}

function reportOf(
  recipe: Recipe,
  job: MainJob,
  result: JobResult,
  steps: readonly StageStep[],
  version: string,
): Promise<RunReport> {
  const folder = resolve(recipe.out);
  return writeRunReport(folder, job, result, {
    folder,
    recipe: recipeYaml(recipe),
    version,
    commit: sourceCommit(),
    steps,
    ...computeOf(recipe),
  });
}

/** The commit this code was checked out at, where it runs from a checkout. */
function sourceCommit(): string | undefined {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  if (cwd.includes("node_modules")) return undefined;
  const { stdout, status } = spawnSync("git", ["rev-parse", "--short=12", "HEAD"], { cwd, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
