/** APO: the two responses move on their own, each against the reference, and not only their difference. */
import { add, mul, sigmoid, sub } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import type { ReferenceLossOptions } from "./dpo.ts";
import { applyWeights, expectSamePairs, logratios, namedPairs, type PairLogps } from "./pairs.ts";

/**
 * APO-zero: the chosen response becomes likelier than under the reference, the rejected one less likely. For pairs whose chosen
 * response is better than what the policy writes.
 *
 *   losses = 1 - σ(beta r(chosen)) + σ(beta r(rejected)),  r = log π_policy - log π_reference
 *
 * APO: D'Oosterlinck et al. 2024, eq. 3, https://arxiv.org/abs/2408.06266; TRL's "apo_zero".
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @param options.beta - above 0; larger saturates sooner and keeps the policy closer to the reference
 * @returns losses `[B]` in (0, 2); 1 where policy and reference are the same
 * @throws ShapeError when the logps or weights differ in shape
 */
export function apoZeroLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  expectSamePairs("apo-zero", { ...namedPairs({ policy, reference }), weights });
  const { chosen, rejected } = logratios(policy, reference);
  const losses = add(sub(1, sigmoid(mul(chosen, beta))), sigmoid(mul(rejected, beta)));
  return applyWeights(losses, weights);
}
