/** A run's Ray jobs as they stand: for each stage its tasks, the job each was last submitted as, and what became of it. Pure. */
import { formatSeconds } from "../../../base/core/log.ts";
import type { RayJob } from "./ray.ts";
import { type RayStageJob, submissionId } from "./ray-jobs.ts";

/** One task of a stage; a plain stage has one. */
export type Task = {
  readonly index: number;
  /** Submission id of the last attempt. */
  id: string;
  /** Number of that attempt, from 1; 0 before the first. */
  attempt: number;
  /** Attempts that this process made or took over. */
  tries: number;
  /** As Ray last told it; undefined before the first look, or when Ray does not know it. */
  job: RayJob | undefined;
};

/** A stage's job and its tasks. */
export type RayTracked = {
  readonly job: RayStageJob;
  readonly tasks: Task[];
  /** `waits` for stages before it, `open` it was submitted, `dropped` it is not run, because a stage before it failed. */
  outcome: "waits" | "open" | "done" | "failed" | "dropped";
  /** Looks at which all jobs had succeeded and the result was not there. */
  missing: number;
};

/** The jobs of a run, by stage, each after those it takes from. */
export type RayTrackedJobs = ReadonlyMap<string, RayTracked>;

/** True while Ray has still to do with it. */
export const hasNotEnded = ({ status }: RayJob): boolean => status === "PENDING" || status === "RUNNING";

/**
 * Stages with the last attempt at each of their tasks that the cluster knows.
 * @param known - jobs of this run, whoever submitted them
 */
export function trackedOf(jobs: readonly RayStageJob[], known: readonly RayJob[]): RayTrackedJobs {
  const byId = new Map(known.map((job) => [job.id, job]));
  // A cluster forgets its oldest jobs, so attempts need not begin at 1.
  const attempts = (job: RayStageJob, index: number): number => {
    const prefix = submissionId(job, index, 0).slice(0, -1);
    const numbers = known.map(({ id }) => (id.startsWith(prefix) ? Number(id.slice(prefix.length)) : 0));
    return Math.max(0, ...numbers.filter(Number.isInteger));
  };
  return new Map(
    jobs.map((job) => {
      const tasks = Array.from({ length: job.tasks ?? 1 }, (_, index): Task => {
        const attempt = attempts(job, index);
        const id = submissionId(job, index, attempt);
        const last = byId.get(id);
        const live = last !== undefined && hasNotEnded(last);
        return { index, id, attempt, tries: live ? 1 : 0, job: live ? last : undefined };
      });
      const begun = tasks.some((task) => task.job !== undefined);
      return [job.stage, { job, tasks, outcome: begun ? "open" : "waits", missing: 0 }];
    }),
  );
}

/** What to do about a task. */
export type Verdict = "submit" | "wait" | "done" | "again" | "fail";

/**
 * Judges a task. What the cluster ended (a node, a supervisor, a signal) is tried again, up to `retries` times. A command that ended by
 * itself failed; a job that somebody stopped is theirs to start again.
 */
export function verdictOf({ job, tries }: Task, retries: number): Verdict {
  if (tries === 0) return "submit";
  // The head forgets jobs when it is made anew.
  if (job === undefined) return tries <= retries ? "again" : "fail";
  if (hasNotEnded(job)) return "wait";
  if (job.status === "SUCCEEDED") return "done";
  if (job.status !== "FAILED" || isOwnFault(job)) return "fail";
  return tries <= retries ? "again" : "fail";
}

/** The command itself failed: it ended with a code of its own, or could not be started. */
const isOwnFault = ({ errorType, exitCode }: RayJob): boolean =>
  errorType === "JOB_ENTRYPOINT_COMMAND_START_ERROR" ||
  errorType === "RUNTIME_ENV_SETUP_FAILURE" ||
  // 128 and more is a shell's word for a signal.
  (errorType === "JOB_ENTRYPOINT_COMMAND_ERROR" && exitCode !== null && exitCode > 0 && exitCode < 128);

/** How a job ended, in words. */
export function endedAs({ job }: Task): string {
  if (job === undefined) return "unknown to the cluster";
  const { status, exitCode, errorType } = job;
  if (exitCode !== null && exitCode < 0) return `${status} by signal ${-exitCode}`;
  if (exitCode !== null && exitCode > 128) return `${status} by signal ${exitCode - 128}`;
  return [status, exitCode === null ? errorType : `exit code ${exitCode}`].filter(Boolean).join(", ");
}

/** A stage's standing in words. */
export function rayStanding({ tasks, job }: RayTracked): string {
  if (job.tasks === undefined) {
    const [{ id, job: last, tries }] = tasks as [Task];
    if (tries === 0) return "not submitted yet";
    const took = last === undefined ? "" : tookOf(last);
    const words: Readonly<Record<string, string>> = {
      PENDING: "waits for its resources",
      RUNNING: "runs",
      SUCCEEDED: `done${took}`,
    };
    return `job ${id} ${last === undefined ? "submitted" : (words[last.status] ?? `ended: ${endedAs(tasks[0]!)}`)}`;
  }
  const count = (status: string) => tasks.filter((task) => task.job?.status === status).length;
  const parts = [
    [count("RUNNING"), "run"],
    [count("PENDING"), "wait"],
    [count("SUCCEEDED"), "done"],
    [count("FAILED") + count("STOPPED"), "ended"],
  ] as const;
  return `${tasks.length} jobs: ${parts.flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`])).join(", ") || "submitted"}`;
}

const tookOf = ({ startedAt, endedAt }: RayJob): string =>
  startedAt === null || endedAt === null ? "" : ` in ${formatSeconds((endedAt - startedAt) / 1000)}`;
