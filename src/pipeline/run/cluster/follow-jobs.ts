/** The loop that follows a run's jobs on a cluster, whichever it is: looks again and again until all have ended, and says what happens. */
import { setTimeout as sleep } from "node:timers/promises";
import { AlignError } from "../../../base/core/errors.ts";
import type { Log } from "../../../base/core/log.ts";
import type { StageJob } from "./stage-job.ts";

/** A stage's job as far as the loop knows it. */
type Followed = { readonly job: StageJob; readonly outcome: string };

/** What differs between clusters. */
export type Following<T extends Followed> = {
  readonly jobs: ReadonlyMap<string, T>;
  /** Code of its errors, and its name for people. */
  readonly cluster: { readonly code: string; readonly name: string };
  readonly pollMs: number;
  readonly log: Log;
  readonly signal?: AbortSignal | undefined;
  /** Whether there is still to do with a stage. */
  isOpen(tracked: T): boolean;
  /** One look at the cluster, and what follows from it. @param failures - takes what to tell of stages that have failed, also where the look fails later */
  act(failures: string[]): Promise<void>;
  /** Ends everything that has not ended. @throws InterruptedError always */
  stop(): Promise<never>;
  /** How a stage stands, in words; undefined where that is clear. */
  standing(tracked: T): string | undefined;
  /** A stage that runs, in words; undefined where none of its tasks does. */
  running(tracked: T): string | undefined;
  /** What is said when the cluster was silent so many times in a row. */
  givenUp(silent: number, message: string): string;
};

/** Looks that may fail in a row: controllers and heads restart. */
const SILENT_POLLS = 30;
const HEARTBEAT_MS = 60_000;

/**
 * Returns when every stage is done.
 * @throws AlignError with the cluster's code when stages failed, after all others have ended; InterruptedError when `signal` fires
 */
export async function followUntilDone<T extends Followed>(following: Following<T>): Promise<void> {
  const { jobs, cluster, signal } = following;
  const said = new Map<string, string>();
  const failures: string[] = [];
  const isOpen = () => [...jobs.values()].some(following.isOpen);
  let silent = 0;
  let beatMs = performance.now();
  while (isOpen()) {
    if (signal?.aborted) return await following.stop();
    try {
      await following.act(failures);
      silent = 0;
    } catch (error) {
      giveUpAfter(silent++, error, following);
    }
    tell(following, said);
    if (performance.now() - beatMs > HEARTBEAT_MS) {
      beatMs = performance.now();
      beat(following);
    }
    if (isOpen()) await pause(following);
  }
  if (failures.length === 0) return;
  const dropped = [...jobs.values()].flatMap(({ job, outcome }) =>
    outcome === "dropped" ? [job.stage] : [],
  );
  const others = dropped.length === 0 ? "" : ` Not run, since they need it: ${dropped.join(", ")}.`;
  throw new AlignError(
    cluster.code,
    `${failures.join("\n")}${others} What was finished is kept; run the same command to go on.`,
  );
}

/** A silent cluster is asked again. @throws the error itself if it is another's, or after many in a row */
function giveUpAfter<T extends Followed>(
  silent: number,
  error: unknown,
  { cluster, log, givenUp }: Following<T>,
): void {
  if (!(error instanceof AlignError) || error.code !== cluster.code) throw error;
  if (silent >= SILENT_POLLS)
    throw new AlignError(cluster.code, givenUp(silent, error.message), { cause: error });
  if (silent === 0) log.warn(`${cluster.name} does not answer, trying again: ${error.message}`);
}

function tell<T extends Followed>({ jobs, standing, log }: Following<T>, said: Map<string, string>): void {
  for (const tracked of jobs.values()) {
    const { stage } = tracked.job;
    const text = tracked.outcome === "dropped" ? "is not run" : standing(tracked);
    if (text === undefined || said.get(stage) === text) continue;
    said.set(stage, text);
    log.info(`stage ${stage}: ${text}`);
  }
}

/** Long stages change nothing for hours: say that they are still there. */
function beat<T extends Followed>({ jobs, running, log }: Following<T>): void {
  const words = [...jobs.values()].flatMap((tracked) => running(tracked) ?? []);
  if (words.length > 0) log.info(`running: ${words.join(", ")}`);
}

/** Between two looks; an interruption ends it. */
async function pause<T extends Followed>({ pollMs, signal }: Following<T>): Promise<void> {
  await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (!signal?.aborted) throw error;
  });
}
