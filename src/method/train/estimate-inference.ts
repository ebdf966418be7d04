/** What scoring and sampling will take, before they start: as rough as the estimate of training beside it. */
import { formatBytes, formatSeconds } from "../../base/core/log.ts";
import { promptGroups } from "../../engine/model/generate-groups.ts";
import { parameterCount } from "../../engine/model/model.ts";
import { laneCount } from "../../engine/runtime/lanes.ts";
import { planMicroBatches } from "../data/batching.ts";
import { rowLength, type TokenRow } from "../data/packing.ts";
import {
  forwardFlops,
  type Machine,
  type ModelShape,
  OP_SECONDS,
  RUNTIME_BYTES,
  trunkWeights,
  UPDATE_RATE,
} from "./estimate.ts";

/** What a pass over data without training will take. */
export type InferenceEstimate = {
  /** Tokens read, or the most that are sampled. */
  readonly tokens: number;
  readonly flops: number;
  readonly seconds: number;
  /** Bytes at the peak, by what they are for. */
  readonly memory: Readonly<Record<"weights" | "activations" | "runtime", number>>;
};

/** Share of the plain matrix rate: packed rows in one pass; one token of each sequence at a time. */
const SCORING_EFFICIENCY = 0.65;
const SAMPLING_EFFICIENCY = 0.3;
const OPS_PER_LAYER = 45;
/** Tokens of one scoring run, sequences of one generation batch: their defaults. */
const SCORING_TOKENS = 2048;
const SEQUENCES = 96;
/** Seconds to draw from one logit: softmax and the walk through it, on the main thread. */
const DRAW_SECONDS = 1e-8;

/** Estimates scoring rows under each of `models` (a policy and its reference, say), in as many lanes as the scorer takes. */
export function estimateScoring(
  models: readonly ModelShape[],
  rows: readonly TokenRow[],
  machine: Machine,
): InferenceEstimate {
  const { gflops } = machine;
  const parts = planMicroBatches(rows, { tokens: SCORING_TOKENS }).map((part) => part.map((i) => rows[i]!));
  const one = (model: ModelShape) => {
    const flops = parts
      .map((part) => forwardFlops(model, part))
      .reduce((sum, { trunk, head }) => sum + trunk + head, 0);
    const starts = parts.length * model.decoder.config.layers * OPS_PER_LAYER * OP_SECONDS;
    return { flops, seconds: flops / (gflops * 1e9 * SCORING_EFFICIENCY) + starts };
  };
  const costs = models.map(one);
  const bytesOf = ({ parameters }: ModelShape) => 4 * parameterCount(parameters);
  const lanesOf = (model: ModelShape) => laneCount(machine, bytesOf(model));
  return {
    tokens: rows.reduce((sum, row) => sum + rowLength(row), 0),
    flops: costs.reduce((sum, { flops }) => sum + flops, 0),
    seconds: costs.reduce((sum, { seconds }) => sum + seconds, 0),
    memory: {
      weights: models.reduce((sum, model) => sum + lanesOf(model) * bytesOf(model), 0),
      activations: Math.max(0, ...models.map((model) => lanesOf(model) * scoringBytes(model))),
      runtime: RUNTIME_BYTES,
    },
  };
}

/** A layer's values of one run, and its logits, which are made in four parts. */
function scoringBytes({ decoder, task }: ModelShape): number {
  const { hiddenSize, intermediateSize, vocabSize } = decoder.config;
  const layer = SCORING_TOKENS * (6 * hiddenSize + 2 * intermediateSize);
  return 4 * (layer + (task === "reward" ? 0 : (SCORING_TOKENS / 4) * vocabSize * 2));
}

/**
 * Estimates sampling `sequences` responses of at most `maxNewTokens` tokens: the most, for responses may end sooner.
 * @param promptTokens - tokens of a prompt, on average
 */
export function estimateSampling(
  model: ModelShape,
  {
    sequences,
    maxNewTokens,
    promptTokens,
  }: { readonly sequences: number; readonly maxNewTokens: number; readonly promptTokens: number },
  machine: Machine,
): InferenceEstimate {
  const { gflops } = machine;
  const { layers, kvHeads, headDim, vocabSize, embeddingSize } = model.decoder.config;
  const batch = Math.min(SEQUENCES, sequences);
  const weights = parameterCount(model.parameters);
  const perToken = 2 * (trunkWeights(model) + vocabSize * embeddingSize);
  const steps = Math.ceil(sequences / SEQUENCES) * maxNewTokens;
  // A small batch is bound by reading the weights once a step, a large one by its products.
  const step =
    Math.max((batch * perToken) / (gflops * 1e9 * SAMPLING_EFFICIENCY), (4 * weights) / UPDATE_RATE) +
    layers * OPS_PER_LAYER * OP_SECONDS +
    batch * vocabSize * DRAW_SECONDS;
  const read = sequences * promptTokens * 2 * trunkWeights(model);
  const groups = promptGroups(sequences, 4 * weights);
  const lanes = laneCount(machine, 4 * weights, { most: groups });
  const seats = lanes * Math.min(SEQUENCES, Math.ceil(sequences / groups));
  const cache = 2 * layers * seats * kvHeads * headDim * (promptTokens + maxNewTokens);
  return {
    tokens: sequences * maxNewTokens,
    flops: read + sequences * maxNewTokens * perToken,
    seconds: steps * step + read / (gflops * 1e9 * SCORING_EFFICIENCY),
    memory: {
      weights: 4 * weights * lanes,
      activations: 4 * (cache + seats * vocabSize * 2),
      runtime: RUNTIME_BYTES,
    },
  };
}

/** One line for a person. */
export function formatInference({ tokens, seconds, memory }: InferenceEstimate): string {
  const total = Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
  return `${(tokens / 1e6).toFixed(2)}M tokens: about ${formatSeconds(seconds)} and ${formatBytes(total)} of memory`;
}
