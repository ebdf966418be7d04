/**
 * A run's jobs as they stand: for each stage its tasks, the job each was last submitted with, and what became of it. Pure: what is
 * done about it is in `follow.ts`.
 */

import type { StageJob } from "../cluster/stage-job.ts";
import { fateOf, jobIdOf, type QueuedTask, type TaskFate, taskIndexOf } from "./queue.ts";

/** One task of a stage's job. */
export type Task = {
  /** Index in the array; 0 for a plain job. */
  readonly index: number;
  /** "12" or "12_3". */
  ref: string;
  /** How often it was submitted. */
  attempt: number;
  fate: TaskFate;
  elapsed: string;
  node: string;
  /** Slurm's words for the state and its reason. */
  state: string;
  reason: string;
  /** Looks in a row at which the controller no longer knew it. */
  missing: number;
};

/** A stage's job and its tasks. */
export type Tracked = {
  readonly job: StageJob;
  readonly tasks: Task[];
  /** `dropped`: not run, because a stage before it failed. */
  outcome: "open" | "done" | "failed" | "dropped";
  /** A job before it was submitted again, and Slurm does not know yet that it waits for the new one. */
  outdated: boolean;
};

/** A task that was just submitted. */
export function newTask(index: number, ref: string, attempt: number): Task {
  return {
    index,
    ref,
    attempt,
    ...{ fate: "waits", elapsed: "0:00", node: "", state: "PENDING", reason: "", missing: 0 },
  };
}

/** The task that a line of the queue shows. */
export function taskOf(row: QueuedTask, attempt: number): Task {
  const task = newTask(taskIndexOf(row.ref), row.ref, attempt);
  observe(task, row);
  return task;
}

/** Takes over what the queue says of a task. */
export function observe(task: Task, row: QueuedTask | undefined): void {
  if (row === undefined) {
    task.missing++;
    return;
  }
  const { state, elapsed, node, reason } = row;
  Object.assign(task, { fate: fateOf(state), state, elapsed, node, reason, missing: 0 });
}

/** What to do about a task that has ended. */
export type Verdict = "wait" | "done" | "again" | "fail";

/**
 * Judges a task. The cluster's faults are tried again, up to `retries` times. A cancelled task of an array whose others live is tried
 * again too; a job that somebody cancelled as a whole is theirs to start again.
 */
export function verdictOf(task: Task, tracked: Tracked, retries: number): Verdict {
  switch (task.fate) {
    case "waits":
    case "runs":
      return "wait";
    case "done":
      return "done";
    case "failed":
      return "fail";
    case "lost":
      return task.attempt <= retries ? "again" : "fail";
    case "cancelled": {
      const others = tracked.tasks.some(({ fate }) => ["waits", "runs", "done"].includes(fate));
      const dropped = task.reason.includes("NeverSatisfied");
      return (others || dropped) && task.attempt <= retries ? "again" : "fail";
    }
    default:
      return task.fate satisfies never;
  }
}

/** The dependency of a stage's job: what it takes from, as far as that is not done. "" when nothing is open. */
export function dependencyOf({ after }: StageJob, all: ReadonlyMap<string, Tracked>): string {
  const refs = after.flatMap((stage) => {
    const tracked = all.get(stage);
    if (tracked === undefined || tracked.outcome === "done") return [];
    const open = tracked.tasks.filter(({ fate }) => fate !== "done");
    const ids = new Set(tracked.tasks.map(({ ref }) => jobIdOf(ref)));
    // A whole job in one word, unless some of its tasks were submitted again or it was taken over in part.
    const whole = ids.size === 1 && tracked.tasks.length === (tracked.job.tasks ?? 1);
    return whole && open.length === tracked.tasks.length ? [...ids] : open.map(({ ref }) => ref);
  });
  return refs.length === 0 ? "" : `afterok:${refs.join(":")}`;
}

/** A stage's standing in words. */
export function standing({ tasks, job }: Tracked): string {
  const ids = [...new Set(tasks.map(({ ref }) => jobIdOf(ref)))];
  const where = `job ${ids.join(", ")}`;
  const [only] = tasks;
  if (job.tasks === undefined && only !== undefined) {
    switch (only.fate) {
      case "runs":
        return `${where} runs${only.node === "" ? "" : ` on ${only.node}`}`;
      case "waits":
        return `${where} waits${["", "None"].includes(only.reason) ? "" : ` (${only.reason})`}`;
      case "done":
        return `${where} done in ${only.elapsed}`;
      default:
        return `${where} ended: ${only.state}`;
    }
  }
  const count = (fate: TaskFate) => tasks.filter((task) => task.fate === fate).length;
  const parts = [
    [count("runs"), "run"],
    [count("waits"), "wait"],
    [count("done"), "done"],
    [count("lost") + count("cancelled"), "lost"],
    [count("failed"), "failed"],
  ] as const;
  return `${where}, ${tasks.length} tasks: ${parts.flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`])).join(", ")}`;
}
