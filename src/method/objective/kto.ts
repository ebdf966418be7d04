/**
 * KTO: each response is worth what it gains over a reference point, so that unpaired responses with a verdict
 * (a score above or below a threshold) are enough. A pair is one desirable and one undesirable response.
 */
import { ShapeError } from "../../base/core/errors.ts";
import { formatShape } from "../../engine/graph/dims.ts";
import { add, detach, less, mul, relu, sigmoid, sub, where } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { applyWeights, expectSamePairs, logratios, namedPairs, type PairLogps } from "./pairs.ts";

/** Options of the KTO losses. */
export type KtoOptions = {
  /** Above 0; larger is more risk averse and keeps the policy closer to the reference. */
  readonly beta: number;
  /**
   * Estimate of KL(policy ‖ reference) over the global batch, a scalar `[]`, nats; made with
   * `mismatchedKl`. Clamped at 0 here; receives no gradient.
   */
  readonly klEstimate: Tensor;
  /** λ_D, above 0: weight of desirable responses. */
  readonly lambdaDesirable: number;
  /** λ_U, above 0: weight of undesirable responses. */
  readonly lambdaUndesirable: number;
  /** Weights `[B]`, one per pair (or per response in `ktoResponseLoss`), constants; default all 1. */
  readonly weights?: Tensor | undefined;
};

/**
 * KTO loss of pairs, one value per pair.
 *
 *   z      = max(0, klEstimate)
 *   losses = λ_D (1 - σ(beta (r(chosen) - z))) + λ_U (1 - σ(beta (z - r(rejected)))),  r = log π_policy - log π_reference
 *
 * KTO: Ethayarajh et al. 2024, section 4, https://arxiv.org/abs/2402.01306.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param reference - the same under the frozen reference; receives no gradient
 * @returns losses `[B]` in [0, λ_D + λ_U]
 * @throws ShapeError when the logps or weights differ in shape, or klEstimate is not a scalar
 */
export function ktoLoss(policy: PairLogps, reference: PairLogps, options: KtoOptions): Tensor {
  expectSamePairs("kto", { ...namedPairs({ policy, reference }), weights: options.weights });
  const { chosen, rejected } = logratios(policy, reference);
  return applyWeights(
    add(desirableLoss(chosen, options), undesirableLoss(rejected, options)),
    options.weights,
  );
}

/**
 * KTO loss of single responses, one value per response.
 *
 * @param policyLogps - summed response logps `[B]`, nats
 * @param referenceLogps - the same under the frozen reference; receives no gradient
 * @param desirable - `[B]`, 1 for a desirable response and 0 for an undesirable one
 * @returns losses `[B]` in [0, max(λ_D, λ_U)]
 * @throws ShapeError when the shapes differ, or klEstimate is not a scalar
 */
export function ktoResponseLoss(
  policyLogps: Tensor,
  referenceLogps: Tensor,
  desirable: Tensor,
  options: KtoOptions,
): Tensor {
  expectSamePairs("kto", { policyLogps, referenceLogps, desirable, weights: options.weights });
  const ratios = sub(policyLogps, detach(referenceLogps));
  const losses = where(
    less(0.5, desirable),
    desirableLoss(ratios, options),
    undesirableLoss(ratios, options),
  );
  return applyWeights(losses, options.weights);
}

/** λ_D (1 - σ(beta (r - z))) `[B]`; written as λ_D σ(beta (z - r)), which keeps its digits when it is small. */
function desirableLoss(ratios: Tensor, { beta, lambdaDesirable, klEstimate }: KtoOptions): Tensor {
  return mul(sigmoid(mul(sub(referencePoint(klEstimate), ratios), beta)), lambdaDesirable); // KTO, v(x, y) desirable
}

/** λ_U (1 - σ(beta (z - r))) `[B]`, written as λ_U σ(beta (r - z)). */
function undesirableLoss(ratios: Tensor, { beta, lambdaUndesirable, klEstimate }: KtoOptions): Tensor {
  return mul(sigmoid(mul(sub(ratios, referencePoint(klEstimate)), beta)), lambdaUndesirable); // KTO, v(x, y) undesirable
}

function referencePoint(klEstimate: Tensor): Tensor {
  if (klEstimate.shape.length !== 0)
    throw new ShapeError("kto", `klEstimate must be a scalar, got ${formatShape(klEstimate.shape)}.`);
  return relu(detach(klEstimate)); // z0, KTO section 4.1
}

/**
 * The estimate KTO's reference point is made of: the mean log-ratio, nats, of responses set behind prompts they do
 * not belong to. Plain numbers, because it is a mean over the global batch, not over a micro-batch. May come out
 * negative; the loss clamps it.
 * @throws ShapeError when the two differ in number or are empty
 */
export function mismatchedKl(policyLogps: ArrayLike<number>, referenceLogps: ArrayLike<number>): number {
  const count = policyLogps.length;
  if (count === 0 || referenceLogps.length !== count)
    throw new ShapeError(
      "kto",
      `expected as many policy as reference logps, got ${count} and ${referenceLogps.length}.`,
    );
  let total = 0;
  for (let i = 0; i < count; i++) total += policyLogps[i]! - referenceLogps[i]!;
  return total / count;
}
