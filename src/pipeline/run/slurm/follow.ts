/**
 * Follows a run's jobs until all have ended: submits again what the cluster lost, points those that wait at the new job, cancels what can
 * no longer run, and says what happens.
 */
import { InterruptedError } from "../../../base/core/errors.ts";
import type { Log } from "../../../base/core/log.ts";
import { followUntilDone } from "../cluster/follow-jobs.ts";
import { dependentsOf } from "../cluster/stage-job.ts";
import { logTail } from "./log-tail.ts";
import { isLive, jobIdOf, type QueuedTask, taskIndexOf } from "./queue.ts";
import type { Slurm } from "./slurm.ts";
import {
  dependencyOf,
  newTask,
  observe,
  standing,
  type Task,
  type Tracked,
  taskOf,
  verdictOf,
} from "./tracked.ts";

/** The jobs of a run, by stage, each after those it takes from. */
export type TrackedJobs = Map<string, Tracked>;

/** How to follow. */
export type FollowOptions = {
  readonly slurm: Slurm;
  /** The run's folder. */
  readonly folder: string;
  readonly retries: number;
  readonly pollMs: number;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Path of a stage's script. */
  scriptOf(stage: string): string;
  /** Writes down which jobs there are. */
  save(jobs: TrackedJobs): Promise<void>;
  /** Names of the stages whose results are there. */
  kept(): Promise<ReadonlySet<string>>;
};

/** Looks without a sign of a task before it counts as gone: a controller that was restarted may show it late. */
const MISSING_POLLS = 3;

/**
 * Returns when every stage is done.
 * @throws AlignError "slurm" when stages failed, after all others have ended; InterruptedError when `signal` fires, with all jobs cancelled
 */
export function followJobs(jobs: TrackedJobs, options: FollowOptions): Promise<void> {
  const { pollMs, log, signal } = options;
  return followUntilDone({
    ...{ jobs, pollMs, log, signal, cluster: { code: "slurm", name: "Slurm" } },
    isOpen: ({ outcome }) => outcome === "open",
    act: (failures) => act(jobs, failures, options),
    stop: () => cancelAll(jobs, options),
    standing: (tracked) => (isBehind(tracked) ? undefined : standing(tracked)),
    running: runningWords,
    givenUp: (silent, message) =>
      `${message}. Slurm did not answer ${silent} times in a row; the jobs go on, and the same command follows them again.`,
  });
}

/** That a job waits for others was clear when it was submitted. */
const isBehind = ({ tasks }: Tracked): boolean =>
  tasks.every(({ fate, reason }) => fate === "waits" && reason === "Dependency");

function runningWords({ job, tasks, outcome }: Tracked): string | undefined {
  const first = tasks.find(({ fate }) => fate === "runs");
  return outcome === "open" && first !== undefined ? `${job.stage} (${first.elapsed})` : undefined;
}

/** One look at the queue, and what follows from it. @throws AlignError "slurm" when Slurm does not answer: the next look goes on */
async function act(jobs: TrackedJobs, failures: string[], options: FollowOptions): Promise<void> {
  const rows = await options.slurm.queue([...jobs.values()].map(({ job }) => job.jobName));
  await takeOver(jobs, new Map(rows.map((row) => [row.ref, row])), options);
  for (const tracked of jobs.values()) {
    if (tracked.outcome !== "open") continue;
    const problem = await settle(tracked, jobs, rows, options);
    if (problem !== undefined) failures.push(problem);
  }
  await pointAnew(jobs, options.slurm);
}

async function takeOver(
  jobs: TrackedJobs,
  rows: ReadonlyMap<string, QueuedTask>,
  { kept }: FollowOptions,
): Promise<void> {
  const open = [...jobs.values()].filter(({ outcome }) => outcome === "open");
  const gone: { tracked: Tracked; task: Tracked["tasks"][number] }[] = [];
  for (const tracked of open)
    for (const task of tracked.tasks) {
      if (task.fate === "done") continue;
      observe(task, rows.get(task.ref));
      if (task.missing >= MISSING_POLLS) gone.push({ tracked, task });
    }
  if (gone.length === 0) return;
  // The controller forgets jobs some minutes after their end; what they made says how they ended.
  const there = await kept();
  for (const { tracked, task } of gone)
    Object.assign(
      task,
      there.has(tracked.job.stage) ? { fate: "done", state: "COMPLETED" } : { fate: "lost", state: "GONE" },
    );
}

/** Acts on what became of a stage's tasks. @returns what to tell when the stage has failed */
async function settle(
  tracked: Tracked,
  jobs: TrackedJobs,
  rows: readonly QueuedTask[],
  options: FollowOptions,
): Promise<string | undefined> {
  const verdicts = tracked.tasks.map((task) => verdictOf(task, tracked, options.retries));
  const failed = tracked.tasks[verdicts.indexOf("fail")];
  if (failed !== undefined) {
    await drop(tracked, jobs, options);
    const { stage } = tracked.job;
    const tries = failed.attempt > 1 ? ` at attempt ${failed.attempt}` : "";
    const tail = await logTail(options.folder, stage, failed.ref);
    options.log.warn(`stage ${stage}: end of its log, ${tail}`);
    return `stage ${stage}: job ${failed.ref} ended as ${failed.state}${tries}${adviceFor(failed.state)}.`;
  }
  if (verdicts.every((verdict) => verdict === "done")) {
    tracked.outcome = "done";
    return undefined;
  }
  const again = tracked.tasks.filter((_, i) => verdicts[i] === "again");
  const left = again.filter((task) => !adopt(task, tracked, rows, options));
  if (left.length > 0) await resubmit(tracked, left, jobs, options);
  if (again.length > 0) {
    for (const one of jobs.values()) one.outdated ||= one.job.after.includes(tracked.job.stage);
    await options.save(jobs);
  }
  return undefined;
}

/** A stage failed: its other tasks and all that need it are cancelled; everything else goes on. */
async function drop(tracked: Tracked, jobs: TrackedJobs, { slurm }: FollowOptions): Promise<void> {
  const lost = dependentsOf(tracked.job.stage, jobs).filter(({ outcome }) => outcome === "open");
  await slurm.cancel([...lost, tracked].flatMap(liveRefs));
  tracked.outcome = "failed";
  for (const one of lost) one.outcome = "dropped";
}

/**
 * Follows a task of the queue in place of a lost one: sbatch may fail after the controller took the job, and another process may follow
 * the same run. False when there is none.
 */
function adopt(
  task: Task,
  { job, tasks }: Tracked,
  rows: readonly QueuedTask[],
  { log }: FollowOptions,
): boolean {
  const known = new Set(tasks.map(({ ref }) => ref));
  const stray = rows.find(
    ({ name, ref, state }) =>
      name === job.jobName && isLive(state) && !known.has(ref) && taskIndexOf(ref) === task.index,
  );
  if (stray === undefined) return false;
  log.warn(
    `stage ${job.stage}: job ${task.ref} ended as ${task.state}; ${stray.ref} is there for it already`,
  );
  Object.assign(task, taskOf(stray, task.attempt + 1));
  return true;
}

async function resubmit(
  tracked: Tracked,
  tasks: Tracked["tasks"],
  jobs: TrackedJobs,
  { slurm, log, scriptOf }: FollowOptions,
): Promise<void> {
  const { job } = tracked;
  const array = job.tasks === undefined ? undefined : tasks.map(({ index }) => index).join(",");
  const dependency = dependencyOf(job, jobs);
  const id = await slurm.submit(scriptOf(job.stage), {
    dependency,
    ...(array === undefined ? {} : { array }),
  });
  for (const task of tasks) {
    const before = `${task.ref} ended as ${task.state}`;
    const ref = array === undefined ? id : `${id}_${task.index}`;
    Object.assign(task, newTask(task.index, ref, task.attempt + 1));
    log.warn(`stage ${job.stage}: job ${before}; submitted again as ${ref}`);
  }
}

/** Tells Slurm of jobs that wait what they wait for now, where that has changed. */
export async function pointAnew(jobs: TrackedJobs, slurm: Slurm): Promise<void> {
  for (const tracked of jobs.values()) {
    if (!tracked.outdated) continue;
    const waiting = tracked.tasks.filter(({ fate }) => fate === "waits").map(({ ref }) => jobIdOf(ref));
    if (tracked.outcome === "open")
      for (const id of new Set(waiting)) await slurm.setDependency(id, dependencyOf(tracked.job, jobs));
    tracked.outdated = false;
  }
}

/** Cancels everything that has not ended, and waits a little for the queue to be rid of it. @throws InterruptedError always */
async function cancelAll(jobs: TrackedJobs, options: FollowOptions): Promise<never> {
  await cancelJobs(jobs, options.slurm);
  options.log.warn("the run's jobs are cancelled");
  throw new InterruptedError("run");
}

/** Cancels everything of a run that has not ended, those that wait for others first. */
export async function cancelJobs(jobs: TrackedJobs, slurm: Slurm): Promise<void> {
  const live = [...jobs.values()].filter(({ outcome }) => outcome === "open").flatMap(liveRefs);
  await slurm.cancel([...new Set(live.map(jobIdOf))].reverse());
}

const liveRefs = ({ tasks }: Tracked) =>
  tasks.filter(({ fate }) => fate === "waits" || fate === "runs").map(({ ref }) => ref);

function adviceFor(state: string): string {
  if (state.startsWith("OUT_OF_MEMORY")) return "; give it more with executor.stages.<name>.memory";
  return state.startsWith("TIMEOUT") ? "; give it longer with executor.stages.<name>.time" : "";
}
