/**
 * Follows a run's jobs until all have ended: submits again what the cluster lost, points those that wait at the new job, cancels what can
 * no longer run, and says what happens.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError, InterruptedError, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { logTail } from "./log-tail.ts";
import { jobIdOf } from "./queue.ts";
import type { Slurm } from "./slurm.ts";
import {
  dependencyOf,
  dependentsOf,
  newTask,
  observe,
  standing,
  type Tracked,
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

/** Looks that may fail in a row: controllers restart. */
const SILENT_POLLS = 30;
/** Looks without a sign of a task before it counts as gone: a controller that was restarted may show it late. */
const MISSING_POLLS = 3;
const HEARTBEAT_MS = 60_000;

/**
 * Returns when every stage is done.
 * @throws AlignError "slurm" when stages failed, after all others have ended; InterruptedError when `signal` fires, with all jobs cancelled
 */
export async function followJobs(jobs: TrackedJobs, options: FollowOptions): Promise<void> {
  const said = new Map<string, string>();
  const failures: string[] = [];
  let silent = 0;
  let beatMs = performance.now();
  while ([...jobs.values()].some(({ outcome }) => outcome === "open")) {
    if (options.signal?.aborted) return await cancelAll(jobs, options);
    const rows = await look(jobs, options, silent);
    silent = rows === undefined ? silent + 1 : 0;
    if (rows !== undefined) {
      await takeOver(jobs, rows, options);
      for (const tracked of jobs.values()) {
        if (tracked.outcome !== "open") continue;
        const problem = await settle(tracked, jobs, options);
        if (problem !== undefined) failures.push(problem);
      }
      tell(jobs, said, options.log);
      if (performance.now() - beatMs > HEARTBEAT_MS) {
        beatMs = performance.now();
        beat(jobs, options.log);
      }
    }
    if ([...jobs.values()].some(({ outcome }) => outcome === "open")) await pause(options);
  }
  if (failures.length === 0) return;
  const dropped = [...jobs.values()]
    .filter(({ outcome }) => outcome === "dropped")
    .map(({ job }) => job.stage);
  const others = dropped.length === 0 ? "" : ` Not run, since they need it: ${dropped.join(", ")}.`;
  throw new AlignError(
    "slurm",
    `${failures.join("\n")}${others} What was finished is kept; run the same command to go on.`,
  );
}

/** What the queue says, by task; undefined when the controller does not answer. @throws AlignError after many such looks */
async function look(jobs: TrackedJobs, { slurm, log }: FollowOptions, silent: number) {
  try {
    const rows = await slurm.queue([...jobs.values()].map(({ job }) => job.jobName));
    return new Map(rows.map((row) => [row.ref, row]));
  } catch (error) {
    if (silent >= SILENT_POLLS)
      throw new AlignError(
        "slurm",
        `${messageOf(error)}. The queue could not be read ${silent} times in a row; the jobs go on, and the same command follows them again.`,
        { cause: error },
      );
    if (silent === 0) log.warn(`the queue cannot be read, trying again: ${messageOf(error)}`);
    return undefined;
  }
}

async function takeOver(
  jobs: TrackedJobs,
  rows: NonNullable<Awaited<ReturnType<typeof look>>>,
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
  if (again.length > 0) await resubmit(tracked, again, jobs, options);
  return undefined;
}

/** A stage failed: its other tasks and all that need it are cancelled; everything else goes on. */
async function drop(tracked: Tracked, jobs: TrackedJobs, { slurm }: FollowOptions): Promise<void> {
  const lost = dependentsOf(tracked.job.stage, jobs).filter(({ outcome }) => outcome === "open");
  tracked.outcome = "failed";
  for (const one of lost) one.outcome = "dropped";
  await slurm.cancel([...lost, tracked].flatMap(liveRefs));
}

async function resubmit(
  tracked: Tracked,
  tasks: Tracked["tasks"],
  jobs: TrackedJobs,
  { slurm, log, scriptOf, save }: FollowOptions,
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
  await save(jobs);
  await pointAt(jobs, slurm, ({ after }) => after.includes(job.stage));
}

/** Gives jobs that wait the dependencies they should have now. */
export async function pointAt(
  jobs: TrackedJobs,
  slurm: Slurm,
  which: (job: Tracked["job"]) => boolean,
): Promise<void> {
  for (const { job, tasks, outcome } of jobs.values()) {
    if (outcome !== "open" || !which(job)) continue;
    const waiting = new Set(tasks.filter(({ fate }) => fate === "waits").map(({ ref }) => jobIdOf(ref)));
    for (const id of waiting) await slurm.setDependency(id, dependencyOf(job, jobs));
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

const adviceFor = (state: string) =>
  state.startsWith("OUT_OF_MEMORY") ? "; give it more with executor.stages.<name>.memory" : "";

function tell(jobs: TrackedJobs, said: Map<string, string>, log: Log): void {
  for (const tracked of jobs.values()) {
    const { stage } = tracked.job;
    const text = tracked.outcome === "dropped" ? "is not run" : standing(tracked);
    // That a job waits for others was clear when it was submitted.
    const behind = tracked.tasks.every(({ fate, reason }) => fate === "waits" && reason === "Dependency");
    if (said.get(stage) === text || behind) continue;
    said.set(stage, text);
    log.info(`stage ${stage}: ${text}`);
  }
}

/** Long stages change nothing for hours: say that they are still there. */
function beat(jobs: TrackedJobs, log: Log): void {
  const running = [...jobs.values()].flatMap(({ job, tasks, outcome }) => {
    const first = tasks.find(({ fate }) => fate === "runs");
    return outcome === "open" && first !== undefined ? [`${job.stage} (${first.elapsed})`] : [];
  });
  if (running.length > 0) log.info(`running: ${running.join(", ")}`);
}

/** Between two looks; an interruption ends it. */
async function pause({ pollMs, signal }: FollowOptions): Promise<void> {
  await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (!signal?.aborted) throw error;
  });
}
