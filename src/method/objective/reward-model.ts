/** Training a reward head on pairs. */
import { add, detach, logSigmoid, mul, neg, sub } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { applyWeights, expectSamePairs, namedPairs, type PairValues } from "./pairs.ts";

/** Options of `bradleyTerryLoss`, all `[B]` and constants. */
export type BradleyTerryOptions = {
  /** Difference of scores asked for, at least 0 (Touvron et al. 2023, Llama 2, eq. 2); default 0. */
  readonly margin?: Tensor | undefined;
  /** Probability in [0, 1] that `chosen` beats `rejected`, as a soft target; default 1. */
  readonly pChosen?: Tensor | undefined;
  /** Per-pair weights, default all 1. */
  readonly weights?: Tensor | undefined;
};

/**
 * Bradley-Terry loss of a reward head, one value per pair.
 *
 *   d      = scores.chosen - scores.rejected
 *   losses = -p logSigmoid(d - margin) - (1 - p) logSigmoid(-d - margin)
 *
 * With p = 1 and no margin: CW-PO eq. 5, https://arxiv.org/abs/2603.04968; Ouyang et al. 2022, eq. 1,
 * https://arxiv.org/abs/2203.02155. The margin: Llama 2, eq. 2, https://arxiv.org/abs/2307.09288; under a soft
 * target it is asked for in both directions.
 *
 * @param scores - of the head, each `[B]`
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when scores and options differ in shape
 */
export function bradleyTerryLoss(scores: PairValues, options: BradleyTerryOptions = {}): Tensor {
  const { margin, pChosen, weights } = options;
  expectSamePairs("bradley-terry", { ...namedPairs({ scores }), margin, pChosen, weights });
  const difference = sub(scores.chosen, scores.rejected);
  const asked = (x: Tensor) => (margin === undefined ? x : sub(x, detach(margin)));
  const forward = logSigmoid(asked(difference));
  if (pChosen === undefined) return applyWeights(neg(forward), weights); // CW-PO eq. 5
  const p = detach(pChosen);
  const backward = logSigmoid(asked(neg(difference)));
  return applyWeights(neg(add(mul(p, forward), mul(sub(1, p), backward))), weights);
}
