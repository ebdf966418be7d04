/** IPO, which pulls the log-ratio margin towards 1/(2 beta) and no further, in its two readings. */
import { square, sub } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import type { ReferenceLossOptions } from "./dpo.ts";
import {
  applyWeights,
  expectSamePairs,
  logratioMargin,
  namedPairs,
  type PairLengths,
  type PairLogps,
  perToken,
} from "./pairs.ts";

/**
 * IPO on logps averaged over each response's tokens, as its authors confirmed to TRL and TRL computes it.
 *
 *   h̄      = (policy.chosen - reference.chosen) / lengths.chosen - (policy.rejected - reference.rejected) / lengths.rejected
 *   losses = (h̄ - 1 / (2 beta))²
 *
 * IPO: Azar et al. 2023, eq. 17, https://arxiv.org/abs/2310.12036.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @param lengths - response tokens, each `[B]`, at least 1
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps, lengths or weights differ in shape
 */
export function ipoLoss(
  policy: PairLogps,
  reference: PairLogps,
  lengths: PairLengths,
  options: ReferenceLossOptions,
): Tensor {
  expectSamePairs("ipo", namedPairs({ policy, reference, lengths }));
  return squaredGap("ipo", perToken(policy, lengths), perToken(reference, lengths), options);
}

/**
 * IPO on summed logps, as the paper writes it and the DPO authors' code and LMFlow compute it.
 *
 *   losses = (h - 1 / (2 beta))²
 *
 * IPO: Azar et al. 2023, eq. 17, https://arxiv.org/abs/2310.12036. With weights C: CW-IPO, CW-PO eq. 10,
 * https://arxiv.org/abs/2603.04968, without the minus sign printed there (the loss is minimised).
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps or weights differ in shape
 */
export function ipoSummedLoss(
  policy: PairLogps,
  reference: PairLogps,
  options: ReferenceLossOptions,
): Tensor {
  return squaredGap("ipo-summed", policy, reference, options);
}

function squaredGap(
  loss: string,
  policy: PairLogps,
  reference: PairLogps,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  expectSamePairs(loss, { ...namedPairs({ policy, reference }), weights });
  const gap = sub(logratioMargin(policy, reference), 1 / (2 * beta));
  return applyWeights(square(gap), weights); // IPO eq. 17
}
