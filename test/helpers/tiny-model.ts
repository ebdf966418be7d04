/** Model folders of several families with random weights and a byte-level tokenizer, small enough to write in a test. */

import { createRng } from "../../src/base/core/rng.ts";
import { writeModelFolder } from "../../src/engine/checkpoint/write-model.ts";
import { describeModel } from "../../src/engine/model/families/index.ts";
import { parameterShapes } from "../../src/engine/model/model.ts";

/** What a tiny model is like. */
export type TinyModel = {
  readonly family: "llama" | "gpt2" | "opt";
  readonly seed: number;
  /** Tokens, at least 258 (bytes, `<s>`, `</s>`), the default. */
  readonly vocab?: number;
  /** Default 2. */
  readonly layers?: number;
  /** A multiple of 8, default 16. */
  readonly hidden?: number;
  readonly positions?: number;
  /** "reward" writes a scalar head. */
  readonly task?: "language-model" | "reward";
};

/** Ids of `<s>` and `</s>`. */
export const TINY_BOS = 256;
export const TINY_EOS = 257;

/** Writes a Hugging Face model folder at `folder`, replacing what is there; equal options give equal bytes. */
export async function writeTinyModel(folder: string, options: TinyModel): Promise<void> {
  const config = configOf(options);
  const { decoder } = describeModel(config);
  const rng = createRng(options.seed);
  const shapes = parameterShapes(decoder, options.task ?? "language-model");
  const tensors = [...shapes].map(([name, shape]) => {
    const draw = rng.fork(name);
    const centre = /(norm|ln_\w+)\.weight$/.test(name) ? 1 : 0;
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).map(() => centre + 0.3 * draw.normal());
    return { name, shape, data };
  });
  await writeModelFolder(folder, { config, tensors, files: tokenizerFiles() });
}

function configOf({ family, vocab = 258, layers = 2, hidden = 16, positions = 256, task }: TinyModel) {
  const reward = task === "reward";
  const common = {
    vocab_size: vocab,
    bos_token_id: TINY_BOS,
    eos_token_id: TINY_EOS,
    pad_token_id: TINY_EOS,
    ...(reward ? { num_labels: 1 } : {}),
  };
  const head = reward ? "ForSequenceClassification" : "ForCausalLM";
  if (family === "gpt2")
    return {
      ...common,
      model_type: "gpt2",
      architectures: [reward ? "GPT2ForSequenceClassification" : "GPT2LMHeadModel"],
      n_embd: hidden,
      n_layer: layers,
      n_head: 2,
      n_positions: positions,
    };
  const sizes = {
    ...common,
    hidden_size: hidden,
    num_hidden_layers: layers,
    max_position_embeddings: positions,
  };
  if (family === "opt")
    return {
      ...sizes,
      model_type: "opt",
      architectures: [`OPT${head}`],
      ffn_dim: 2 * hidden,
      num_attention_heads: 2,
    };
  return {
    ...sizes,
    model_type: "llama",
    architectures: [`Llama${head}`],
    intermediate_size: 2 * hidden,
    num_attention_heads: 4,
    num_key_value_heads: 2,
  };
}

/** A token per byte, written as GPT-2 writes bytes, and `<s>` and `</s>`. */
function tokenizerFiles(): Record<string, string> {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  let next = 256;
  const tokens = Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : next++);
  });
  const special = ["<s>", "</s>"];
  const vocab = Object.fromEntries([...tokens, ...special].map((token, id) => [token, id]));
  const added_tokens = special.map((content) => {
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
    return { id: vocab[content], content, ...flags };
  });
  const model = { type: "BPE", vocab, merges: [] };
  const [first, text] = [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  const pieces = {
    ...{ version: "1.0", truncation: null, padding: null },
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      ...{
        type: "TemplateProcessing",
        single: [first, text],
        pair: [first, text, { Sequence: { id: "B", type_id: 1 } }],
      },
      special_tokens: { "<s>": { id: "<s>", ids: [TINY_BOS], tokens: ["<s>"] } },
    },
    decoder: byteLevel,
  };
  return {
    "tokenizer.json": JSON.stringify({ added_tokens, ...pieces, model }),
    "tokenizer_config.json": JSON.stringify({ add_bos_token: true, bos_token: "<s>", eos_token: "</s>" }),
  };
}
