/**
 * Follows a run's Ray jobs until all have ended: submits a stage when those it takes from are there, submits again what the cluster lost,
 * leaves out what can no longer run, keeps the logs, and says what happens.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InterruptedError } from "../../../base/core/errors.ts";
import { writeFileAtomic } from "../../../base/core/files.ts";
import type { Log } from "../../../base/core/log.ts";
import { rayFolder } from "../cluster/folders.ts";
import { followUntilDone } from "../cluster/follow-jobs.ts";
import { dependentsOf } from "../cluster/stage-job.ts";
import type { Ray } from "./ray.ts";
import { submissionId } from "./ray-jobs.ts";
import {
  endedAs,
  hasNotEnded,
  type RayTracked,
  type RayTrackedJobs,
  rayStanding,
  type Task,
  verdictOf,
} from "./tracked.ts";

/** How to follow. */
export type RayFollowOptions = {
  readonly ray: Ray;
  /** The run's folder. */
  readonly folder: string;
  readonly retries: number;
  readonly pollMs: number;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Names of the stages whose results are there. */
  kept(): Promise<ReadonlySet<string>>;
};

/** Looks at a stage whose jobs succeeded before its result must be seen: shared file systems may show it late. */
const MISSING_POLLS = 6;
const LOG_LINES = 20;

/**
 * Returns when every stage is done.
 * @throws AlignError "ray" when stages failed, after all others have ended; InterruptedError when `signal` fires, with all jobs stopped
 */
export function followRayJobs(jobs: RayTrackedJobs, options: RayFollowOptions): Promise<void> {
  const { pollMs, log, signal } = options;
  return followUntilDone({
    ...{ jobs, pollMs, log, signal, cluster: { code: "ray", name: "Ray" } },
    isOpen: ({ outcome }) => outcome === "open" || outcome === "waits",
    act: (failures) => act(jobs, failures, options),
    stop: () => stopAll(jobs, options),
    standing: (tracked) => (tracked.outcome === "waits" ? undefined : rayStanding(tracked)),
    running: ({ job, tasks }) =>
      tasks.some((task) => task.job?.status === "RUNNING") ? job.stage : undefined,
    givenUp: (silent, message) =>
      `${message} That were ${silent + 1} looks in a row; the jobs that run go on, and the same command follows them again.`,
  });
}

/** One look at the cluster, and what follows from it. */
async function act(jobs: RayTrackedJobs, failures: string[], options: RayFollowOptions): Promise<void> {
  for (const tracked of jobs.values()) {
    if (
      tracked.outcome === "waits" &&
      tracked.job.after.every((stage) => jobs.get(stage)?.outcome === "done")
    )
      tracked.outcome = "open";
    if (tracked.outcome !== "open") continue;
    const problem = await settle(tracked, jobs, options);
    if (problem !== undefined) failures.push(problem);
  }
}

/** Acts on what became of a stage's tasks. @returns what to tell when the stage has failed */
async function settle(
  tracked: RayTracked,
  jobs: RayTrackedJobs,
  options: RayFollowOptions,
): Promise<string | undefined> {
  const { ray, retries, log } = options;
  const { job, tasks } = tracked;
  for (const task of tasks) if (task.tries > 0) task.job = await ray.look(task.id);
  const verdicts = tasks.map((task) => verdictOf(task, retries));
  const failed = tasks[verdicts.indexOf("fail")];
  if (failed !== undefined) {
    await drop(tracked, jobs, options);
    log.warn(`stage ${job.stage}: end of its log, ${await logTail(failed, options)}`);
    const tries = failed.tries > 1 ? ` at attempt ${failed.tries}` : "";
    return `stage ${job.stage}: job ${failed.id} ended as ${endedAs(failed)}${tries}${adviceFor(failed)}.`;
  }
  for (const [i, task] of tasks.entries())
    if (verdicts[i] === "submit" || verdicts[i] === "again") await submit(tracked, task, options);
  return verdicts.every((verdict) => verdict === "done") ? close(tracked, jobs, options) : undefined;
}

/** The next attempt at a task. */
async function submit({ job }: RayTracked, task: Task, options: RayFollowOptions): Promise<void> {
  const { ray, log } = options;
  const before = task.tries === 0 ? undefined : `${task.id} ended as ${endedAs(task)}`;
  if (task.job !== undefined) await keepLog(task, options);
  const id = submissionId(job, task.index, task.attempt + 1);
  await ray.submit({ submission_id: id, ...job.request });
  Object.assign(task, { id, attempt: task.attempt + 1, tries: task.tries + 1, job: await ray.look(id) });
  if (before === undefined) log.info(`stage ${job.stage}: submitted as job ${id}`);
  else log.warn(`stage ${job.stage}: job ${before}; submitted again as ${id}`);
}

/** All jobs of a stage succeeded: its result must be there. */
async function close(
  tracked: RayTracked,
  jobs: RayTrackedJobs,
  options: RayFollowOptions,
): Promise<string | undefined> {
  const { job, tasks } = tracked;
  if ((await options.kept()).has(job.stage)) {
    for (const task of tasks) await keepLog(task, options);
    tracked.outcome = "done";
    return undefined;
  }
  if (++tracked.missing < MISSING_POLLS) return undefined;
  await drop(tracked, jobs, options);
  return `stage ${job.stage}: job ${tasks.map(({ id }) => id).join(", ")} succeeded and its result is not in ${options.folder}. Does every node see this folder, under this path?`;
}

/** A stage failed: its other tasks are stopped, what needs it is not run; everything else goes on. */
async function drop(tracked: RayTracked, jobs: RayTrackedJobs, { ray }: RayFollowOptions): Promise<void> {
  tracked.outcome = "failed";
  for (const one of dependentsOf(tracked.job.stage, jobs))
    if (one.outcome === "waits") one.outcome = "dropped";
  for (const { id, job } of tracked.tasks) if (job !== undefined && hasNotEnded(job)) await ray.stop(id);
}

/** Ray keeps logs as long as its head lives, a run keeps them with its results. */
async function keepLog({ id }: Task, { ray, folder }: RayFollowOptions): Promise<string> {
  const path = join(rayFolder(folder), `${id}.log`);
  const text = await ray.logs(id).catch((error: unknown) => `(no log: ${String(error)})\n`);
  await writeFileAtomic(path, text);
  return text;
}

async function logTail(task: Task, options: RayFollowOptions): Promise<string> {
  const text = await keepLog(task, options);
  const lines = text.trimEnd().split("\n").slice(-LOG_LINES);
  return `${join(rayFolder(options.folder), `${task.id}.log`)}:\n${lines.map((line) => `  | ${line}`).join("\n")}`;
}

/** Stops everything that has not ended, and waits a little for it. @throws InterruptedError always */
async function stopAll(jobs: RayTrackedJobs, options: RayFollowOptions): Promise<never> {
  const { ray, log } = options;
  const live = [...jobs.values()].flatMap(({ outcome, tasks }) =>
    outcome === "open"
      ? tasks.filter(({ tries, job }) => tries > 0 && (job === undefined || hasNotEnded(job)))
      : [],
  );
  for (const { id } of live) await ray.stop(id);
  for (let looks = 0; looks < 30 && live.length > 0; looks++) {
    const now = await Promise.all(live.map(({ id }) => ray.look(id)));
    if (!now.some((job) => job !== undefined && hasNotEnded(job))) break;
    await sleep(1000);
  }
  log.warn("the run's jobs are stopped");
  throw new InterruptedError("run");
}

function adviceFor({ job }: Task): string {
  if (job?.exitCode === -9 || job?.exitCode === 137)
    return "; if it ran out of memory, give it more with executor.stages.<name>.memory";
  return job?.status === "STOPPED" ? "; somebody stopped it" : "";
}
