/**
 * Batch losses. A loss is divided by a number that belongs to the global (accumulated) batch, never by a
 * micro-batch's own, so that 1 × 8 accumulated gradients equal one batch of 8; dividing by a micro-batch's sum of
 * weights would even cancel the weights when it holds one pair.
 */
import { NumericsError, ShapeError } from "../../base/core/errors.ts";
import { formatShape } from "../../engine/graph/dims.ts";
import { div } from "../../engine/graph/ops/elementwise.ts";
import { sum } from "../../engine/graph/ops/layout.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";

/**
 * What the sum of weighted losses is divided by: "pairs" is CW-PO's plain batch mean, where weights are not
 * renormalised (eq. 7, https://arxiv.org/abs/2603.04968); "weights" is the weighted mean.
 */
export type Normalise = "pairs" | "weights";

/**
 * Sum of a micro-batch's losses over the global normaliser, a scalar.
 * @param losses - `[B]`, weights already in
 * @param normaliser - scalar `[]`, above 0, from `globalNormaliser`
 * @throws ShapeError when the normaliser is not a scalar
 */
export function batchLoss(losses: Tensor, normaliser: Tensor): Tensor {
  return sumOver("loss", losses, normaliser);
}

/** Σ values / normaliser, a scalar. @throws ShapeError when the normaliser is not a scalar */
export function sumOver(where: string, values: Tensor, normaliser: Tensor): Tensor {
  if (normaliser.shape.length !== 0)
    throw new ShapeError(where, `the normaliser must be a scalar, got ${formatShape(normaliser.shape)}.`);
  return div(sum(values), normaliser);
}

/**
 * The number to feed as `normaliser`: pairs of the global batch, or the sum of their weights.
 * @param weights - of all pairs of the global batch, each at least 0; all 1 when the loss is unweighted
 * @throws NumericsError when a weight is negative or not finite, or there is nothing to divide by
 */
export function globalNormaliser(normalise: Normalise, weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new NumericsError(
        "loss",
        `weight of pair ${i} of the batch must be finite and at least 0, got ${weight}.`,
      );
    total += weight;
  }
  const normaliser = normalise === "pairs" ? weights.length : total;
  if (normaliser > 0) return normaliser;
  throw new NumericsError(
    "loss",
    `cannot normalise by ${normalise}: the batch has ${weights.length} pairs with weights that sum to ${total}. ` +
      (weights.length === 0
        ? "Leave empty batches out."
        : 'Drop pairs of weight 0, or set normalise: "pairs".'),
  );
}
