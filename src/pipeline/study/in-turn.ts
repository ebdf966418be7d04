/**
 * Variants shared out among processes on one folder: each takes one that nobody is at, so that two seldom wait for each other. Claims only
 * save waiting: a stage's own lock keeps it from being computed twice.
 */
import { join } from "node:path";
import { openClaims } from "../../core/claims.ts";
import { sha256 } from "../../core/digest.ts";
import type { Variant } from "./variants.ts";

/**
 * Calls `run` for every variant once: first for those that are free, then for those that other processes were at.
 * @param folder - folder of the studies
 */
export async function inTurn(
  folder: string,
  variants: readonly Variant[],
  run: (variant: Variant) => Promise<void>,
): Promise<void> {
  const claims = await openClaims(join(folder, "claims"));
  const others: Variant[] = [];
  for (const variant of variants) {
    const claim = await claims.take(sha256(variant.key));
    if (claim === undefined) others.push(variant);
    else await run(variant).finally(() => claim.release());
  }
  for (const variant of others) await run(variant);
}
