/** WSPO: the student's log-ratio is regressed, token by token, onto the weak teacher's. No preference labels. */
import { dimProduct } from "../../engine/graph/dims.ts";
import { detach, div, mul, square, sub } from "../../engine/graph/ops/elementwise.ts";
import { scatterAddRows } from "../../engine/graph/ops/gather.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { applyWeights, expectSamePairs, splitPairs } from "./pairs.ts";

/**
 * Values of every predicted token of a batch of pairs, each `[N]`, in the packed order of `responseLogps`; all 0
 * where padded.
 */
export type TokenRatios = {
  /** log π of the student, nats. */
  readonly policy: Tensor;
  /** log π of the student's reference, nats. */
  readonly reference: Tensor;
  /** log π_teacher - log π_teacher's reference, nats: needs the student's tokenizer. */
  readonly teacherLogratios: Tensor;
  /** Response each token belongs to, int in [0, 2·P): chosen and rejected of each pair in turn. */
  readonly owners: Tensor;
};

/**
 * WSPO loss, one value per pair, on its chosen response only.
 *
 *   losses = 1/|chosen| Σ_t [gamma (log π - log π_reference)(t) - (log π_teacher - log π_teacher reference)(t)]²
 *
 * WSPO: Zhu et al. 2024, https://arxiv.org/abs/2410.18640, in the form of the authors' code.
 *
 * @param tokens - see `TokenRatios`; only `policy` receives a gradient
 * @param chosenLengths - tokens of the chosen responses `[B]`, at least 1
 * @param options.gamma - above 0; the student moves 1/gamma times as far as the teacher did
 * @param options.weights - per-pair weights `[B]`, default all 1
 * @returns losses `[B]`, at least 0, nats²
 * @throws ShapeError when the token values, or the lengths and weights, differ in shape
 */
export function wspoLoss(
  tokens: TokenRatios,
  chosenLengths: Tensor,
  { gamma, weights }: { readonly gamma: number; readonly weights?: Tensor | undefined },
): Tensor {
  expectSamePairs("wspo", { ...tokens });
  expectSamePairs("wspo", { chosenLengths, weights });
  const studentLogratios = sub(tokens.policy, detach(tokens.reference)); // [N]
  const squares = square(sub(mul(studentLogratios, gamma), detach(tokens.teacherLogratios))); // [N]
  const perResponse = scatterAddRows(squares, tokens.owners, [dimProduct([2, ...chosenLengths.shape])]); // [2·B]
  return applyWeights(div(splitPairs(perResponse).chosen, chosenLengths), weights);
}
