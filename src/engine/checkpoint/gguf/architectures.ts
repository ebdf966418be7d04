/**
 * The architectures of GGUF files that become Hugging Face folders: what `config.json` says, how tensors are called, and what was
 * done to their numbers on the way into the file. One row of `ARCHITECTURES` each.
 *
 * Undone here: Llama's query and key rows are stored in rotary pairs (0, d/2, 1, d/2 + 1, …); Gemma's norm weights are stored plus 1.
 * Source of both: llama.cpp's convert_hf_to_gguf.py.
 */
import { CheckpointError } from "../../../base/core/errors.ts";
import { halvesFromPairs } from "../llama2c.ts";
import type { GgufFile, GgufTensor } from "./gguf-file.ts";
import type { MetadataReader } from "./metadata.ts";
import { type RopeConfig, ropeConfig } from "./rope.ts";

/** How one architecture's files are read. */
export type Architecture = {
  /** `model_type` and the class name of the folder. */
  readonly modelType: string;
  readonly className: string;
  /** Tensor names inside a block, GGUF's to Hugging Face's, without ".weight" and ".bias". */
  readonly blockNames: Readonly<Record<string, string>>;
  /** Config keys beyond the common ones. */
  readonly extra?: (
    gguf: GgufFile,
    arch: string,
    common: CommonConfig,
    rope: RopeConfig,
  ) => Record<string, unknown>;
  /** Undoes what the converter did to a tensor's numbers. */
  readonly undo?: (tensor: GgufTensor, data: Float32Array, common: CommonConfig) => Float32Array;
  /** Rotated width of a head, where it is not the head's. */
  readonly rotaryDim?: (metadata: MetadataReader, arch: string, headDim: number) => number;
};

/** Sizes that every architecture has, in `config.json`'s words. */
export type CommonConfig = {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  readonly rms_norm_eps: number;
  readonly tie_word_embeddings: boolean;
};

const GLOBAL_NAMES: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

const ATTENTION = { attn_norm: "input_layernorm", attn_output: "self_attn.o_proj" };
const SPLIT_QKV = { attn_q: "self_attn.q_proj", attn_k: "self_attn.k_proj", attn_v: "self_attn.v_proj" };
const QK_NORM = { attn_q_norm: "self_attn.q_norm", attn_k_norm: "self_attn.k_norm" };
const GATED_MLP = { ffn_gate: "mlp.gate_proj", ffn_up: "mlp.up_proj", ffn_down: "mlp.down_proj" };
const LLAMA_BLOCK = { ...ATTENTION, ...SPLIT_QKV, ...GATED_MLP, ffn_norm: "post_attention_layernorm" };

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama: {
    modelType: "llama",
    className: "LlamaForCausalLM",
    blockNames: LLAMA_BLOCK,
    extra: (gguf) => ({
      hidden_act: "silu",
      attention_bias: gguf.tensors.has("blk.0.attn_q.bias"),
      mlp_bias: gguf.tensors.has("blk.0.ffn_gate.bias"),
    }),
    undo: ({ name, shape }, data, { head_dim: headDim }) =>
      /\.attn_[qk]\./.test(name) ? halvesFromPairs(data, headDim, shape.length === 1 ? 1 : shape[1]!) : data,
  },
  qwen2: {
    modelType: "qwen2",
    className: "Qwen2ForCausalLM",
    blockNames: LLAMA_BLOCK,
    extra: () => ({ hidden_act: "silu", use_sliding_window: false }),
  },
  qwen3: {
    modelType: "qwen3",
    className: "Qwen3ForCausalLM",
    blockNames: { ...LLAMA_BLOCK, ...QK_NORM },
    extra: () => ({ hidden_act: "silu", use_sliding_window: false, attention_bias: false }),
  },
  gemma3: {
    modelType: "gemma3_text",
    className: "Gemma3ForCausalLM",
    blockNames: {
      ...ATTENTION,
      ...SPLIT_QKV,
      ...QK_NORM,
      ...GATED_MLP,
      post_attention_norm: "post_attention_layernorm",
      ffn_norm: "pre_feedforward_layernorm",
      post_ffw_norm: "post_feedforward_layernorm",
    },
    extra: gemma3Config,
    undo: ({ name }, data) => (name.endsWith("norm.weight") ? data.map((value) => value - 1) : data),
  },
  phi3: {
    modelType: "phi3",
    className: "Phi3ForCausalLM",
    blockNames: {
      ...ATTENTION,
      attn_qkv: "self_attn.qkv_proj",
      ffn_norm: "post_attention_layernorm",
      // Gate and up stand in one matrix, the gate first.
      ffn_up: "mlp.gate_up_proj",
      ffn_down: "mlp.down_proj",
    },
    extra: ({ metadata }, arch, common, rope) => ({
      hidden_act: "silu",
      attention_bias: false,
      sliding_window: metadata.optionalNumber(`${arch}.attention.sliding_window`) ?? null,
      original_max_position_embeddings:
        rope.original_max_position_embeddings ?? common.max_position_embeddings,
      partial_rotary_factor: rotaryDim(metadata, arch, common.head_dim) / common.head_dim,
    }),
    rotaryDim,
  },
};

/** A Gemma 3 block sees a window on five layers of six, with a rotary base of its own; only the sixth is scaled. */
function gemma3Config({ metadata }: GgufFile, arch: string, common: CommonConfig): Record<string, unknown> {
  const local = metadata.optionalNumber(`${arch}.rope.freq_base_swa`) ?? 10_000;
  // The 27B model alone (62 layers) scales queries by its width per head; the file does not say.
  const big = common.num_hidden_layers === 62;
  return {
    hidden_activation: "gelu_pytorch_tanh",
    attention_bias: false,
    query_pre_attn_scalar: big ? common.hidden_size / common.num_attention_heads : common.head_dim,
    attn_logit_softcapping: metadata.optionalNumber(`${arch}.attn_logit_softcapping`) ?? null,
    final_logit_softcapping: metadata.optionalNumber(`${arch}.final_logit_softcapping`) ?? null,
    sliding_window: metadata.number(`${arch}.attention.sliding_window`),
    rope_local_base_freq: local,
    layer_types: Array.from({ length: common.num_hidden_layers }, (_, layer) =>
      (layer + 1) % 6 === 0 ? "full_attention" : "sliding_attention",
    ),
  };
}

/** Rotated width of a head, as the file says. */
function rotaryDim(metadata: MetadataReader, arch: string, headDim: number): number {
  return metadata.optionalNumber(`${arch}.rope.dimension_count`) ?? headDim;
}

/** Metadata that may be there and changes nothing that is computed: the reason beside each. */
const HARMLESS: readonly string[] = [
  "vocab_size", // the embedding's rows are counted instead
  "rope.scaling.finetuned", // says how the model was made
  "tensor_data_layout", // historical
  "rope.scaling.attn_factor", // read where factors or yarn need it, else 1
];

/** Metadata that must have the one value computed here, where it is there. */
const ONLY: Readonly<Record<string, number | boolean>> = {
  "attention.causal": true,
  expert_count: 0,
  expert_used_count: 0,
  "attention.clamp_kqv": 0,
  "attention.max_alibi_bias": 0,
  logit_scale: 1,
};

/** The architecture of a file and the prefix of its keys. @throws CheckpointError naming those that can be imported */
export function architectureOf(gguf: GgufFile): { arch: string; architecture: Architecture } {
  const arch = gguf.metadata.text("general.architecture") ?? "";
  const architecture = Object.hasOwn(ARCHITECTURES, arch) ? ARCHITECTURES[arch] : undefined;
  if (architecture === undefined)
    throw gguf.metadata.error(
      "general.architecture",
      `one of ${Object.keys(ARCHITECTURES).join(", ")}`,
      arch,
    );
  return { arch, architecture };
}

/** `config.json` without token ids. @throws CheckpointError when a key is missing, contradicts the tensors, or is one nobody reads */
export async function configOf(gguf: GgufFile): Promise<Record<string, unknown> & CommonConfig> {
  const { arch, architecture } = architectureOf(gguf);
  const common = commonConfig(gguf, arch);
  const rotated =
    architecture.rotaryDim?.(gguf.metadata, arch, common.head_dim) ??
    checkRotary(gguf.metadata, arch, common);
  const rope = await ropeConfig(gguf, arch, rotated);
  const config = {
    architectures: [architecture.className],
    model_type: architecture.modelType,
    ...common,
    initializer_range: 0.02,
    rope_theta: rope.rope_theta,
    rope_scaling: rope.rope_scaling,
    ...architecture.extra?.(gguf, arch, common, rope),
  };
  refuseUnread(gguf.metadata, arch);
  return config;
}

function commonConfig({ metadata, tensors }: GgufFile, arch: string): CommonConfig {
  const heads = metadata.size(`${arch}.attention.head_count`);
  const hidden = metadata.size(`${arch}.embedding_length`);
  const embedding = tensors.get("token_embd.weight");
  if (embedding?.shape.length !== 2 || embedding.shape[1] !== hidden)
    throw metadata.error(
      `${arch}.embedding_length`,
      `the width of token_embd.weight, ${embedding?.shape.join(" x ") ?? "which is missing"}`,
      hidden,
    );
  const headDim = metadata.optionalNumber(`${arch}.attention.key_length`) ?? hidden / heads;
  const valueDim = metadata.optionalNumber(`${arch}.attention.value_length`) ?? headDim;
  if (valueDim !== headDim)
    throw metadata.error(`${arch}.attention.value_length`, `${headDim}, as key_length`, valueDim);
  return {
    vocab_size: embedding.shape[0]!,
    hidden_size: hidden,
    intermediate_size: metadata.size(`${arch}.feed_forward_length`),
    num_hidden_layers: metadata.size(`${arch}.block_count`),
    num_attention_heads: heads,
    num_key_value_heads: metadata.optionalNumber(`${arch}.attention.head_count_kv`) ?? heads,
    head_dim: headDim,
    max_position_embeddings: metadata.size(`${arch}.context_length`),
    rms_norm_eps: metadata.number(`${arch}.attention.layer_norm_rms_epsilon`),
    tie_word_embeddings: !tensors.has("output.weight"),
  };
}

/** Whole heads are rotated; a file that says otherwise is another model. */
function checkRotary(metadata: MetadataReader, arch: string, { head_dim: headDim }: CommonConfig): number {
  const rotated = rotaryDim(metadata, arch, headDim);
  if (rotated !== headDim)
    throw metadata.error(`${arch}.rope.dimension_count`, `${headDim}, the width of a head`, rotated);
  return rotated;
}

function refuseUnread(metadata: MetadataReader, arch: string): void {
  for (const key of metadata.unread(`${arch}.`)) {
    const name = key.slice(arch.length + 1);
    if (HARMLESS.includes(name)) continue;
    const only = ONLY[name];
    if (only === undefined)
      throw new CheckpointError(
        metadata.file,
        `metadata "${key}": is not known, so what it changes is not computed. The file cannot be imported.`,
      );
    const got = typeof only === "boolean" ? metadata.flag(key) : metadata.optionalNumber(key);
    if (got !== only) throw metadata.error(key, `${only} (other values are not computed)`, got);
  }
}

/**
 * Hugging Face's name of a tensor.
 * @throws CheckpointError when the architecture has no such tensor, since what it does would not be computed
 */
export function tensorName(gguf: GgufFile, architecture: Architecture, name: string): string {
  const parts = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name);
  const [, block, inner = "", kind] = parts ?? [];
  const table = block === undefined ? GLOBAL_NAMES : architecture.blockNames;
  const found = Object.hasOwn(table, inner) ? table[inner] : undefined;
  if (found === undefined)
    throw new CheckpointError(
      gguf.path,
      `tensor "${name}": is not known of ${architecture.className}, so what it does is not computed.`,
    );
  return `${block === undefined ? "" : `model.layers.${block}.`}${found}.${kind}`;
}

/** @throws CheckpointError when a block lacks a weight, or there are blocks beyond those the metadata counts */
export function checkComplete(gguf: GgufFile, architecture: Architecture, layers: number): void {
  const missing = ["token_embd", "output_norm"].map((name) => `${name}.weight`);
  for (let layer = 0; layer < layers; layer++)
    for (const name of Object.keys(architecture.blockNames)) missing.push(`blk.${layer}.${name}.weight`);
  const absent = missing.find((name) => !gguf.tensors.has(name));
  if (absent !== undefined)
    throw new CheckpointError(gguf.path, `tensor "${absent}" is missing. Fetch the file again.`);
  if (gguf.tensors.has(`blk.${layers}.attn_norm.weight`))
    throw new CheckpointError(gguf.path, `has a block ${layers}, but its metadata counts ${layers} blocks.`);
}
