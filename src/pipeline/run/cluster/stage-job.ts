/** A stage of a run as a job of a cluster, whichever it is. */
import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { digestOf } from "../../../base/core/digest.ts";
import type { Log } from "../../../base/core/log.ts";
import type { Recipe } from "../../recipe/schema.ts";
import { recipeYaml } from "../../recipe/write.ts";
import type { StageStep } from "../../stages/steps.ts";

/** One job to be. */
export type StageJob = {
  /** Name of the stage; "report" or "run" for the last word of a run that nobody follows. */
  readonly stage: string;
  /** `wt-<run's id>-<stage>`. */
  readonly jobName: string;
  /** Stages whose jobs must be done before. */
  readonly after: readonly string[];
  /** Tasks that share the stage; undefined for a plain job. */
  readonly tasks: number | undefined;
  /** What is submitted, for a person to read. */
  readonly script: string;
};

/** A run for a cluster, and how. */
export type ClusterRun<Settings> = {
  /** The run's folder, absolute; the resolved recipe lies in it. */
  readonly folder: string;
  readonly recipe: Recipe;
  readonly settings: Settings;
  /** Submit everything, the report too, and return. */
  readonly detach: boolean;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Writes what jobs read; called before the first is submitted, when none of another recipe is there. */
  prepare(): Promise<void>;
  /** The run's stages as they stand. */
  plan(): Promise<readonly StageStep[]>;
};

/**
 * Tells a run's jobs from all others: a digest of its folder and of what it computes. How jobs are run does not count, so that more
 * memory or retries can be given on the way.
 */
export async function runIdOf(folder: string, { executor: _, ...recipe }: Recipe): Promise<string> {
  const where = await realpath(folder).catch(() => folder);
  return digestOf([where, recipeYaml(recipe)]).slice(0, 10);
}

/** Name of a stage's job. */
export const jobNameOf = (runId: string, stage: string): string => `wt-${runId}-${stage}`;

/** Names of the stages whose results are there. */
export const keptStages = (steps: readonly StageStep[]): ReadonlySet<string> =>
  new Set(steps.filter(({ state }) => state === "cached").map(({ name }) => name));

/** How this very process was started: node, its own options (a loader when run from source), and the package's main file. */
export function thisCommand(): string[] {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`../../../interfaces/cli/main.${extension}`, import.meta.url));
  return [process.execPath, ...process.execArgv, main];
}

/** Stages that cannot run without a stage, directly or by others. @param all - by name, each after those it takes from */
export function dependentsOf<T extends { readonly job: StageJob }>(
  stage: string,
  all: ReadonlyMap<string, T>,
): T[] {
  const lost = new Set([stage]);
  const found: T[] = [];
  // Stages come after those they take from, so one pass sees all.
  for (const tracked of all.values())
    if (tracked.job.after.some((name) => lost.has(name))) {
      lost.add(tracked.job.stage);
      found.push(tracked);
    }
  return found;
}

/** What is submitted, for a person to read, each with what it comes after. */
export function formatJobs(jobs: readonly StageJob[]): string {
  return jobs
    .map(({ stage, after, script }) => {
      const behind = after.length === 0 ? "" : `, after ${after.join(", ")}`;
      return `# ── ${stage}${behind}\n${script}`;
    })
    .join("\n");
}
