/** Training a reward head (and the trunk, or an adapter on it) on pairs, by the Bradley-Terry loss. */
import { ConfigError } from "../../base/core/errors.ts";
import { input } from "../../engine/graph/tensor.ts";
import { rewardScores } from "../../engine/model/heads.ts";
import { floats } from "../../engine/runtime/values.ts";
import type { TokenRow } from "../data/packing.ts";
import { batchLoss } from "../objective/normalise.ts";
import { splitPairs } from "../objective/pairs.ts";
import { bradleyTerryLoss } from "../objective/reward-model.ts";
import { digestNumbers, digestRows } from "./identity.ts";
import type { LossData, StageDeps, StageInput, TrainResult } from "./job.ts";
import { train } from "./loop.ts";
import { rewardMetrics } from "./metrics.ts";
import { expectPairs, pick } from "./pair-data.ts";
import type { BuildLoss, MicroBatchResult } from "./programs.ts";

/** Pairs for a reward head; each row has two responses, the chosen one first. */
export type RewardPairs = {
  readonly rows: readonly TokenRow[];
  /** Weight of each pair, at least 0; default all 1. */
  readonly weights?: readonly number[] | undefined;
  /** Probability of each pair that its chosen response is better, as a soft target; default all 1. */
  readonly softLabels?: readonly number[] | undefined;
  /** Difference of scores asked for of each pair, at least 0; default 0. */
  readonly margins?: readonly number[] | undefined;
};

/** What reward training takes: `model` has task "reward". */
export type RewardInput = StageInput &
  RewardPairs & {
    /** Pairs to measure on, with the same columns. */
    readonly validation?: RewardPairs | undefined;
  };

/**
 * Trains a reward model. The loss is divided by the pairs of the global batch.
 * @throws ConfigError when the model has no reward head; DataError when rows are no pairs or a list has another length
 */
export async function trainReward(deps: StageDeps, request: RewardInput): Promise<TrainResult> {
  const { rows, weights, softLabels, margins, validation, ...stage } = request;
  if (stage.model.task !== "reward")
    throw new ConfigError(
      `reward: expected a model with a reward head, got ${stage.model.folder}. Load it with a new reward head.`,
    );
  return train(deps, {
    ...stage,
    stage: "reward",
    identity: `reward ${digestNumbers(weights, softLabels, margins)}${validation === undefined ? "" : ` ${digestPairs(validation)}`}`,
    build: rewardLoss,
    data: rewardData({ rows, weights, softLabels, margins }),
    validation: validation && rewardData(validation),
    metrics: (batches) => ({
      loss: batches.reduce((total, { loss }) => total + loss, 0),
      ...rewardMetrics(valuesOf(batches, "chosen"), valuesOf(batches, "rejected")),
    }),
  });
}

const digestPairs = ({ rows, weights, softLabels, margins }: RewardPairs) =>
  `${digestRows(rows)} ${digestNumbers(weights, softLabels, margins)}`;

const rewardLoss: BuildLoss = (run, { decoder }, { normaliser }) => {
  const scores = splitPairs(rewardScores(run.context, decoder, run.hidden, input("ends", "int", ["2*P"])));
  const losses = bradleyTerryLoss(scores, {
    weights: input("pairWeights", "float", ["P"]),
    pChosen: input("softLabels", "float", ["P"]),
    margin: input("margins", "float", ["P"]),
  });
  return { loss: batchLoss(losses, normaliser), values: scores };
};

function rewardData({ rows, weights, softLabels, margins }: RewardPairs): LossData {
  expectPairs("reward", rows, { weights, softLabels, margins });
  return {
    rows,
    normaliser: (indices) => indices.length,
    extras: (indices) => ({
      pairWeights: floats(pick(weights, indices, 1)),
      softLabels: floats(pick(softLabels, indices, 1)),
      margins: floats(pick(margins, indices, 0)),
    }),
  };
}

const valuesOf = (batches: readonly MicroBatchResult[], name: string): number[] =>
  batches.flatMap(({ values }) => Array.from(values[name]!));
