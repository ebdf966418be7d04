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

/** Share of the plain matrix rate: packed rows in one pass; the layers and the head for one token of each sequence at a time. */
const SCORING_EFFICIENCY = 0.65;
const STEP_EFFICIENCY = { layers: 0.85, head: 0.65 } as const;
const OPS_PER_LAYER = 45;
/** Tokens of one scoring run, sequences of one generation batch: their defaults. */
const SCORING_TOKENS = 2048;
const SEQUENCES = 96;
/** Seconds of a sequence's attention in a step, for each layer and key head: products too small for any rate. */
const ATTENTION_SECONDS = 2.5e-6;
/** Seconds for one logit beside its product: its weight in the draw. */
const DRAW_SECONDS = 1e-9;

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
  const { layers, kvHeads, headDim, vocabSize, embeddingSize } = model.decoder.config;
  const weights = parameterCount(model.parameters);
  const [trunk, head] = [2 * trunkWeights(model), 2 * vocabSize * embeddingSize];
  const groups = promptGroups(sequences, 4 * weights);
  const lanes = laneCount(machine, 4 * weights, { most: groups });
  const flopsPerSecond = (machine.gflops * 1e9) / lanes;
  const group = Math.ceil(sequences / groups);
  const batch = Math.min(SEQUENCES, group);
  const token =
    trunk / (flopsPerSecond * STEP_EFFICIENCY.layers) +
    head / (flopsPerSecond * STEP_EFFICIENCY.head) +
    layers * kvHeads * ATTENTION_SECONDS +
    vocabSize * DRAW_SECONDS;
  // A small batch is bound by reading the weights once a step, a large one by its products.
  const step = Math.max(batch * token, (4 * weights) / UPDATE_RATE) + layers * OPS_PER_LAYER * OP_SECONDS;
  const steps = Math.ceil(groups / lanes) * Math.ceil(group / SEQUENCES) * maxNewTokens;
  const read = sequences * promptTokens * trunk;
  const cache = 2 * layers * lanes * batch * kvHeads * headDim * (promptTokens + maxNewTokens);
  return {
    tokens: sequences * maxNewTokens,
    flops: read + sequences * maxNewTokens * (trunk + head),
    seconds: sequences === 0 ? 0 : steps * step + read / (machine.gflops * 1e9 * SCORING_EFFICIENCY),
    memory: {
      weights: 4 * weights * lanes,
      activations: 4 * (cache + lanes * batch * vocabSize * 2),
      runtime: RUNTIME_BYTES,
    },
  };
}

/** One line for a person. */
export function formatInference({ tokens, seconds, memory }: InferenceEstimate): string {
  const total = Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
  return `${(tokens / 1e6).toFixed(2)}M tokens: about ${formatSeconds(seconds)} and ${formatBytes(total)} of memory`;
}
