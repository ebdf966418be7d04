/**
 * Writes a language model of a family with random weights and the tokenizer of another model's folder, to be pretrained with
 * `weak-teacher sft`: for sweeps over families where no pretrained model of a second family can be had.
 * Weights are normal with standard deviation 0.02, as GPT-2 and OPT begin (their projections into the residual stream are not made
 * smaller); norms are 1, biases 0.
 */
import { parseArgs } from "node:util";
import { createRng } from "../dist/base/core/rng.js";
import { openModelFolder } from "../dist/engine/checkpoint/model-folder.js";
import { writeModelFolder } from "../dist/engine/checkpoint/write-model.js";
import { describeModel } from "../dist/engine/model/families/index.js";
import { parameterShapes } from "../dist/engine/model/model.js";

const USAGE = `usage: node scripts/new-model.mjs gpt2|opt|gpt_neox --tokenizer FOLDER --out FOLDER [--width 128] [--layers 4] [--heads 4] [--seed 22]

Needs a build (npm run build). Exit code: 0 written, 2 wrong usage.`;

const positions = 256;
const CONFIGS = {
  gpt2: ({ width, layers, heads }) => ({
    ...{ model_type: "gpt2", architectures: ["GPT2LMHeadModel"], n_embd: width, n_layer: layers },
    ...{ n_head: heads, n_positions: positions },
  }),
  opt: ({ width, layers, heads }) => ({
    ...{
      model_type: "opt",
      architectures: ["OPTForCausalLM"],
      hidden_size: width,
      word_embed_proj_dim: width,
    },
    ...{ num_hidden_layers: layers, num_attention_heads: heads, ffn_dim: 4 * width },
    max_position_embeddings: positions,
  }),
  gpt_neox: ({ width, layers, heads }) => ({
    ...{ model_type: "gpt_neox", architectures: ["GPTNeoXForCausalLM"], hidden_size: width },
    ...{ num_hidden_layers: layers, num_attention_heads: heads, intermediate_size: 4 * width },
    ...{ max_position_embeddings: positions, rotary_pct: 0.25, use_parallel_residual: true },
    tie_word_embeddings: false,
  }),
};

async function main() {
  const size = (value) => ({ type: "string", default: String(value) });
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ tokenizer: { type: "string" }, out: { type: "string" }, help: { type: "boolean" } },
      ...{ width: size(128), layers: size(4), heads: size(4), seed: size(22) },
    },
  });
  const { tokenizer, out, seed, help } = values;
  const configOf = CONFIGS[positionals[0]];
  if (help || configOf === undefined || tokenizer === undefined || out === undefined) {
    console.error(USAGE);
    return help ? 0 : 2;
  }
  const folder = await openModelFolder(tokenizer);
  const { vocab_size, bos_token_id, eos_token_id, pad_token_id } = folder.config;
  await folder.close();
  const sizes = { width: +values.width, layers: +values.layers, heads: +values.heads };
  const ids = { vocab_size, bos_token_id, eos_token_id, pad_token_id: pad_token_id ?? eos_token_id };
  const config = { ...configOf(sizes), ...ids, torch_dtype: "float32" };
  const shapes = parameterShapes(describeModel(config).decoder, "language-model");
  const rng = createRng(+seed);
  const tensors = [...shapes].map(([name, shape]) => ({
    name,
    shape,
    data: drawn(name, shape, rng.fork(name)),
  }));
  await writeModelFolder(out, { config, tensors, tokenizerFrom: tokenizer });
  const count = tensors.reduce((sum, { data }) => sum + data.length, 0);
  console.log(`${out}: ${positionals[0]}, ${(count / 1e6).toFixed(2)} million weights, random`);
  return 0;
}

function drawn(name, shape, rng) {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (/norm.*\.weight$|ln_\w+\.weight$/.test(name)) return data.fill(1);
  return name.endsWith(".bias") ? data : data.map(() => 0.02 * rng.normal());
}

process.exitCode = await main();
