/** Dropout on adapters' inputs, seeded by a program input. */
import { dropout, siteNumber } from "../graph/ops/dropout.ts";
import { input } from "../graph/tensor.ts";
import type { Dropout } from "./context.ts";

/** Name of the int input (rank 0) that seeds all masks of one run. */
export const DROPOUT_SEED = "dropoutSeed";

/**
 * Dropout for `createContext`, or undefined at rate 0, when the program has no such input.
 * Feed `DROPOUT_SEED` another number at every step and microbatch, the same on resume.
 * @param rate - in [0, 1)
 */
export function adapterDropout(rate: number): Dropout | undefined {
  if (rate === 0) return undefined;
  const seed = input(DROPOUT_SEED, "int", []);
  return (x, site) => dropout(x, rate, seed, siteNumber(site));
}
