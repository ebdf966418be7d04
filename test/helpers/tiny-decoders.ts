/** One small config per family, with every unusual setting turned on somewhere, and random weights for it. */
import { createRng } from "../../src/base/core/rng.ts";
import { describeModel } from "../../src/engine/model/families/index.ts";
import { keyOf, type Model, parameterShapes } from "../../src/engine/model/model.ts";
import type { Runtime } from "../../src/engine/runtime/runtime.ts";

const llamaLike = {
  vocab_size: 97,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
};

/** Config by family; sizes are odd on purpose. */
export const TINY_CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gpt2: { model_type: "gpt2", vocab_size: 97, n_embd: 20, n_layer: 2, n_head: 5, n_positions: 64 },
  opt: {
    model_type: "opt",
    vocab_size: 97,
    hidden_size: 24,
    ffn_dim: 40,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    max_position_embeddings: 64,
  },
  "opt, post-norm, projected": {
    model_type: "opt",
    vocab_size: 97,
    hidden_size: 24,
    word_embed_proj_dim: 10,
    do_layer_norm_before: false,
    ffn_dim: 40,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    max_position_embeddings: 64,
  },
  gpt_neo: {
    model_type: "gpt_neo",
    vocab_size: 97,
    hidden_size: 20,
    num_layers: 2,
    num_heads: 5,
    attention_types: [[["global", "local"], 1]],
    window_size: 5,
    max_position_embeddings: 64,
  },
  gpt_neox: {
    model_type: "gpt_neox",
    vocab_size: 97,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    rotary_pct: 0.5,
    max_position_embeddings: 64,
  },
  llama: { model_type: "llama", ...llamaLike },
  "llama 3, tied": {
    model_type: "llama",
    ...llamaLike,
    tie_word_embeddings: true,
    rope_theta: 500,
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
  },
  mistral: { model_type: "mistral", ...llamaLike, sliding_window: 6 },
  qwen2: { model_type: "qwen2", ...llamaLike },
  "qwen2, sliding": {
    model_type: "qwen2",
    ...llamaLike,
    use_sliding_window: true,
    sliding_window: 5,
    max_window_layers: 1,
  },
  qwen3: { model_type: "qwen3", ...llamaLike },
  gemma: { model_type: "gemma", ...llamaLike, hidden_act: "gelu_pytorch_tanh" },
  gemma2: {
    model_type: "gemma2",
    ...llamaLike,
    hidden_activation: "gelu_pytorch_tanh",
    sliding_window: 7,
    query_pre_attn_scalar: 11,
    attn_logit_softcapping: 4,
    final_logit_softcapping: 6,
  },
  gemma3: {
    model_type: "gemma3_text",
    ...llamaLike,
    sliding_window: 7,
    sliding_window_pattern: 2,
    query_pre_attn_scalar: 11,
    rope_scaling: { rope_type: "linear", factor: 4 },
  },
  phi3: {
    model_type: "phi3",
    ...llamaLike,
    partial_rotary_factor: 0.5,
    original_max_position_embeddings: 12,
    rope_scaling: { type: "longrope", short_factor: [1, 1.5], long_factor: [2, 5] },
  },
  smollm3: { model_type: "smollm3", ...llamaLike, no_rope_layers: [1, 0] },
  olmo2: { model_type: "olmo2", ...llamaLike },
  olmo3: {
    model_type: "olmo3",
    ...llamaLike,
    sliding_window: 5,
    layer_types: ["sliding_attention", "full_attention"],
    rope_theta: 500000,
    rope_scaling: { rope_type: "yarn", factor: 2, original_max_position_embeddings: 32 },
  },
  granite: {
    model_type: "granite",
    ...llamaLike,
    embedding_multiplier: 3,
    attention_multiplier: 0.2,
    residual_multiplier: 0.5,
    logits_scaling: 2,
  },
  seed_oss: { model_type: "seed_oss", ...llamaLike, attention_out_bias: true, mlp_bias: true },
};

/** A model of random weights in the store: norms near 1, the rest normal with standard deviation `scale`. */
export async function tinyModel(
  runtime: Runtime,
  family: string,
  { seed = 1, scale = 0.3, reward = false, id = family, config = TINY_CONFIGS[family]! } = {},
): Promise<Model> {
  const { family: known, decoder } = describeModel(config);
  const task = reward ? ("reward" as const) : ("language-model" as const);
  const parameters = parameterShapes(decoder, task);
  const rng = createRng(seed);
  for (const [name, shape] of parameters) {
    const draw = rng.fork(name);
    const centre = /(norm|ln_\w+|layernorm)\.weight$/.test(name) ? 1 : 0;
    const data = Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      () => centre + scale * draw.normal(),
    );
    await runtime.store.set(keyOf({ id }, name), shape, data);
  }
  return { id, family: known, decoder, task, lora: undefined, parameters, config, folder: "" };
}

/** Random token ids. */
export function randomIds(seed: number | string, length: number, vocab = 97): number[] {
  const rng = createRng(seed);
  return Array.from({ length }, () => rng.int(vocab));
}
