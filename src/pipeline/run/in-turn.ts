/**
 * Variants of studies, or runs of seeds, shared out among processes on one folder: each takes one that nobody is at, so that two seldom wait
 * for each other. Claims only save waiting: a stage's own lock keeps it from being computed twice.
 */
import { join } from "node:path";
import { openClaims } from "../../base/core/claims.ts";
import { sha256 } from "../../base/core/digest.ts";

/** Other processes at work on the same items. */
export interface Helpers {
  /** Stops those that still run and waits until they are gone. */
  stop(): Promise<void>;
}

/**
 * Calls `run` for every item once: first for those that are free, then for those that other processes were at.
 * @param folder - folder of all of them
 */
export async function inTurn<T extends { readonly key: string }>(
  folder: string,
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const claims = await openClaims(join(folder, "claims"));
  const others: T[] = [];
  for (const item of items) {
    const claim = await claims.take(sha256(item.key));
    if (claim === undefined) others.push(item);
    else await run(item).finally(() => claim.release());
  }
  for (const item of others) await run(item);
}
