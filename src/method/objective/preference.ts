/** From a loss spec to a loss: what it needs, and its value and rewards for every pair. */
import { unreachable } from "../../base/core/errors.ts";
import { add, detach, mul } from "../../engine/graph/ops/elementwise.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { apoZeroLoss } from "./apo.ts";
import { cdpoLoss, dpoLoss, rdpoLoss, softDpoLoss } from "./dpo.ts";
import { hingeLoss, slicLoss } from "./hinge.ts";
import { ipoLoss, ipoSummedLoss } from "./ipo.ts";
import { ktoLoss } from "./kto.ts";
import type { LossType, ResolvedLossSpec } from "./loss-spec.ts";
import {
  applyWeights,
  expectSamePairs,
  logratios,
  type PairLengths,
  type PairLogps,
  type PairValues,
  perToken,
} from "./pairs.ts";
import { orpoLoss, simpoLoss } from "./reference-free.ts";
import { responseNll } from "./sft.ts";
import { type TokenRatios, wspoLoss } from "./wspo.ts";

/** What a batch may hold for a preference loss; `lossInputs` says which of these a spec needs. */
export type PreferenceInputs = {
  /** Summed response logps of the policy, each `[B]`, nats. */
  readonly policy: PairLogps;
  /** The same under the frozen reference. */
  readonly reference?: PairLogps | undefined;
  /** Response tokens, each `[B]`. */
  readonly lengths?: PairLengths | undefined;
  /** Probability `[B]` in [0, 1] that `chosen` beats `rejected`. */
  readonly pChosen?: Tensor | undefined;
  /** Weights of the pairs `[B]`, at least 0. */
  readonly weights?: Tensor | undefined;
  /** KTO's KL estimate over the global batch, a scalar `[]`, nats. */
  readonly klEstimate?: Tensor | undefined;
  /** WSPO's per-token values, each `[N]`. */
  readonly tokens?: TokenRatios | undefined;
};

/** Inputs of a loss besides the policy's logps. */
export type LossInput = Exclude<keyof PreferenceInputs, "policy">;

const needs: Readonly<Record<LossType, readonly LossInput[]>> = {
  sigmoid: ["reference"],
  cdpo: ["reference"],
  rdpo: ["reference"],
  soft: ["reference", "pChosen"],
  ipo: ["reference", "lengths"],
  "ipo-summed": ["reference"],
  hinge: ["reference"],
  "apo-zero": ["reference"],
  slic: [],
  simpo: ["lengths"],
  orpo: ["lengths"],
  kto: ["reference", "klEstimate"],
  wspo: ["reference", "lengths", "tokens"],
};

/** Which inputs a loss reads besides the policy's logps; a batch need not hold the others. */
export function lossInputs(spec: ResolvedLossSpec): ReadonlySet<LossInput> {
  return new Set([
    ...needs[spec.type],
    ...(spec.weighted ? (["weights"] as const) : []),
    ...(sftCoefficient(spec) > 0 ? (["lengths"] as const) : []),
  ]);
}

/** What a preference loss gives for every pair, each `[B]`. */
export type PreferenceLoss = {
  /** Weights and SFT term included; sum them with `batchLoss`. */
  readonly losses: Tensor;
  /** Implicit reward of the chosen responses, detached. */
  readonly chosenRewards: Tensor;
  /** Implicit reward of the rejected responses, detached. */
  readonly rejectedRewards: Tensor;
};

/**
 * The loss a spec asks for: weights ∘ (preference loss + sftCoefficient · NLL per token of chosen), one per pair. The
 * weight is on both terms: a label that is not trusted is no reason to imitate its response either.
 *
 * Rewards are TRL's, so that curves compare: beta (log π - log π_reference), summed over tokens for IPO too; without
 * a reference beta log π, per token (ORPO: lambda for beta; SLiC: 1, summed; WSPO, which TRL lacks: gamma).
 *
 * @throws ShapeError when inputs differ in shape
 * @throws Error (internal) when an input named by `lossInputs` is missing
 */
export function preferenceLoss(spec: ResolvedLossSpec, inputs: PreferenceInputs): PreferenceLoss {
  const { chosen, rejected } = rewards(spec, inputs);
  const preference = baseLosses(spec, inputs);
  const coefficient = sftCoefficient(spec);
  const losses = coefficient > 0 ? add(preference, mul(chosenNll(spec, inputs), coefficient)) : preference;
  const weights = spec.weighted ? required(spec, inputs, "weights") : undefined;
  expectSamePairs(spec.type, { losses, weights });
  return {
    losses: applyWeights(losses, weights),
    chosenRewards: detach(chosen),
    rejectedRewards: detach(rejected),
  };
}

function baseLosses(spec: ResolvedLossSpec, inputs: PreferenceInputs): Tensor {
  const { policy } = inputs;
  const reference = () => required(spec, inputs, "reference");
  const lengths = () => required(spec, inputs, "lengths");
  switch (spec.type) {
    case "sigmoid":
      return dpoLoss(policy, reference(), spec);
    case "cdpo":
      return cdpoLoss(policy, reference(), spec);
    case "rdpo":
      return rdpoLoss(policy, reference(), spec);
    case "soft":
      return softDpoLoss(policy, reference(), required(spec, inputs, "pChosen"), spec);
    case "ipo":
      return ipoLoss(policy, reference(), lengths(), spec);
    case "ipo-summed":
      return ipoSummedLoss(policy, reference(), spec);
    case "hinge":
      return hingeLoss(policy, reference(), spec);
    case "apo-zero":
      return apoZeroLoss(policy, reference(), spec);
    case "slic":
      return slicLoss(policy, spec);
    case "simpo":
      return simpoLoss(policy, lengths(), spec);
    case "orpo":
      return orpoLoss(policy, lengths(), spec);
    case "kto":
      return ktoLoss(policy, reference(), { ...spec, klEstimate: required(spec, inputs, "klEstimate") });
    case "wspo":
      return wspoLoss(required(spec, inputs, "tokens"), lengths().chosen, spec);
    default:
      return unreachable(spec);
  }
}

function rewards(spec: ResolvedLossSpec, inputs: PreferenceInputs): PairValues {
  const scaled = ({ chosen, rejected }: PairValues, factor: number) => ({
    chosen: mul(chosen, factor),
    rejected: mul(rejected, factor),
  });
  const { policy } = inputs;
  const ratios = () => logratios(policy, required(spec, inputs, "reference"));
  const lengths = () => required(spec, inputs, "lengths");
  switch (spec.type) {
    case "slic":
      return policy;
    case "simpo":
      return scaled(perToken(policy, lengths()), spec.beta);
    case "orpo":
      return scaled(perToken(policy, lengths()), spec.lambda);
    case "wspo":
      return scaled(ratios(), spec.gamma);
    default:
      return scaled(ratios(), spec.beta);
  }
}

function chosenNll(spec: ResolvedLossSpec, inputs: PreferenceInputs): Tensor {
  return responseNll(inputs.policy.chosen, required(spec, inputs, "lengths").chosen);
}

function sftCoefficient(spec: ResolvedLossSpec): number {
  return "sftCoefficient" in spec ? spec.sftCoefficient : 0;
}

function required<K extends LossInput>(
  spec: ResolvedLossSpec,
  inputs: PreferenceInputs,
  name: K,
): NonNullable<PreferenceInputs[K]> {
  const value = inputs[name];
  if (value === undefined) throw new Error(`internal: loss "${spec.type}" needs ${name}; see lossInputs`);
  return value as NonNullable<PreferenceInputs[K]>;
}
