/** Negative log-likelihood: the SFT loss over tokens, and the SFT term of a pair. */
import { detach, div, mul, neg } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { sumOver } from "./normalise.ts";
import { expectSamePairs } from "./pairs.ts";

/**
 * SFT loss of a (micro-)batch, a scalar: its share of the mean over all response tokens of the global batch.
 *
 *   loss = -Σ weights ∘ perTokenLogps / normaliser
 *
 * @param perTokenLogps - `[N]`, nats, 0 where padded (`responseLogps(…).perToken`)
 * @param normaliser - scalar `[]`: tokens (or sum of weights) of the GLOBAL batch, so that the gradients of
 *   micro-batches add up to the large batch's
 * @param weights - of each token `[N]`, default all 1
 * @throws ShapeError when logps and weights differ in shape, or the normaliser is not a scalar
 */
export function sftLoss(perTokenLogps: Tensor, normaliser: Tensor, weights?: Tensor): Tensor {
  expectSamePairs("sft", { perTokenLogps, weights });
  const weighted = weights === undefined ? perTokenLogps : mul(perTokenLogps, detach(weights));
  return sumOver("sft", neg(weighted), normaliser);
}

/**
 * Mean NLL per token of each response `[B]`, nats: -logps / lengths.
 * As the SFT term of a pair loss it is that of Pang et al. 2024, https://arxiv.org/abs/2404.19733, on the response alone.
 * @param logps - summed response logps `[B]`, nats
 * @param lengths - response tokens `[B]`, at least 1
 */
export function responseNll(logps: Tensor, lengths: Tensor): Tensor {
  return neg(div(logps, lengths));
}
