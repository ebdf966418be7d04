/** How far two float32 computations of one score may be apart: derived from the model's sizes and the numbers added up, not from a machine. */
import { float32Rounding } from "../../src/base/core/float32.ts";

/** Sizes of a model, and the longest row that it reads. */
export type ModelSizes = Readonly<Record<"layers" | "hidden" | "inner" | "vocab" | "positions", number>>;

/** The models of `tiny-model.ts` as `tiny-folder.ts` writes them, on rows of up to 96 tokens. */
export const TINY_SIZES: ModelSizes = { layers: 2, hidden: 16, inner: 32, vocab: 264, positions: 96 };

/**
 * Numbers added up on the way to one log-probability: four products over the hidden size, one over the inner size and one over the positions in
 * each layer; then the head's product and the softmax's sum.
 */
export function pathTerms({ layers, hidden, inner, vocab, positions }: ModelSizes): number {
  return layers * (4 * hidden + inner + positions) + hidden + vocab;
}

/**
 * Most that two computations of a sum of log-probabilities (or of a difference of such sums) may differ, nats: each side is off by the rounding of
 * its tokens, and they are added up in float64.
 * @param sums - the sums that the score is made of, nats
 */
export function scoreRounding(sums: readonly number[], sizes: ModelSizes = TINY_SIZES): number {
  const size = sums.reduce((total, sum) => total + Math.abs(sum), 0);
  return 2 * float32Rounding(pathTerms(sizes), Math.max(1, size));
}
