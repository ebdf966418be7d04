/** DPO and the three ways it takes label noise: cDPO, rDPO and soft labels. */
import { add, detach, logSigmoid, mul, neg, sub } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { applyWeights, expectSamePairs, logratioMargin, namedPairs, type PairLogps } from "./pairs.ts";

/** Options every loss against a reference takes. */
export type ReferenceLossOptions = {
  /** Above 0; larger keeps the policy closer to the reference. */
  readonly beta: number;
  /** Per-pair weights `[B]`, constants; default all 1. C = tanh(m/2) here makes the CW- losses of CW-PO. */
  readonly weights?: Tensor | undefined;
};

/**
 * DPO loss, one value per pair.
 *
 *   h      = (policy.chosen - policy.rejected) - (reference.chosen - reference.rejected)
 *   losses = -logSigmoid(beta h)
 *
 * DPO: Rafailov et al. 2023, eq. 7, https://arxiv.org/abs/2305.18290.
 * With weights C: CW-DPO, CW-PO eq. 9, https://arxiv.org/abs/2603.04968.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps or weights differ in shape
 */
export function dpoLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  const rewardMargins = scaledMargin("dpo", policy, reference, { beta, weights });
  return applyWeights(neg(logSigmoid(rewardMargins)), weights); // DPO eq. 7
}

/**
 * Conservative DPO: cross entropy against labels of which a share `flip` is assumed flipped.
 *
 *   losses = -(1 - flip) logSigmoid(beta h) - flip logSigmoid(-beta h)
 *
 * cDPO: Mitchell 2023, eq. 3, https://ericmitchell.ai/cdpo.pdf.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @param options.flip - in [0, 0.5): share of labels assumed flipped; 0 is DPO
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps or weights differ in shape
 */
export function cdpoLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, flip, weights }: ReferenceLossOptions & { readonly flip: number },
): Tensor {
  const rewardMargins = scaledMargin("cdpo", policy, reference, { beta, weights });
  const kept = mul(logSigmoid(rewardMargins), 1 - flip);
  const flipped = mul(logSigmoid(neg(rewardMargins)), flip);
  return applyWeights(neg(add(kept, flipped)), weights); // cDPO eq. 3
}

/**
 * Robust DPO: an unbiased estimate, from labels of which a share `flip` is flipped, of DPO on the clean ones.
 *
 *   losses = [-(1 - flip) logSigmoid(beta h) + flip logSigmoid(-beta h)] / (1 - 2 flip)
 *
 * rDPO: Chowdhury et al. 2024, https://arxiv.org/abs/2403.00409, as in CW-PO eq. 11, https://arxiv.org/abs/2603.04968
 * (with weights C: CW-rDPO). Unlike the other losses it has no lower bound.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @param options.flip - in [0, 0.5): share of labels that are flipped; 0 is DPO
 * @returns losses `[B]`, of either sign
 * @throws ShapeError when the logps or weights differ in shape
 */
export function rdpoLoss(
  policy: PairLogps,
  reference: PairLogps,
  { beta, flip, weights }: ReferenceLossOptions & { readonly flip: number },
): Tensor {
  const rewardMargins = scaledMargin("rdpo", policy, reference, { beta, weights });
  const kept = mul(logSigmoid(rewardMargins), -(1 - flip));
  const flipped = mul(logSigmoid(neg(rewardMargins)), flip);
  return applyWeights(mul(add(kept, flipped), 1 / (1 - 2 * flip)), weights); // CW-PO eq. 11
}

/**
 * Soft-label DPO: cross entropy against the teacher's own probability; cDPO with a flip rate for each pair.
 *
 *   losses = -p logSigmoid(beta h) - (1 - p) logSigmoid(-beta h)
 *
 * Called "rev_kl" in LMFlow's DPO aligner.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @param pChosen - p `[B]` in [0, 1]: probability that `chosen` beats `rejected`; 1 is DPO
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps, probabilities or weights differ in shape
 */
export function softDpoLoss(
  policy: PairLogps,
  reference: PairLogps,
  pChosen: Tensor,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  expectSamePairs("soft", { "policy.chosen": policy.chosen, pChosen });
  const rewardMargins = scaledMargin("soft", policy, reference, { beta, weights });
  const p = detach(pChosen);
  const asLabelled = mul(p, logSigmoid(rewardMargins));
  const flipped = mul(sub(1, p), logSigmoid(neg(rewardMargins)));
  return applyWeights(neg(add(asLabelled, flipped)), weights);
}

/** beta h `[B]`, after the check that everything has one value per pair. */
export function scaledMargin(
  loss: string,
  policy: PairLogps,
  reference: PairLogps,
  { beta, weights }: ReferenceLossOptions,
): Tensor {
  expectSamePairs(loss, { ...namedPairs({ policy, reference }), weights });
  return mul(logratioMargin(policy, reference), beta);
}
