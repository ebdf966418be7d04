/** Runs the stages of a recipe as Ray jobs: takes over those that are there, submits the others when their inputs are, and follows them. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AlignError, ConfigError } from "../../../base/core/errors.ts";
import { ensureFolder, exists, readJson, writeJsonAtomic } from "../../../base/core/files.ts";
import { formatSeconds } from "../../../base/core/log.ts";
import type { RaySettings } from "../../recipe/executor.ts";
import type { StageStep } from "../../stages/steps.ts";
import { rayFolder } from "../cluster/folders.ts";
import { type ClusterRun, keptStages, runIdOf } from "../cluster/stage-job.ts";
import { checkResources } from "../cluster/stage-resources.ts";
import type { QueuedJobs } from "../slurm/queued-jobs.ts";
import { followRayJobs } from "./follow.ts";
import { openRay, type Ray, type RayJob } from "./ray.ts";
import {
  FOLLOWER,
  followerJob,
  type RayContext,
  type RayStageJob,
  rayJobs,
  submissionId,
} from "./ray-jobs.ts";
import { hasNotEnded, trackedOf } from "./tracked.ts";

/** What to run, and how. */
export type RayRun = ClusterRun<RaySettings> & { readonly ray?: Ray };

/** Tells a job that follows a run that it is that job itself. */
const FOLLOWS = "WEAK_TEACHER_RAY_JOB";

/** Jobs of a plan, without touching Ray. @throws ConfigError when resources do not fit the stages */
export async function planRayJobs(
  run: Pick<RayRun, "folder" | "recipe" | "settings">,
  steps: readonly StageStep[],
): Promise<RayStageJob[]> {
  checkResources(run.settings, run.recipe, steps);
  return rayJobs(steps, await contextOf(run));
}

async function contextOf({
  folder,
  recipe,
  settings,
}: Pick<RayRun, "folder" | "recipe" | "settings">): Promise<RayContext> {
  const runId = await runIdOf(folder, recipe);
  return { folder, runId, settings, threads: recipe.threads, workingFolder: process.cwd() };
}

/**
 * Submits and follows a run's stages; returns when all are done, or at once with `detach`.
 * @returns ids of jobs by stage
 * @throws as `followRayJobs`; AlignError "ray" when the cluster does not answer at the start; ConfigError while jobs of other settings run
 */
export async function runOnRay(run: RayRun): Promise<Record<string, string[]>> {
  const { folder, settings, log, signal, ray = openRay(settings) } = run;
  // The id is of the folder's real path, which it has once it is there.
  await ensureFolder(rayFolder(folder));
  const context = await contextOf(run);
  const known = await jobsOf(folder, ray);
  checkNoOtherJobs(known, context.runId, folder);
  await run.prepare();
  await writeJsonAtomic(clusterFile(folder), {
    ...{ format: "weak-teacher/ray/1", address: settings.address, apiKeyEnv: settings.apiKeyEnv },
  });
  const own = known.filter(({ metadata }) => metadata["run"] === context.runId);
  if (run.detach) return leave(run, context, own, ray);
  const tracked = trackedOf(await planRayJobs(run, await run.plan()), own);
  for (const { job, tasks } of tracked.values())
    for (const task of tasks)
      if (task.job !== undefined) log.info(`stage ${job.stage}: is there already, as job ${task.id}`);
  await followRayJobs(tracked, {
    ...{ ray, folder, log, signal },
    retries: settings.retries,
    pollMs: settings.pollSeconds * 1000,
    kept: async () => keptStages(await run.plan()),
  });
  return Object.fromEntries([...tracked].map(([stage, { tasks }]) => [stage, tasks.map(({ id }) => id)]));
}

/** Leaves the run to the cluster: one job of it follows the others and writes the report. */
async function leave(
  run: RayRun,
  context: RayContext,
  own: readonly RayJob[],
  ray: Ray,
): Promise<Record<string, string[]>> {
  // What would be refused is refused here, not in a log of the cluster's.
  await planRayJobs(run, await run.plan());
  const job = followerJob(context, join(run.folder, "recipe.yaml"));
  const attempt = 1 + own.filter(({ metadata }) => metadata["stage"] === FOLLOWER).length;
  const id = submissionId(job, 0, attempt);
  const env = { ...job.request.runtime_env.env_vars, [FOLLOWS]: id };
  await ray.submit({ submission_id: id, ...job.request, runtime_env: { env_vars: env } });
  run.log.info(`job ${id} follows the run and writes its report`);
  return { [FOLLOWER]: [id] };
}

/** All jobs of a run's folder that the cluster knows, whatever their settings were. */
async function jobsOf(folder: string, ray: Ray): Promise<RayJob[]> {
  const places = new Set([folder, await realpath(folder).catch(() => folder)]);
  return (await ray.list()).filter(({ metadata }) => places.has(metadata["folder"] ?? ""));
}

/**
 * Jobs read the recipe in the run's folder when they start, so a changed recipe must wait for those of the one before; and two that follow
 * one run would both submit it.
 */
function checkNoOtherJobs(known: readonly RayJob[], runId: string, folder: string): void {
  const live = known.filter(hasNotEnded);
  const others = live.filter(({ metadata }) => metadata["run"] !== runId);
  const stop = (jobs: readonly RayJob[]) => jobs.map(({ id }) => `ray job stop ${id}`).join("; ");
  if (others.length > 0)
    throw new ConfigError(
      `${folder}: ${others.length} jobs of this run with other settings are on the cluster, expected none. Wait for them, or stop them with: ${stop(others)}`,
    );
  const followers = live.filter(
    ({ id, metadata }) => metadata["stage"] === FOLLOWER && id !== process.env[FOLLOWS],
  );
  if (followers.length > 0)
    throw new ConfigError(
      `${folder}: job ${followers[0]!.id} follows this run already. Look at it with: weak-teacher status ${folder}; stop it, and what it follows, with: ${stop(followers)}`,
    );
}

const clusterSchema = z.object({
  format: z.literal("weak-teacher/ray/1"),
  address: z.string(),
  apiKeyEnv: z.string().optional(),
});

const clusterFile = (folder: string) => join(rayFolder(folder), "cluster.json");

/** The jobs of a run that wait or run on the cluster it was given to, for `status`; null when it never was given to one. */
export async function queuedRayJobs(folder: string, given?: Ray): Promise<QueuedJobs | null> {
  if (!(await exists(clusterFile(folder)))) return null;
  try {
    const ray = given ?? openRay(clusterSchema.parse(await readJson(clusterFile(folder))));
    const live = (await jobsOf(folder, ray)).filter(hasNotEnded);
    return { tasks: live.map(taskOf), problem: null };
  } catch (error) {
    if (error instanceof AlignError) return { tasks: [], problem: error.message };
    throw error;
  }
}

function taskOf({ id, status, startedAt, metadata }: RayJob): QueuedJobs["tasks"][number] {
  const stage = metadata["stage"] ?? "?";
  const running = status === "RUNNING" && startedAt !== null;
  return {
    ...{ ref: id, name: id, stage, state: status },
    elapsed: running ? formatSeconds((Date.now() - startedAt) / 1000) : "",
    node: running ? "the cluster" : "",
    reason: running ? "None" : "resources",
  };
}
