/** Groups rows into runs of the engine: like lengths together, to a budget of tokens. */
import { rowLength, type TokenRow } from "./packing.ts";

/** Limits of one run. */
export type BatchLimits = {
  /** Most tokens in a run; a single longer row still gets a run of its own. */
  readonly tokens: number;
};

/**
 * Attention works on a grid of rows by the longest row; a run is closed before more than this share of the grid
 * would be padding (linear layers never see padding).
 */
const MAX_PADDING = 0.25;

/**
 * Splits rows into runs; every row is in exactly one.
 * @returns indices into `rows`, longest rows first so that the largest run comes first and memory peaks at once
 */
export function planMicroBatches(rows: readonly TokenRow[], { tokens }: BatchLimits): number[][] {
  const lengths = rows.map(rowLength);
  const order = rows.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  let used = 0;
  for (const index of order) {
    const length = lengths[index]!;
    const grid = (batch.length + 1) * lengths[batch[0] ?? index]!;
    const padded = 1 - (used + length) / grid;
    if (batch.length > 0 && (used + length > tokens || padded > MAX_PADDING)) {
      batches.push(batch);
      [batch, used] = [[], 0];
    }
    batch.push(index);
    used += length;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
