import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GgufFloats, type GgufValues, ggufBytes } from "../../../../test/helpers/tiny-gguf.ts";
import { loadTokenizer } from "../../text/tokenizer.ts";
import { openModelFolder } from "../model-folder.ts";
import { importGguf } from "./import-gguf.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gguf-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Numbers that tell where they stand: 0, 1, 2, … over the whole tensor. */
const counted = (...shape: number[]): GgufFloats => ({
  shape,
  data: Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, i) => i),
});

/** A Llama of one layer: 8 wide, two heads of four, one key-value head, seven tokens. */
const TENSORS: Readonly<Record<string, GgufFloats>> = {
  "token_embd.weight": counted(7, 8),
  "output_norm.weight": counted(8),
  "blk.0.attn_norm.weight": counted(8),
  "blk.0.attn_q.weight": counted(8, 8),
  "blk.0.attn_k.weight": counted(4, 8),
  "blk.0.attn_v.weight": counted(4, 8),
  "blk.0.attn_output.weight": counted(8, 8),
  "blk.0.ffn_norm.weight": counted(8),
  "blk.0.ffn_gate.weight": counted(6, 8),
  "blk.0.ffn_up.weight": counted(6, 8),
  "blk.0.ffn_down.weight": counted(8, 6),
};

const VALUES: GgufValues = {
  "general.architecture": "llama",
  "general.name": "tiny",
  "llama.block_count": 1,
  "llama.context_length": 64,
  "llama.embedding_length": 8,
  "llama.feed_forward_length": 6,
  "llama.attention.head_count": 2,
  "llama.attention.head_count_kv": 1,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
  "llama.rope.freq_base": 100000,
  "llama.rope.dimension_count": 4,
  "tokenizer.ggml.model": "gpt2",
  "tokenizer.ggml.pre": "smollm",
  "tokenizer.ggml.tokens": ["<|end|>", "a", "b", "1", "ab", "\u010a", "\u010a\u010a"],
  "tokenizer.ggml.token_type": [3, 1, 1, 1, 1, 1, 1],
  "tokenizer.ggml.merges": ["a b", "\u010a \u010a"],
  "tokenizer.ggml.bos_token_id": 0,
  "tokenizer.ggml.eos_token_id": 0,
  "tokenizer.ggml.padding_token_id": 0,
  "tokenizer.chat_template": "{{ messages[0].content }}",
};

let files = 0;
async function given(values: GgufValues, tensors = TENSORS): Promise<string> {
  const path = join(folder, `${files++}.gguf`);
  await writeFile(path, ggufBytes(values, tensors));
  return path;
}

async function imported(values: GgufValues, tensors = TENSORS) {
  const out = join(folder, `out-${files}`);
  const told = await importGguf(await given(values, tensors), out);
  const model = await openModelFolder(out);
  return { out, told, config: model.config, read: model.read, close: model.close };
}

describe("a Llama", () => {
  test("has the config, the weights and the template of its file", async () => {
    const { out, told, config, read, close } = await imported(VALUES);
    expect(told).toEqual({ architecture: "llama", types: { F32: 11 }, chatTemplate: true });
    expect(config).toMatchObject({
      architectures: ["LlamaForCausalLM"],
      rms_norm_eps: 1e-5,
      rope_theta: 100000,
      rope_scaling: null,
      head_dim: 4,
      num_key_value_heads: 1,
      tie_word_embeddings: true,
      max_position_embeddings: 64,
    });
    expect([...(await read("model.layers.0.mlp.down_proj.weight"))]).toEqual(
      Array.from({ length: 48 }, (_, i) => i),
    );
    // Rows 0, 1, 2, 3 of a head are stored as (0, 2, 1, 3): first and second half in turn.
    const query = await read("model.layers.0.self_attn.q_proj.weight");
    expect(Array.from({ length: 8 }, (_, row) => query[row * 8]! / 8)).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    await close();
    expect(await readFile(join(out, "chat_template.jinja"), "utf8")).toBe("{{ messages[0].content }}");
  });

  test("cuts its text as its pre-tokenizer says: digits alone, so white space before one stays whole", async () => {
    const { out, close } = await imported(VALUES);
    await close();
    const tokenizer = await loadTokenizer(out);
    expect(tokenizer.encode("ab\n\n1")).toEqual([4, 6, 3]);
    expect(tokenizer.encode("<|end|>a")).toEqual([0, 1]);
    expect([tokenizer.eosId, tokenizer.addBos]).toEqual([0, false]);
  });

  test("keeps a head of its own, and ends of turns as further ends", async () => {
    const { out, config, close } = await imported(
      { ...VALUES, "tokenizer.ggml.eot_token_id": 4 },
      { ...TENSORS, "output.weight": counted(7, 8) },
    );
    await close();
    expect(config.tie_word_embeddings).toBe(false);
    expect((await loadTokenizer(out)).eosIds).toEqual([0, 4]);
  });

  test("reads linear and yarn scaling, and Llama 3's from its factors", async () => {
    const scaled = {
      ...VALUES,
      "llama.rope.scaling.type": "yarn",
      "llama.rope.scaling.factor": 4,
      "llama.rope.scaling.original_context_length": 16,
    };
    const yarn = await imported(scaled);
    expect(yarn.config.rope_scaling).toEqual({
      rope_type: "yarn",
      factor: 4,
      original_max_position_embeddings: 16,
    });
    const linear = await imported({
      ...VALUES,
      "llama.rope.scaling.type": "linear",
      "llama.rope.scaling.factor": 2.5,
    });
    expect(linear.config.rope_scaling).toEqual({ rope_type: "linear", factor: 2.5 });
    // At base 5,000,000 the two frequencies' wavelengths are 6 and 14,050 tokens: below 2,048 nothing is scaled, above 8,192 all of it.
    const long = { ...VALUES, "llama.rope.freq_base": 5_000_000 };
    const factors = (...data: number[]) => ({ ...TENSORS, "rope_freqs.weight": { shape: [2], data } });
    const llama3 = await imported(long, factors(1, 8));
    expect(llama3.config.rope_scaling).toEqual({
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    const refused = importGguf(await given(long, factors(1.5, 8)), join(folder, "never"));
    await expect(refused).rejects.toThrow(/rope_freqs\.weight.*Llama 3's rotary scaling/);
    await llama3.close();
    for (const { close } of [yarn, linear]) await close();
  });
});

describe("SentencePiece", () => {
  const SPM: GgufValues = {
    ...VALUES,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.pre": "default",
    "tokenizer.ggml.tokens": ["<s>", "\u2581", "a", "b", "ab", "\u2581ab", "\ufeffa"],
    "tokenizer.ggml.token_type": [3, 1, 1, 1, 1, 1, 1],
    "tokenizer.ggml.scores": [0, -5, -6, -7, -1, -2, -9],
  };
  const withoutMerges = Object.fromEntries(
    Object.entries(SPM).filter(([key]) => key !== "tokenizer.ggml.merges"),
  );

  test("merges what its scores rank best, after a space and BOS; a byte order mark is part of a token", async () => {
    const { out, close } = await imported(withoutMerges);
    await close();
    const tokenizer = await loadTokenizer(out);
    expect(tokenizer.encode("ab")).toEqual([5]);
    expect(tokenizer.encode("abab")).toEqual([5, 4]);
    expect([tokenizer.addBos, tokenizer.bosId]).toEqual([true, 0]);
    const json = JSON.parse(await readFile(join(out, "tokenizer.json"), "utf8"));
    expect(json.model.vocab["\ufeffa"]).toBe(6);
  });
});

describe("refused by name", () => {
  const without = (key: string) =>
    Object.fromEntries(Object.entries(VALUES).filter(([name]) => name !== key));
  const lacking = (name: string) =>
    Object.fromEntries(Object.entries(TENSORS).filter(([key]) => key !== name));

  test.each<[string, GgufValues, Readonly<Record<string, GgufFloats>>, RegExp]>([
    [
      "another architecture",
      { ...VALUES, "general.architecture": "mamba" },
      TENSORS,
      /one of llama, qwen2, qwen3, gemma3, phi3, got "mamba"/,
    ],
    [
      "metadata nobody reads",
      { ...VALUES, "llama.attention.temperature_scale": 2 },
      TENSORS,
      /llama\.attention\.temperature_scale": is not known/,
    ],
    ["experts", { ...VALUES, "llama.expert_count": 8 }, TENSORS, /expert_count": expected 0/],
    [
      "an unknown way of cutting",
      { ...VALUES, "tokenizer.ggml.pre": "someone" },
      TENSORS,
      /tokenizer\.ggml\.pre.*got "someone"/,
    ],
    [
      "a missing size",
      without("llama.context_length"),
      TENSORS,
      /llama\.context_length": expected a number, got nothing/,
    ],
    [
      "more tokens than rows",
      VALUES,
      { ...TENSORS, "token_embd.weight": counted(6, 8) },
      /at most 6 tokens.*got 7/,
    ],
    ["a missing weight", VALUES, lacking("blk.0.ffn_up.weight"), /"blk\.0\.ffn_up\.weight" is missing/],
    [
      "a weight nobody reads",
      VALUES,
      { ...TENSORS, "blk.0.attn_sinks.weight": counted(2) },
      /attn_sinks\.weight": is not known/,
    ],
    [
      "a storage type",
      VALUES,
      { ...TENSORS, "output_norm.weight": { ...counted(8), type: 10 } },
      /stored as Q2_K, expected one of F32, F16/,
    ],
    [
      "one part of several",
      { ...VALUES, "split.count": 3 },
      TENSORS,
      /is one of 3 parts.*llama-gguf-split --merge/,
    ],
    [
      "a text that ends itself",
      { ...VALUES, "tokenizer.ggml.add_eos_token": true },
      TENSORS,
      /add_eos_token": expected false/,
    ],
  ])("%s", async (_what, values, tensors, message) => {
    const path = await given(values, tensors);
    await expect(importGguf(path, join(folder, "never"))).rejects.toThrow(message);
  });

  test("files that are cut, or are something else, at every length", async () => {
    const whole = ggufBytes(VALUES, TENSORS);
    const path = join(folder, "cut.gguf");
    for (let length = 0; length < whole.length; length += 37) {
      await writeFile(path, whole.subarray(0, length));
      await expect(importGguf(path, join(folder, "never"))).rejects.toThrow(/cut\.gguf/);
    }
    await writeFile(path, "version https://git-lfs.github.com/spec/v1\n");
    await expect(importGguf(path, join(folder, "never"))).rejects.toThrow(/Git LFS pointer/);
  });
});
