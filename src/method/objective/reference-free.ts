/** Losses that need no reference model: SimPO and ORPO, both on logps averaged over a response's tokens. */
import { add, logSigmoid, mul, neg, sub } from "../../engine/graph/ops/elementwise.ts";
import { log1mExp } from "../../engine/graph/ops/nn.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import {
  applyWeights,
  expectSamePairs,
  namedPairs,
  type PairLengths,
  type PairLogps,
  perToken,
} from "./pairs.ts";
import { responseNll } from "./sft.ts";

/**
 * SimPO loss, one value per pair.
 *
 *   losses = -logSigmoid(beta (policy.chosen / lengths.chosen - policy.rejected / lengths.rejected) - gamma)
 *
 * SimPO: Meng et al. 2024, eq. 6, https://arxiv.org/abs/2405.14734. TRL writes gamma / beta inside the bracket.
 *
 * @param policy - summed response logps, each `[B]`, nats
 * @param lengths - response tokens, each `[B]`, at least 1
 * @param options.beta - above 0, on nats per token
 * @param options.gamma - reward margin asked for, at least 0
 * @param options.weights - per-pair weights `[B]`, default all 1
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps, lengths or weights differ in shape
 */
export function simpoLoss(
  policy: PairLogps,
  lengths: PairLengths,
  options: { readonly beta: number; readonly gamma: number; readonly weights?: Tensor | undefined },
): Tensor {
  const { beta, gamma, weights } = options;
  expectSamePairs("simpo", { ...namedPairs({ policy, lengths }), weights });
  const mean = perToken(policy, lengths);
  const rewardMargins = mul(sub(mean.chosen, mean.rejected), beta);
  return applyWeights(neg(logSigmoid(sub(rewardMargins, gamma))), weights); // SimPO eq. 6
}

/**
 * ORPO loss, one value per pair: the NLL of the chosen response and a penalty on the odds of the rejected one.
 *
 *   losses = -policy.chosen / lengths.chosen + lambda · orpoTerm
 *
 * ORPO: Hong et al. 2024, eq. 6, https://arxiv.org/abs/2403.07691. The NLL is the response's alone; TRL's also
 * counts the prompt's tokens for decoder-only models.
 *
 * @param policy - summed response logps, each `[B]`, nats, below 0
 * @param lengths - response tokens, each `[B]`, at least 1
 * @param options.lambda - weight of the odds-ratio term, above 0
 * @param options.weights - per-pair weights `[B]` on both terms, default all 1
 * @returns losses `[B]`, at least 0
 * @throws ShapeError when the logps, lengths or weights differ in shape
 */
export function orpoLoss(
  policy: PairLogps,
  lengths: PairLengths,
  { lambda, weights }: { readonly lambda: number; readonly weights?: Tensor | undefined },
): Tensor {
  expectSamePairs("orpo", { ...namedPairs({ policy, lengths }), weights });
  const nll = responseNll(policy.chosen, lengths.chosen);
  return applyWeights(add(nll, mul(orpoTerm(policy, lengths), lambda)), weights); // ORPO eq. 6
}

/**
 * ORPO's odds-ratio term `[B]`.
 *
 *   p    = exp(logps / lengths),  odds = p / (1 - p)
 *   term = -logSigmoid(log odds(chosen) - log odds(rejected))
 *
 * ORPO: Hong et al. 2024, eq. 7, https://arxiv.org/abs/2403.07691.
 *
 * @param policy - summed response logps, each `[B]`, nats, below 0
 * @param lengths - response tokens, each `[B]`, at least 1
 */
export function orpoTerm(policy: PairLogps, lengths: PairLengths): Tensor {
  const mean = perToken(policy, lengths);
  const logOdds = (meanLogps: Tensor) => sub(meanLogps, log1mExp(meanLogps));
  return neg(logSigmoid(sub(logOdds(mean.chosen), logOdds(mean.rejected)))); // ORPO eq. 7
}
