/** Model folders with random weights, a byte-level tokenizer and a few thousand parameters, as `loadModel` and `loadTokenizer` read them. */
import { join } from "node:path";
import { writeModelFolder } from "../../src/checkpoint/write-model.ts";
import { createRng } from "../../src/core/rng.ts";
import { describeModel } from "../../src/model/families/index.ts";
import { parameterShapes } from "../../src/model/model.ts";

/** What differs between two tiny models. */
export type TinyFolder = {
  readonly seed: number;
  /** Standard deviation of the weights, default 0.3; 0 makes a model that finds all tokens equally likely. */
  readonly spread?: number;
  readonly task?: "language-model" | "reward";
  /** Further merges make another tokenizer. */
  readonly merges?: readonly string[];
  readonly chatTemplate?: string;
  readonly maxPositions?: number;
};

/** GPT-2's characters for the bytes 0 to 255. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : next++);
  });
}

function tokenizerFiles(merges: readonly string[], chatTemplate?: string): Record<string, string> {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
  const tokens = [...byteCharacters(), ...merges.map((merge) => merge.replace(" ", ""))];
  const special = ["<s>", "</s>"].map((content, i) => {
    return { id: tokens.length + i, content, special: true, normalized: false };
  });
  const vocab = Object.fromEntries([...tokens, "<s>", "</s>"].map((token, id) => [token, id]));
  return {
    "tokenizer.json": JSON.stringify({
      added_tokens: special,
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: byteLevel,
      decoder: byteLevel,
      model: { type: "BPE", vocab, merges },
    }),
    "tokenizer_config.json": JSON.stringify({
      add_bos_token: true,
      bos_token: "<s>",
      eos_token: "</s>",
      ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    }),
  };
}

/** Writes a Llama-shaped model (2 layers of width 16, 264 ids) as a folder and gives its path. */
export async function writeTinyFolder(parent: string, name: string, options: TinyFolder): Promise<string> {
  const { seed, spread = 0.3, task = "language-model", merges = [], chatTemplate } = options;
  const path = join(parent, name);
  const config = {
    architectures: [task === "reward" ? "LlamaForSequenceClassification" : "LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: 264,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    max_position_embeddings: options.maxPositions ?? 512,
    ...(task === "reward" ? { num_labels: 1 } : {}),
  };
  const { decoder } = describeModel(config);
  const rng = createRng(seed);
  const tensors = [...parameterShapes(decoder, task)].map(([parameter, shape]) => {
    const draw = rng.fork(parameter);
    const length = shape.reduce((a, b) => a * b, 1);
    const centre = parameter.includes("norm") ? 1 : 0;
    return {
      name: parameter,
      shape,
      data: Float32Array.from({ length }, () => centre + spread * draw.normal()),
    };
  });
  await writeModelFolder(path, { config, tensors, files: tokenizerFiles(merges, chatTemplate) });
  return path;
}
