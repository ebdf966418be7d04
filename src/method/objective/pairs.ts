/** What every pair loss is made of: log-probabilities of both responses, their differences and their lengths. */
import { ShapeError } from "../../base/core/errors.ts";
import { formatShape, sameShape } from "../../engine/graph/dims.ts";
import { detach, div, mul, sub } from "../../engine/graph/ops/elementwise.ts";
import { reshape, slice } from "../../engine/graph/ops/layout.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";

/** One value for each response of every pair, each `[B]`. */
export type PairValues = { readonly chosen: Tensor; readonly rejected: Tensor };

/** Log-probabilities of the responses, summed over their tokens, each `[B]`, nats. */
export type PairLogps = PairValues;

/** Tokens of the responses, each `[B]`, at least 1. */
export type PairLengths = PairValues;

/**
 * Pairs out of a batch's responses, for batches of which every row is `[prompt | chosen | rejected]`.
 * @param values - `[2·P]` in packed order, such as `responseLogps(…, "2*P").summed`
 * @returns chosen and rejected, each `[P]`
 * @throws ShapeError unless the number of values is even
 */
export function splitPairs(values: Tensor): PairValues {
  const rows = reshape(values, [-1, 2]);
  const pairs = rows.shape.slice(0, 1);
  return { chosen: reshape(slice(rows, 1, 0, 1), pairs), rejected: reshape(slice(rows, 1, 1, 1), pairs) };
}

/** log π_policy - log π_reference of each response `[B]`, nats; no gradient reaches the reference. */
export function logratios(policy: PairLogps, reference: PairLogps): PairValues {
  return {
    chosen: sub(policy.chosen, detach(reference.chosen)),
    rejected: sub(policy.rejected, detach(reference.rejected)),
  };
}

/**
 * DPO's h `[B]`, nats: how much more the policy prefers the chosen response than the reference does.
 * DPO: Rafailov et al. 2023, eq. 7, https://arxiv.org/abs/2305.18290.
 */
export function logratioMargin(policy: PairLogps, reference: PairLogps): Tensor {
  const policyLogratios = sub(policy.chosen, policy.rejected); // [B]
  const referenceLogratios = sub(reference.chosen, reference.rejected); // [B]
  return sub(policyLogratios, detach(referenceLogratios));
}

/** Mean per response token: values divided by lengths, each `[B]`. */
export function perToken(values: PairValues, lengths: PairLengths): PairValues {
  return { chosen: div(values.chosen, lengths.chosen), rejected: div(values.rejected, lengths.rejected) };
}

/** Losses `[B]` times weights `[B]`, which are constants; the losses themselves without weights. */
export function applyWeights(losses: Tensor, weights: Tensor | undefined): Tensor {
  return weights === undefined ? losses : mul(losses, detach(weights));
}

/**
 * @throws ShapeError unless all the tensors given have the shape of the first, which has rank 1; broadcasting
 * `[B]` with `[1]` or a scalar would silently mean one pair for all
 */
export function expectSamePairs(loss: string, tensors: Readonly<Record<string, Tensor | undefined>>): void {
  const [first, ...rest] = Object.entries(tensors).flatMap(([name, x]) =>
    x === undefined ? [] : [{ name, x }],
  );
  if (first === undefined) return;
  if (first.x.shape.length !== 1)
    throw new ShapeError(
      loss,
      `${first.name} must hold one value per pair, got ${formatShape(first.x.shape)}.`,
    );
  const other = rest.find(({ x }) => !sameShape(x.shape, first.x.shape));
  if (other !== undefined)
    throw new ShapeError(
      loss,
      `${other.name} must have the shape of ${first.name}, ${formatShape(first.x.shape)}, got ${formatShape(other.x.shape)}.`,
    );
}

/** `{policy: {chosen, rejected}}` → `{"policy.chosen", "policy.rejected"}`, for `expectSamePairs`. */
export function namedPairs(pairs: Readonly<Record<string, PairValues>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(pairs).flatMap(([name, { chosen, rejected }]) => [
      [`${name}.chosen`, chosen],
      [`${name}.rejected`, rejected],
    ]),
  );
}
