/** Training metrics of a preference loss under TRL's names, over the whole global batch and never a micro-batch alone. */
import { ShapeError } from "../../base/core/errors.ts";

/** What one micro-batch gave for its pairs: plain numbers, one per pair in every field. */
export type PairOutputs = {
  /** Weights and SFT term included. */
  readonly losses: ArrayLike<number>;
  readonly chosenRewards: ArrayLike<number>;
  readonly rejectedRewards: ArrayLike<number>;
  /** Summed response logps of the policy, nats. */
  readonly chosenLogps: ArrayLike<number>;
  readonly rejectedLogps: ArrayLike<number>;
};

/** TRL's metric names. */
export type PreferenceMetrics = {
  readonly loss: number;
  readonly "rewards/chosen": number;
  readonly "rewards/rejected": number;
  /** Share of pairs whose chosen reward is strictly above the rejected one's. */
  readonly "rewards/accuracies": number;
  readonly "rewards/margins": number;
  readonly "logps/chosen": number;
  readonly "logps/rejected": number;
};

/**
 * Means over the pairs of all micro-batches; `loss` is the sum over the normaliser the gradient was divided by.
 * @param batches - micro-batches of one optimiser step (or of one evaluation)
 * @param normaliser - from `globalNormaliser`; default the number of pairs
 * @throws ShapeError when there is no pair or the fields of a micro-batch differ in length
 */
export function preferenceMetrics(batches: readonly PairOutputs[], normaliser?: number): PreferenceMetrics {
  const pairs = batches.flatMap(pairsOf);
  if (pairs.length === 0) throw new ShapeError("metrics", "expected at least one pair, got none.");
  const mean = (value: (pair: Pair) => number) =>
    pairs.reduce((total, pair) => total + value(pair), 0) / pairs.length;
  return {
    loss: pairs.reduce((total, pair) => total + pair.losses, 0) / (normaliser ?? pairs.length),
    "rewards/chosen": mean((pair) => pair.chosenRewards),
    "rewards/rejected": mean((pair) => pair.rejectedRewards),
    "rewards/accuracies": mean((pair) => (pair.chosenRewards > pair.rejectedRewards ? 1 : 0)),
    "rewards/margins": mean((pair) => pair.chosenRewards - pair.rejectedRewards),
    "logps/chosen": mean((pair) => pair.chosenLogps),
    "logps/rejected": mean((pair) => pair.rejectedLogps),
  };
}

type Pair = { readonly [K in keyof PairOutputs]: number };

function pairsOf(batch: PairOutputs): Pair[] {
  const count = batch.losses.length;
  const other = Object.entries(batch).find(([, values]) => values.length !== count);
  if (other !== undefined)
    throw new ShapeError(
      "metrics",
      `${other[0]} must hold ${count} values like losses, got ${other[1].length}.`,
    );
  return Array.from({ length: count }, (_, i) => ({
    losses: batch.losses[i]!,
    chosenRewards: batch.chosenRewards[i]!,
    rejectedRewards: batch.rejectedRewards[i]!,
    chosenLogps: batch.chosenLogps[i]!,
    rejectedLogps: batch.rejectedLogps[i]!,
  }));
}
