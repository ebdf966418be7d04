/** Runs the stages of a recipe as Slurm jobs: submits what is not kept and not in the queue yet, and follows it. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError, InterruptedError } from "../../../base/core/errors.ts";
import { ensureFolder, writeFileAtomic } from "../../../base/core/files.ts";
import { takeLock } from "../../../base/core/lock.ts";
import { tellWaits } from "../../../base/core/waiting.ts";
import type { SlurmSettings } from "../../recipe/executor.ts";
import type { StageStep } from "../../stages/steps.ts";
import { slurmFolder } from "../cluster/folders.ts";
import { type ClusterRun, keptStages, runIdOf, type StageJob } from "../cluster/stage-job.ts";
import { checkResources } from "../cluster/stage-resources.ts";
import { cancelJobs, followJobs, pointAnew, type TrackedJobs } from "./follow.ts";
import { checkNoOtherJobs, readJobs, writeJobs } from "./jobs-file.ts";
import { isLive, jobIdOf, type QueuedTask } from "./queue.ts";
import { openSlurm, type Slurm } from "./slurm.ts";
import { type JobContext, stageJobs } from "./stage-jobs.ts";
import { dependencyOf, newTask, type Task, type Tracked, taskOf } from "./tracked.ts";

/** What to run, and how. */
export type SlurmRun = ClusterRun<SlurmSettings> & { readonly slurm?: Slurm };

/** Jobs of a plan, without touching Slurm. @throws ConfigError when resources do not fit the stages */
export async function planJobs(
  { folder, recipe, settings, detach }: Pick<SlurmRun, "folder" | "recipe" | "settings" | "detach">,
  steps: readonly StageStep[],
): Promise<StageJob[]> {
  const { threads } = recipe;
  checkResources(settings, { threads }, steps);
  const context: JobContext = {
    folder,
    runId: await runIdOf(folder, recipe),
    settings,
    threads,
    workingFolder: process.cwd(),
    detach,
  };
  return stageJobs(steps, context);
}

/**
 * Submits and follows a run's stages; returns when all are done, or at once with `detach`.
 * @returns ids of jobs by stage
 * @throws as `followJobs`; AlignError "slurm" when a job is refused, with those submitted before it cancelled
 */
export async function runOnSlurm(run: SlurmRun): Promise<Record<string, string[]>> {
  const { folder, settings, log, signal, slurm = openSlurm() } = run;
  // The id is of the folder's real path, which it has once it is there.
  await ensureFolder(slurmFolder(folder));
  const runId = await runIdOf(folder, run.recipe);
  const save = (tracked: TrackedJobs) => writeJobs(folder, { run: runId, stages: recordOf(tracked) });
  const tracked = await submitOnce(run, slurm, runId, save);
  if (!run.detach)
    await followJobs(tracked, {
      slurm,
      folder,
      retries: settings.retries,
      pollMs: settings.pollSeconds * 1000,
      log,
      signal,
      scriptOf: (stage) => scriptFile(folder, stage),
      save,
      kept: async () => keptStages(await run.plan()),
    });
  return Object.fromEntries([...tracked].map(([stage, { tasks }]) => [stage, idsOf(tasks)]));
}

/** Submits what is to be submitted, one process at a time, so that two of them do not submit everything twice. */
async function submitOnce(
  run: SlurmRun,
  slurm: Slurm,
  runId: string,
  save: (tracked: TrackedJobs) => Promise<void>,
): Promise<TrackedJobs> {
  const { folder, signal, log } = run;
  const lock = await takeLock(join(slurmFolder(folder), ".lock"), {
    onWait: tellWaits(log, `${folder}: submitting its jobs`),
    signal,
  });
  try {
    await checkNoOtherJobs(slurm, folder, runId);
    await run.prepare();
    const { steps, queued } = await settledPlan(run, slurm);
    const tracked = await submitAll(await planJobs(run, steps), queued, run, slurm, save);
    if (signal?.aborted) {
      await cancelJobs(tracked, slurm);
      throw new InterruptedError("run");
    }
    return tracked;
  } finally {
    await lock.release();
  }
}

/**
 * What is in the queue and, looked at after it, what is made: a job that ends in between counts as in the queue, never as missing.
 * Waits while a job of the run is just ending: what it made may appear any moment.
 */
async function settledPlan(
  run: SlurmRun,
  slurm: Slurm,
): Promise<{ steps: readonly StageStep[]; queued: readonly QueuedTask[] }> {
  const names = (await planJobs(run, await run.plan())).map(({ jobName }) => jobName);
  for (let looks = 1; ; looks++) {
    const queued = names.length === 0 ? [] : await slurm.queue(names);
    if (looks > 60 || queued.every(({ state }) => state !== "COMPLETING"))
      return { steps: await run.plan(), queued };
    await sleep(1000);
  }
}

/** Submits each job that is not in the queue already, those it depends on first. */
async function submitAll(
  jobs: readonly StageJob[],
  queued: readonly QueuedTask[],
  run: SlurmRun,
  slurm: Slurm,
  save: (tracked: TrackedJobs) => Promise<void>,
): Promise<TrackedJobs> {
  const before = await readJobs(run.folder);
  const tracked: TrackedJobs = new Map();
  const submitted: TrackedJobs = new Map();
  try {
    for (const job of jobs) {
      if (run.signal?.aborted) break;
      await writeFileAtomic(scriptFile(run.folder, job.stage), job.script);
      const live = queued.filter(({ name, state }) => name === job.jobName && isLive(state));
      const adopted = live.map((row) => taskOf(row, attemptOf(row, before?.stages[job.stage])));
      const tasks = live.length > 0 ? adopted : await submit(job, tracked, slurm, run.folder);
      // What is taken over may wait for a job that is no more.
      const one: Tracked = { job, tasks, outcome: "open", outdated: live.length > 0 };
      tracked.set(job.stage, one);
      if (live.length === 0) submitted.set(job.stage, one);
      const how = live.length > 0 ? "is in the queue already, as" : "submitted as";
      run.log.info(`stage ${job.stage}: ${how} job ${idsOf(tasks).join(", ")}`);
      await save(tracked);
    }
    await pointAnew(tracked, slurm);
    return tracked;
  } catch (error) {
    await cancelJobs(submitted, slurm);
    throw error;
  }
}

async function submit(job: StageJob, tracked: TrackedJobs, slurm: Slurm, folder: string): Promise<Task[]> {
  const id = await slurm
    .submit(scriptFile(folder, job.stage), { dependency: dependencyOf(job, tracked) })
    .catch((error: unknown) => {
      if (!(error instanceof AlignError)) throw error;
      throw new AlignError("slurm", `stage ${job.stage} was refused; ${error.message}`, { cause: error });
    });
  if (job.tasks === undefined) return [newTask(0, id, 1)];
  return Array.from({ length: job.tasks }, (_, i) => newTask(i, `${id}_${i}`, 1));
}

const scriptFile = (folder: string, stage: string) => join(slurmFolder(folder), `${stage}.sh`);

const idsOf = (tasks: readonly Task[]) => [...new Set(tasks.map(({ ref }) => jobIdOf(ref)))];

const recordOf = (tracked: TrackedJobs) =>
  Object.fromEntries(
    [...tracked].map(([stage, { tasks }]) => [
      stage,
      tasks.map(({ index, ref, attempt }) => ({ task: index, id: jobIdOf(ref), attempt })),
    ]),
  );

/** How often a task that is taken over was submitted, as far as that was written down. */
function attemptOf({ ref }: QueuedTask, before: { id: string; attempt: number }[] = []): number {
  return Math.max(1, ...before.filter(({ id }) => id === jobIdOf(ref)).map(({ attempt }) => attempt));
}
