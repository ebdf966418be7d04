/** Hinge losses: zero once the margin is wide enough. Against a reference (RSO, TRL's "hinge") and without (SLiC-HF). */
import { relu, sub } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { type ReferenceLossOptions, scaledMargin } from "./dpo.ts";
import { applyWeights, expectSamePairs, namedPairs, type PairLogps } from "./pairs.ts";

/**
 * Hinge loss on DPO's reward margin.
 *
 *   losses = max(0, 1 - beta h)
 *
 * SLiC's loss on log-ratios: Liu et al. 2023 (RSO, "hinge-norm"), https://arxiv.org/abs/2309.06657.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @returns losses `[B]`, at least 0; the gradient is 0 from beta h = 1 on
 * @throws ShapeError when the logps or weights differ in shape
 */
export function hingeLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  const rewardMargins = scaledMargin("hinge", policy, reference, { beta, weights });
  return applyWeights(relu(sub(1, rewardMargins)), weights);
}

/**
 * SLiC-HF's rank calibration loss, without a reference; its regulariser is the optional SFT term.
 *
 *   losses = max(0, delta - policy.chosen + policy.rejected)
 *
 * SLiC-HF: Zhao et al. 2023, https://arxiv.org/abs/2305.10425.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param options.delta - margin asked for, nats, above 0
 * @param options.weights - per-pair weights `[B]`, default all 1
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps or weights differ in shape
 */
export function slicLoss(
  policy: PairLogps,
  { delta, weights }: { readonly delta: number; readonly weights?: Tensor | undefined },
): Tensor {
  expectSamePairs("slic", { ...namedPairs({ policy }), weights });
  const policyLogratios = sub(policy.chosen, policy.rejected);
  return applyWeights(relu(sub(delta, policyLogratios)), weights);
}
