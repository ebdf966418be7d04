/**
 * Imports llama2.c "legacy" checkpoints as Hugging Face Llama folders.
 *
 * In these models BOS (id 1) also ends a story: they were trained on stories joined by BOS, and `</s>` (id 2) never
 * occurred. So the folder names id 1 as BOS *and* EOS, in config, generation config and tokenizer: generation stops where a story
 * ends, and fine-tuning teaches with the end mark the model already knows. Padding is `<unk>` (id 0), never EOS.
 *
 * Format: https://github.com/karpathy/llama2.c/blob/master/run.c (`Config`, `memory_map_weights`).
 */
import { CheckpointError } from "../../base/core/errors.ts";
import { parseTokenizerBin, tokenizerJson } from "./llama2c-tokenizer.ts";
import type { NamedTensor } from "./safetensors.ts";
import { writeModelFolder } from "./write-model.ts";

/** A llama2.c model to import. */
export type Llama2cImport = {
  /** Bytes of `model.bin`: 7 int32, then float32 weights. */
  readonly model: Uint8Array;
  /** Bytes of `tokenizer.bin`. */
  readonly tokenizer: Uint8Array;
  /** The model folder to write; replaced if it exists. */
  readonly out: string;
  /** Name for messages and the model card. */
  readonly name: string;
};

const HEADER_BYTES = 28;
const BOS = 1;

type Header = {
  dim: number;
  hiddenDim: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocabSize: number;
  tied: boolean;
  seqLen: number;
  headSize: number;
};

/**
 * Writes a llama2.c model and its tokenizer as a Hugging Face folder (`LlamaForCausalLM`, float32).
 * @throws CheckpointError when the header does not describe the bytes, or the tokenizer is another model's
 */
export async function importLlama2c({ model, tokenizer, out, name }: Llama2cImport): Promise<void> {
  const header = parseHeader(`${name} model.bin`, model, model.length);
  const pieces = parseTokenizerBin(`${name} tokenizer.bin`, tokenizer, header.vocabSize);
  await writeModelFolder(out, {
    config: configOf(header),
    generationConfig: { _from_model_config: true, bos_token_id: BOS, eos_token_id: BOS, pad_token_id: 0 },
    tensors: tensorsOf(model, header),
    files: {
      "tokenizer.json": JSON.stringify(tokenizerJson(pieces)),
      "tokenizer_config.json": `${JSON.stringify(tokenizerConfig(header), null, 2)}\n`,
      "special_tokens_map.json": `${JSON.stringify(SPECIAL_TOKENS, null, 2)}\n`,
    },
    modelCard: cardOf(name, header),
  });
}

/**
 * The `config.json` that a llama2.c file would be imported with.
 * @param start - its first 28 bytes, or more
 * @param length - bytes of the whole file
 * @throws CheckpointError as `importLlama2c`
 */
export function llama2cConfig(name: string, start: Uint8Array, length: number): Record<string, unknown> {
  return configOf(parseHeader(`${name} model.bin`, start, length));
}

function parseHeader(file: string, bytes: Uint8Array, length: number): Header {
  const fail = (problem: string) =>
    new CheckpointError(file, `${problem} Expected a llama2.c legacy checkpoint.`);
  if (bytes.length < HEADER_BYTES) throw fail(`is ${length} bytes, less than its header of ${HEADER_BYTES}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = (index: number) => view.getInt32(4 * index, true);
  const sizes = {
    dim: value(0),
    hiddenDim: value(1),
    layers: value(2),
    heads: value(3),
    kvHeads: value(4),
    vocabSize: Math.abs(value(5)),
    seqLen: value(6),
  };
  for (const [key, size] of Object.entries(sizes)) {
    // Every one of them counts at least one float32 of the file, so a larger one is a lie.
    if (size < 1 || size > length / 4) throw fail(`header says ${key} is ${size}.`);
  }
  const { dim, heads, kvHeads } = sizes;
  if (dim % heads !== 0 || (dim / heads) % 2 !== 0 || heads % kvHeads !== 0)
    throw fail(`header says dim ${dim}, ${heads} heads, ${kvHeads} key-value heads, which do not divide.`);
  const header = { ...sizes, tied: value(5) > 0, headSize: dim / heads };
  const expected = HEADER_BYTES + 4 * layout(header).reduce((sum, { size }) => sum + size, 0);
  if (expected !== length)
    throw fail(`is ${length} bytes, but its header ${JSON.stringify(sizes)} describes ${expected}.`);
  return header;
}

/** The blocks of the file in order; those with a name have one matrix or vector per layer (or one in all). */
function layout(header: Header): { name?: string; perLayer?: boolean; shape: number[]; size: number }[] {
  const { dim, hiddenDim, layers, kvHeads, vocabSize, tied, seqLen, headSize } = header;
  const one = (name: string | undefined, ...shape: number[]) => ({
    ...(name === undefined ? {} : { name }),
    shape,
    size: shape.reduce((x, y) => x * y, 1),
  });
  const each = (name: string, ...shape: number[]) => {
    const block = one(name, ...shape);
    return { ...block, perLayer: true, size: layers * block.size };
  };
  const kvDim = kvHeads * headSize;
  return [
    one("model.embed_tokens", vocabSize, dim),
    each("input_layernorm", dim),
    each("self_attn.q_proj", dim, dim),
    each("self_attn.k_proj", kvDim, dim),
    each("self_attn.v_proj", kvDim, dim),
    each("self_attn.o_proj", dim, dim),
    each("post_attention_layernorm", dim),
    each("mlp.gate_proj", hiddenDim, dim),
    each("mlp.down_proj", dim, hiddenDim),
    each("mlp.up_proj", hiddenDim, dim),
    one("model.norm", dim),
    // Two tables of rotary cosines and sines, which are computed instead.
    one(undefined, 2, seqLen, headSize / 2),
    ...(tied ? [] : [one("lm_head", vocabSize, dim)]),
  ];
}

function* tensorsOf(bytes: Uint8Array, header: Header): Generator<NamedTensor> {
  // Copied, because float32 must begin at a multiple of four; not with slice, which shares memory when given a Buffer.
  const weights = new Float32Array(new Uint8Array(bytes.subarray(HEADER_BYTES)).buffer);
  let at = 0;
  for (const { name, perLayer, shape, size } of layout(header)) {
    const copies = perLayer === true ? header.layers : 1;
    for (let layer = 0; layer < copies && name !== undefined; layer++) {
      const stored = weights.subarray(at + (layer * size) / copies, at + ((layer + 1) * size) / copies);
      const rotated = name === "self_attn.q_proj" || name === "self_attn.k_proj";
      const data = rotated ? halvesFromPairs(stored, header.headSize, header.dim) : stored;
      yield { name: `${perLayer === true ? `model.layers.${layer}.` : ""}${name}.weight`, shape, data };
    }
    at += size;
  }
}

/**
 * Reorders the rows of a projection [heads * headSize, columns] from rotary on adjacent rows (2i, 2i+1) to rotary on
 * halves (i, i + headSize/2), within each head: row i of the first half is old row 2i, of the second half old row 2i + 1.
 */
export function halvesFromPairs(rows: Float32Array, headSize: number, columns: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let row = 0; row < rows.length / columns; row++) {
    const inHead = row % headSize;
    const from = row - inHead + (inHead < headSize / 2 ? 2 * inHead : 2 * (inHead - headSize / 2) + 1);
    out.set(rows.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return out;
}

function configOf(header: Header): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: header.vocabSize,
    hidden_size: header.dim,
    intermediate_size: header.hiddenDim,
    num_hidden_layers: header.layers,
    num_attention_heads: header.heads,
    num_key_value_heads: header.kvHeads,
    max_position_embeddings: header.seqLen,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    rope_scaling: null,
    attention_bias: false,
    mlp_bias: false,
    initializer_range: 0.02,
    tie_word_embeddings: header.tied,
    bos_token_id: BOS,
    eos_token_id: BOS,
    pad_token_id: 0,
  };
}

const SPECIAL_TOKENS = { bos_token: "<s>", eos_token: "<s>", unk_token: "<unk>", pad_token: "<unk>" };

function tokenizerConfig(header: Header): Record<string, unknown> {
  return {
    // The class that takes tokenizer.json as it is; LlamaTokenizer would rebuild its post-processor.
    tokenizer_class: "PreTrainedTokenizerFast",
    ...SPECIAL_TOKENS,
    model_max_length: header.seqLen,
    clean_up_tokenization_spaces: false,
  };
}

function cardOf(name: string, { layers, dim, vocabSize }: Header): string {
  return `---
library_name: transformers
tags: [llama, text-generation]
model_name: ${JSON.stringify(name)}
---

# ${name}

Imported by weak-teacher from a llama2.c checkpoint: ${layers} layers, ${dim} wide, ${vocabSize} tokens.
\`<s>\` (id 1) both begins and ends a text.
`;
}
