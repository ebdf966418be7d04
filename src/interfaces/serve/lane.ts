/**
 * Jobs of many requests, run together where they can be: while one batch is computed the next one gathers. First come, first served;
 * jobs of the first one's group join it up to a budget. A job whose request went away is dropped.
 */

/** How a lane works. */
export type LaneOptions<Job, Result> = {
  /** Jobs of one group may share a run. */
  readonly group: (job: Job) => string;
  /** What a job takes of the budget; the first job of a run may exceed it alone. */
  readonly cost: (job: Job) => number;
  readonly budget: number;
  /** @param abandoned - true once nobody waits for any of the jobs */
  readonly run: (jobs: readonly Job[], abandoned: () => boolean) => Promise<readonly Result[]>;
};

/** A queue with one worker. */
export interface Lane<Job, Result> {
  /** @throws what `run` throws for this job by itself; the signal's reason as soon as it fires */
  submit(job: Job, signal: AbortSignal): Promise<Result>;
  /** Jobs that are not begun. */
  waiting(): number;
}

type Entry<Job, Result> = {
  readonly job: Job;
  readonly signal: AbortSignal;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/** Opens a lane. */
export function openLane<Job, Result>(options: LaneOptions<Job, Result>): Lane<Job, Result> {
  const queue = new Set<Entry<Job, Result>>();
  const onAbort = openListeners();
  let working = false;
  const work = async () => {
    if (working) return;
    working = true;
    // Requests that arrive together are computed together.
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.size > 0) await compute(options, take(options, queue));
    working = false;
  };
  return {
    submit(job, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise<Result>((resolve, reject) => {
        const stop = () => {
          queue.delete(entry);
          reject(signal.reason);
        };
        const settled = onAbort(signal, stop);
        const entry: Entry<Job, Result> = {
          job,
          signal,
          resolve: (result) => {
            settled();
            resolve(result);
          },
          reject: (error) => {
            settled();
            reject(error);
          },
        };
        queue.add(entry);
        void work();
      });
    },
    waiting: () => queue.size,
  };
}

/** One listener for all jobs of a signal: a request of many pairs would look like a leak. @returns what is told, and how to leave */
function openListeners(): (signal: AbortSignal, stop: () => void) => () => void {
  const bySignal = new WeakMap<AbortSignal, Set<() => void>>();
  return (signal, stop) => {
    let stops = bySignal.get(signal);
    if (stops === undefined) {
      const all = new Set<() => void>();
      const tell = () => {
        for (const one of [...all]) one();
      };
      signal.addEventListener("abort", tell, { once: true });
      bySignal.set(signal, all);
      stops = all;
    }
    stops.add(stop);
    return () => void stops.delete(stop);
  };
}

function take<Job, Result>(
  { group, cost, budget }: LaneOptions<Job, Result>,
  queue: Set<Entry<Job, Result>>,
): Entry<Job, Result>[] {
  const batch: Entry<Job, Result>[] = [];
  let wanted: string | undefined;
  let used = 0;
  for (const entry of queue) {
    wanted ??= group(entry.job);
    if (group(entry.job) !== wanted) continue;
    used += cost(entry.job);
    if (batch.length > 0 && used > budget) break;
    batch.push(entry);
    queue.delete(entry);
  }
  return batch;
}

/** Runs a batch; when it fails, each job by itself, so that nobody pays for a neighbour. */
async function compute<Job, Result>(
  options: LaneOptions<Job, Result>,
  batch: readonly Entry<Job, Result>[],
): Promise<void> {
  const live = batch.filter(({ signal }) => !signal.aborted);
  if (live.length === 0) return;
  try {
    const jobs = live.map(({ job }) => job);
    const results = await options.run(jobs, () => live.every(({ signal }) => signal.aborted));
    live.forEach((entry, i) => {
      entry.resolve(results[i]!);
    });
  } catch (error) {
    if (live.length === 1) return live[0]!.reject(error);
    for (const entry of live) await compute(options, [entry]);
  }
}
