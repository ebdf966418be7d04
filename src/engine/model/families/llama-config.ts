/** The config keys that Llama's relatives share, read with each family's class defaults (transformers 4.57 and 5.24 agree in them). */
import type { ConfigReader, DecoderConfig } from "../config.ts";
import { type Rope, ropeOf } from "../rope.ts";
import { type RopeNames, readRope } from "../rope-config.ts";

/** Class defaults of a family, for keys that a config may leave out. */
export type LlamaDefaults = {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Default: as many as heads. */
  readonly kvHeads?: number;
  /** Default: hidden size / heads. */
  readonly headDim?: number;
  readonly maxPositions: number;
  readonly epsilon: number;
  readonly tied: boolean;
};

/** Llama's own. */
export const LLAMA_DEFAULTS: LlamaDefaults = {
  vocabSize: 32000,
  hiddenSize: 4096,
  intermediateSize: 11008,
  layers: 32,
  heads: 32,
  maxPositions: 2048,
  epsilon: 1e-6,
  tied: false,
};

/** Where the activation stands, and its default. */
type ActivationKey = { readonly key: string; readonly fallback: string };
const SILU: ActivationKey = { key: "hidden_act", fallback: "silu" };

/** Reads sizes and choices. @throws CheckpointError for a missing or impossible value */
export function llamaConfig(
  json: ConfigReader,
  defaults: LlamaDefaults,
  activation: ActivationKey = SILU,
): DecoderConfig {
  const hiddenSize = json.size("hidden_size", defaults.hiddenSize);
  const heads = json.size("num_attention_heads", defaults.heads);
  if (defaults.headDim !== undefined && json.raw("head_dim") === null)
    throw json.error("head_dim", "a positive integer", null);
  return {
    vocabSize: json.size("vocab_size", defaults.vocabSize),
    hiddenSize,
    embeddingSize: hiddenSize,
    layers: json.layers("num_hidden_layers", defaults.layers),
    heads,
    // Null means as many as heads, also where the class has another default.
    kvHeads:
      json.raw("num_key_value_heads") === null
        ? heads
        : json.size("num_key_value_heads", defaults.kvHeads ?? heads),
    headDim: json.size("head_dim", defaults.headDim ?? hiddenSize / heads),
    intermediateSize: json.size("intermediate_size", defaults.intermediateSize),
    maxPositions: json.size("max_position_embeddings", defaults.maxPositions),
    tied: json.flag("tie_word_embeddings", defaults.tied),
    normEpsilon: json.number("rms_norm_eps", defaults.epsilon),
    activation: json.activation(activation.key, activation.fallback),
  };
}

/** The rotary positions of a family whose layers all turn alike. */
export function sameRope(
  json: ConfigReader,
  config: DecoderConfig,
  names: RopeNames = { theta: 10000 },
): () => Rope {
  const rope = ropeOf(json, readRope(json, names), config);
  return () => rope;
}

/** Biases of attention and feed-forward where a config says them. */
export type Biases = { readonly qkvBias: boolean; readonly outputBias: boolean };

/** `attention_bias`: on query, key, value and output. */
export function attentionBiases(json: ConfigReader): Biases {
  const bias = json.flag("attention_bias", false);
  return { qkvBias: bias, outputBias: bias };
}

/** Refuses biases in a family that has none. */
export function noBiases(json: ConfigReader, ...keys: string[]): void {
  for (const key of keys) json.only(key, false);
}
