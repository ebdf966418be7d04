/** What squeue says of jobs, and what their states mean for a run. */
import { AlignError } from "../../../base/core/errors.ts";

/** One task of a job; jobs without an array have one. */
export type QueuedTask = {
  /** "12", or "12_3" for a task of an array. */
  readonly ref: string;
  /** Slurm's word: PENDING, RUNNING, … */
  readonly state: string;
  /** Time it has run, in Slurm's form: "1:05". */
  readonly elapsed: string;
  readonly node: string;
  /** Why it waits or ended: "Priority", "Dependency", "None". */
  readonly reason: string;
  /** The job's name. */
  readonly name: string;
};

/**
 * Reads lines of `%i|%T|%M|%N|%r|%j`.
 * @throws AlignError "slurm" for a line of another form
 */
export function parseQueue(text: string): QueuedTask[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [ref, state, elapsed, node, reason, name, ...rest] = line.split("|").map((field) => field.trim());
      if (name === undefined || rest.length > 0 || !/^\d+(_\d+)?$/.test(ref!))
        throw new AlignError("slurm", `squeue: expected id|state|time|node|reason|name, got "${line}".`);
      return { ref: ref!, state: state!, elapsed: elapsed!, node: node!, reason: reason!, name };
    });
}

/** The job's own id, without the task's. */
export const jobIdOf = (ref: string): string => ref.split("_")[0]!;

/** The task's index in its array; 0 for a job without one. */
export const taskIndexOf = (ref: string): number => Number(ref.split("_")[1] ?? 0);

/**
 * What a state means: `waits` and `runs` are under way, `done` and `failed` are the task's own doing, `lost` is the cluster's (submitting
 * it again may help), `cancelled` is somebody's.
 */
export type TaskFate = "waits" | "runs" | "done" | "failed" | "lost" | "cancelled";

const FATES: Readonly<Record<string, TaskFate>> = {
  COMPLETED: "done",
  FAILED: "failed",
  OUT_OF_MEMORY: "failed",
  DEADLINE: "failed",
  // A stage goes on from its last checkpoint.
  TIMEOUT: "lost",
  NODE_FAIL: "lost",
  BOOT_FAIL: "lost",
  LAUNCH_FAILED: "lost",
  PREEMPTED: "lost",
  REVOKED: "lost",
  CANCELLED: "cancelled",
  RUNNING: "runs",
  COMPLETING: "runs",
  SUSPENDED: "runs",
  STOPPED: "runs",
  SIGNALING: "runs",
  STAGE_OUT: "runs",
};

/** A state's meaning; one that is not known is taken as waiting, for Slurm has many of these. */
export const fateOf = (state: string): TaskFate => FATES[state.split(/[ +]/)[0]!] ?? "waits";

/** True while a task holds or may yet get resources. */
export const isLive = (state: string): boolean => ["waits", "runs"].includes(fateOf(state));
