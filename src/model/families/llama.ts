/**
 * The Llama block, from which Mistral, Qwen and Gemma differ in a few places: root-mean-square norms, rotary
 * positions, grouped-query attention, a gated feed-forward layer, no biases.
 */
import { add, mul } from "../../graph/ops/elementwise.ts";
import { gatherRows } from "../../graph/ops/gather.ts";
import { reshape } from "../../graph/ops/layout.ts";
import { rope, ropeAngles } from "../../graph/ops/rope.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ConfigReader, DecoderConfig } from "../config.ts";
import { activate, type ModelContext } from "../context.ts";
import type { Decoder, Family } from "../family.ts";
import { ropeFrequencies } from "../rope.ts";

/** LlamaForCausalLM: Llama 1, 2, 3 and everything published in its shape. */
export const llama: Family = {
  modelType: "llama",
  languageModel: "LlamaForCausalLM",
  rewardModel: "LlamaForSequenceClassification",
  prefix: "model.",
  loraTargets: ["q_proj", "v_proj"],
  configure: (json) => {
    const attentionBias = json.flag("attention_bias", false);
    const config = llamaConfig(json, { vocabSize: 32000, epsilon: 1e-6, theta: 10000, tied: false });
    return llamaDecoder(json, config, {
      qkvBias: attentionBias,
      outputBias: attentionBias,
      mlpBias: json.flag("mlp_bias", false),
    });
  },
};

/** How a family's block differs from Llama's. */
export type LlamaVariant = {
  /** Bias on query, key and value (Qwen 2). */
  readonly qkvBias?: boolean;
  readonly outputBias?: boolean;
  readonly mlpBias?: boolean;
  /** Norms of each query and key head before rotation (Qwen 3). */
  readonly headNorms?: boolean;
  /** Norm weights are stored as w in (1 + w) (Gemma). */
  readonly plusOne?: boolean;
  /** Embeddings are multiplied by this (Gemma). */
  readonly embeddingScale?: number;
  /** Norms after attention and feed-forward too (Gemma 2). */
  readonly sandwich?: boolean;
  /** Sliding window of a layer, if it has one. */
  readonly window?: (layer: number) => number | undefined;
  /** Factor on scores, default headDim^-1/2. */
  readonly scale?: number;
  readonly scoreCap?: number | undefined;
  readonly logitCap?: number | undefined;
};

/** Class defaults of a family for keys a config may leave out. */
export type LlamaDefaults = {
  vocabSize: number;
  epsilon: number;
  theta: number;
  tied: boolean;
  headDim?: number;
};

/** The config keys that all these families share. */
export function llamaConfig(json: ConfigReader, defaults: LlamaDefaults): DecoderConfig & { theta: number } {
  const hiddenSize = json.size("hidden_size", 4096);
  const heads = json.size("num_attention_heads", 32);
  return {
    vocabSize: json.size("vocab_size", defaults.vocabSize),
    hiddenSize,
    embeddingSize: hiddenSize,
    layers: json.layers("num_hidden_layers", 32),
    heads,
    kvHeads: json.size("num_key_value_heads", heads),
    headDim: json.size("head_dim", defaults.headDim ?? hiddenSize / heads),
    intermediateSize: json.size("intermediate_size", 11008),
    maxPositions: json.size("max_position_embeddings", 2048),
    tied: json.flag("tie_word_embeddings", defaults.tied),
    normEpsilon: json.number("rms_norm_eps", defaults.epsilon),
    activation: json.activation(["hidden_activation", "hidden_act"], "silu"),
    theta: json.number("rope_theta", defaults.theta),
  };
}

/** A decoder of Llama's shape with a family's differences. */
export function llamaDecoder(
  json: ConfigReader,
  config: DecoderConfig & { theta: number },
  variant: LlamaVariant,
): Decoder {
  const { vocabSize, hiddenSize, heads, kvHeads, headDim, normEpsilon, intermediateSize, activation } =
    config;
  const { plusOne = false, sandwich = false } = variant;
  const frequencies = ropeFrequencies(json, headDim, config.theta);
  const norm = (m: ModelContext, x: Tensor, name: string) => m.rmsNorm(x, name, normEpsilon, plusOne);

  const attention = (m: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.layers.${layer}.self_attn`;
    const bias = variant.qkvBias ?? false;
    const { cosine, sine } = ropeAngles(m.positions, frequencies);
    const turned = (part: "q" | "k", count: number) => {
      const y = m.linear(x, `${name}.${part}_proj`, count * headDim, { bias });
      const flat = reshape(y, [-1, headDim]);
      const normal = variant.headNorms ? norm(m, flat, `${name}.${part}_norm`) : flat;
      return reshape(rope(reshape(normal, ["N", count, headDim]), cosine, sine), ["N", count * headDim]);
    };
    const options = {
      layer,
      heads,
      kvHeads,
      headDim,
      scale: variant.scale ?? headDim ** -0.5,
      window: variant.window?.(layer),
      softCap: variant.scoreCap,
    };
    const values = m.linear(x, `${name}.v_proj`, kvHeads * headDim, { bias });
    const mixed = m.attention(turned("q", heads), turned("k", kvHeads), values, options);
    return m.linear(mixed, `${name}.o_proj`, hiddenSize, { bias: variant.outputBias ?? false });
  };
  const feedForward = (m: ModelContext, x: Tensor, layer: number): Tensor => {
    const name = `model.layers.${layer}.mlp`;
    const options = { bias: variant.mlpBias ?? false };
    const gate = activate(m.linear(x, `${name}.gate_proj`, intermediateSize, options), activation);
    const up = m.linear(x, `${name}.up_proj`, intermediateSize, options);
    return m.linear(mul(gate, up), `${name}.down_proj`, hiddenSize, options);
  };
  return {
    config,
    embeddingName: "model.embed_tokens.weight",
    headName: "lm_head.weight",
    logitCap: variant.logitCap,
    embed: (m) => {
      const rows = gatherRows(m.weight("model.embed_tokens.weight", [vocabSize, hiddenSize]), m.ids);
      return variant.embeddingScale === undefined ? rows : mul(rows, variant.embeddingScale);
    },
    block: (m, x, layer) => {
      const name = `model.layers.${layer}`;
      const attended = attention(m, norm(m, x, `${name}.input_layernorm`), layer);
      if (!sandwich) {
        const y = add(x, attended);
        return add(y, feedForward(m, norm(m, y, `${name}.post_attention_layernorm`), layer));
      }
      const y = add(x, norm(m, attended, `${name}.post_attention_layernorm`));
      const fed = feedForward(m, norm(m, y, `${name}.pre_feedforward_layernorm`), layer);
      return add(y, norm(m, fed, `${name}.post_feedforward_layernorm`));
    },
    finish: (m, x) => norm(m, x, "model.norm"),
  };
}
