/** Runs or plans a recipe: the models are fetched, the resolved recipe is written into the run's folder, then the stages go. */
import { join, resolve } from "node:path";
import { writeJsonAtomic } from "../core/files.ts";
import { type Log, silentLog } from "../core/log.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { withLocalModels } from "./hub-models.ts";
import { type JobResult, runMainJob } from "./job/main-job.ts";
import { computeOf, jobOf } from "./recipe/job.ts";
import type { Recipe } from "./recipe/schema.ts";
import { openPipeline, type StageStep } from "./stages.ts";

/** Name of the resolved recipe in a run's folder. */
export const RESOLVED = "recipe.json";

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

/** What came of it; in a dry run artefacts have no digest where they are not there. */
export type RunOutcome = {
  readonly folder: string;
  readonly steps: readonly StageStep[];
  readonly result: JobResult;
};

/**
 * Runs a recipe, going on from what is kept of earlier runs.
 * @throws AlignError as the stages do; InterruptedError when `signal` fires, with everything finished kept
 */
export async function runRecipe(asked: Recipe, options: RunOptions): Promise<RunOutcome> {
  const { log = silentLog, signal, code, dryRun = false, fresh = false } = options;
  const recipe = dryRun ? asked : await withLocalModels(asked, log);
  const folder = resolve(recipe.out);
  const job = jobOf(recipe);
  // Models and paths differ from machine to machine, so the recipe is kept as it was asked for.
  if (!dryRun) await writeJsonAtomic(join(folder, RESOLVED), asked);
  const pipeline = openPipeline({
    folder,
    code,
    fresh,
    log,
    mode: dryRun ? "plan" : "run",
    ...(signal === undefined ? {} : { signal }),
  });
  let opened: Runtime | undefined;
  const runtime = () => {
    opened ??= openRuntime(computeOf(recipe));
    return opened;
  };
  try {
    const result = await runMainJob({ pipeline, runtime, log, signal }, job);
    return { folder, steps: pipeline.steps(), result };
  } finally {
    await opened?.close();
  }
}
