/**
 * Processes that share the work of one stage. Each has a file beside the stage's lock while it works; whoever holds the lock waits until
 * no file of a living process is left. A process shows its file first and looks at the lock then, the holder of the lock does it the
 * other way round, so one of the two always sees the other.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InterruptedError } from "../../base/core/errors.ts";
import type { Holder } from "../../base/core/holders.ts";
import { livingHolder, takeLock } from "../../base/core/lock.ts";
import type { Waiting } from "../../base/core/waiting.ts";

/**
 * Works together with others.
 * @param lock - path of the stage's lock
 * @returns false, and nothing done, when another process holds the lock: it is closing the stage or clearing it away
 */
export async function workTogether(lock: string, work: () => Promise<void>): Promise<boolean> {
  const mine = await takeLock(`${lock}${WORKER}${randomBytes(6).toString("hex")}`);
  try {
    if ((await livingHolder(lock)) !== undefined) return false;
    await work();
    return true;
  } finally {
    await mine.release();
  }
}

/** How to wait for others. */
export type WaitOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly pollMs?: number;
  /** Told at every look who still works. */
  readonly onWait?: Waiting;
};

/**
 * Returns when nobody works any more; dead processes' files are removed. The caller holds the lock, so nobody new begins.
 * @throws InterruptedError when `signal` fires meanwhile
 */
export async function othersGone(
  lock: string,
  { signal, pollMs = 100, onWait }: WaitOptions = {},
): Promise<void> {
  for (;;) {
    const workers = await livingWorkers(lock);
    if (workers.length === 0) return;
    if (signal?.aborted) throw new InterruptedError(lock);
    onWait?.(workers);
    await sleep(pollMs);
  }
}

const WORKER = ".worker-";

/**
 * Whether a living process is at work on a stage: it holds its lock, or shares its work.
 * @param lock - path of the stage's lock
 */
export const inHand = async (lock: string): Promise<boolean> =>
  (await livingHolder(lock)) !== undefined || (await livingWorkers(lock)).length > 0;

async function livingWorkers(lock: string): Promise<readonly Holder[]> {
  const folder = dirname(lock);
  const inside = await readdir(folder);
  const living: Holder[] = [];
  for (const name of inside.filter((entry) => entry.startsWith(`${basename(lock)}${WORKER}`))) {
    const path = join(folder, name);
    const holder = await livingHolder(path);
    if (holder === undefined) await rm(path, { force: true });
    else living.push(holder);
  }
  return living;
}
