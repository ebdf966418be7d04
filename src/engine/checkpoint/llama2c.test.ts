import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import llamaTokenizer from "llama-tokenizer-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../base/core/digest.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { loadTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { halvesFromPairs, importLlama2c } from "./llama2c.ts";
import { deriveMerges, parseTokenizerBin } from "./llama2c-tokenizer.ts";
import { openModelFolder } from "./model-folder.ts";
import { extractStories15M } from "./stories15m.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llama2c-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A tokenizer.bin of 3 special and 256 byte pieces and the given ones, each with its score. */
function tokenizerBin(...pieces: [string, number][]): Uint8Array {
  const special: [string, number][] = [
    ["<unk>", 0],
    ["\n<s>\n", 0],
    ["\n</s>\n", 0],
  ];
  const bytes = Array.from({ length: 256 }, (_, byte): [string, number] => [String.fromCharCode(byte), 0]);
  const parts = [...special, ...bytes, ...pieces].map(([piece, score]) => {
    const text = Buffer.from(piece);
    const head = Buffer.alloc(8);
    head.writeFloatLE(score, 0);
    head.writeInt32LE(text.length, 4);
    return Buffer.concat([head, text]);
  });
  return Buffer.concat([Buffer.alloc(4), ...parts]);
}

/** A model.bin: header, then the weights 0, 1, 2, … */
function modelBin(header: number[], count: number): Uint8Array {
  const floats = Float32Array.from({ length: count }, (_, i) => i);
  return Buffer.concat([Buffer.from(Int32Array.from(header).buffer), Buffer.from(floats.buffer)]);
}

const PIECES: [string, number][] = [
  [" ", -9],
  ["a", -10],
  ["b", -11],
  [" a", -2],
  ["ab", -1],
];
// dim 4, hidden 3, 2 layers, 2 heads, 1 key-value head, 264 pieces, 5 positions; head size 2.
const HEADER = [4, 3, 2, 2, 1, 264, 5];
// Embedding 264*4; norms 2*4; q 2*16; k, v 2*8 each; o 2*16; norms 2*4; gate, down, up 2*12 each; norm 4; rotary 2*5*1.
const COUNT = 1056 + 8 + 32 + 16 + 16 + 32 + 8 + 24 + 24 + 24 + 4 + 10;

describe("importLlama2c", () => {
  it("finds every block where the format puts it", async () => {
    const out = join(folder, "small");
    await importLlama2c({
      model: modelBin(HEADER, COUNT),
      tokenizer: tokenizerBin(...PIECES),
      out,
      name: "small",
    });
    const model = await openModelFolder(out);
    const range = (from: number, count: number) => Float32Array.from({ length: count }, (_, i) => from + i);
    expect(model.info("model.embed_tokens.weight")).toEqual({ dtype: "F32", shape: [264, 4] });
    expect(await model.read("model.layers.1.input_layernorm.weight")).toEqual(range(1056 + 4, 4));
    // Blocks begin at 1056 norm, 1064 q, 1096 k, 1112 v, 1128 o, 1160 norm, 1168 gate, 1192 down, 1216 up, 1240 norm.
    expect(await model.read("model.layers.1.self_attn.v_proj.weight")).toEqual(range(1112 + 8, 8));
    expect(await model.read("model.layers.0.self_attn.o_proj.weight")).toEqual(range(1128, 16));
    expect(await model.read("model.layers.1.post_attention_layernorm.weight")).toEqual(range(1160 + 4, 4));
    expect(await model.read("model.layers.1.mlp.gate_proj.weight")).toEqual(range(1168 + 12, 12));
    expect(await model.read("model.layers.0.mlp.down_proj.weight")).toEqual(range(1192, 12));
    expect(model.info("model.layers.0.mlp.down_proj.weight").shape).toEqual([4, 3]);
    expect(await model.read("model.layers.1.mlp.up_proj.weight")).toEqual(range(1216 + 12, 12));
    expect(await model.read("model.norm.weight")).toEqual(range(1240, 4));
    // With heads of size 2 the halves are the pairs: nothing moves.
    expect(await model.read("model.layers.1.self_attn.k_proj.weight")).toEqual(range(1096 + 8, 8));
    expect(model.names).not.toContain("lm_head.weight");
    expect(model.config).toMatchObject({
      model_type: "llama",
      num_key_value_heads: 1,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      max_position_embeddings: 5,
      tie_word_embeddings: true,
      bos_token_id: 1,
      eos_token_id: 1,
    });
    expect(model.generationConfig).toMatchObject({ bos_token_id: 1, eos_token_id: 1, pad_token_id: 0 });
    await model.close();
  });

  it("reads the separate head of a model whose vocabulary size is negative", async () => {
    const out = join(folder, "untied");
    const header = HEADER.with(5, -264);
    const tokenizer = tokenizerBin(...PIECES);
    await importLlama2c({ model: modelBin(header, COUNT + 1056), tokenizer, out, name: "untied" });
    const model = await openModelFolder(out);
    expect(model.config.tie_word_embeddings).toBe(false);
    expect((await model.read("lm_head.weight"))[0]).toBe(COUNT);
    await model.close();
  });

  it("turns adjacent rotary pairs into halves, head by head", () => {
    // Two heads of size 4, one column: rows 0 1 2 3 | 4 5 6 7; evens first, then odds.
    expect([...halvesFromPairs(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7), 4, 1)]).toEqual([
      0, 2, 1, 3, 4, 6, 5, 7,
    ]);
    expect([...halvesFromPairs(Float32Array.of(0, 0, 1, 1, 2, 2, 3, 3), 4, 2)]).toEqual([
      0, 0, 2, 2, 1, 1, 3, 3,
    ]);
  });

  it("refuses headers that do not describe the file, whatever they say", async () => {
    const tokenizer = tokenizerBin(...PIECES);
    const attempt = (model: Uint8Array) =>
      importLlama2c({ model, tokenizer, out: join(folder, "bad"), name: "bad" });
    await expect(attempt(new Uint8Array(27))).rejects.toThrow(/less than its header/);
    await expect(attempt(modelBin(HEADER, COUNT - 1))).rejects.toThrow(/describes/);
    await expect(attempt(modelBin(HEADER.with(3, 3), COUNT))).rejects.toThrow(/do not divide/);
    await expect(attempt(modelBin(HEADER.with(0, -4), COUNT))).rejects.toThrow(/header says dim is -4/);
    const whole = modelBin(HEADER, COUNT);
    const int = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: 300 }));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 6 }), int, async (index, value) => {
        fc.pre(value !== HEADER[index]);
        const bytes = Buffer.from(whole);
        bytes.writeInt32LE(value, 4 * index);
        await expect(attempt(bytes)).rejects.toThrow(CheckpointError);
      }),
    );
    expect(existsSync(join(folder, "bad"))).toBe(false);
  });

  it("refuses a tokenizer that is cut short, damaged or another model's", () => {
    const bytes = tokenizerBin(...PIECES);
    expect(parseTokenizerBin("f", bytes, 264)).toHaveLength(264);
    expect(() => parseTokenizerBin("f", bytes, 263)).toThrow(/more than the 263 pieces/);
    expect(() => parseTokenizerBin("f", bytes, 265)).toThrow(
      /expected 265 pieces, as many as the model has, got 264/,
    );
    expect(() => parseTokenizerBin("f", bytes.subarray(0, -1), 264)).toThrow(/beyond the end/);
    expect(() => parseTokenizerBin("f", new Uint8Array(0), 0)).toThrow(/at least 259/);
    const negative = Buffer.from(bytes);
    negative.writeInt32LE(-1, 8);
    expect(() => parseTokenizerBin("f", negative, 264)).toThrow(/length -1/);
    const broken = Buffer.from(bytes);
    broken[broken.length - 1] = 0xff;
    expect(() => parseTokenizerBin("f", broken, 264)).toThrow(/piece 263 is not UTF-8/);
  });

  it("orders merges by the score of what they make", () => {
    const pieces = parseTokenizerBin("f", tokenizerBin(...PIECES, [" ab", -5]), 265);
    expect(pieces[13]).toEqual({ piece: "<0x0A>", score: 0 });
    // "ab" (-1) before "▁a" (-2) before "▁ab" (-5), which can be made from ▁ + ab (left id 259) and ▁a + b (left id 262).
    expect(deriveMerges(pieces)).toEqual([
      ["a", "b"],
      ["▁", "a"],
      ["▁", "ab"],
      ["▁a", "b"],
    ]);
  });
});

describe("stories15M and its tokenizer", () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    const out = join(folder, "stories15M");
    await importLlama2c({ ...(await extractStories15M()), out, name: "stories15M" });
    tokenizer = await loadTokenizer(out);
  });

  it("is 15.2 million weights with an embedding of [32000, 288], used twice", async () => {
    const model = await openModelFolder(join(folder, "stories15M"));
    expect(model.info("model.embed_tokens.weight").shape).toEqual([32000, 288]);
    const sizes = model.names.map((name) => model.info(name).shape.reduce((x, y) => x * y, 1));
    // 9,216,000 embedding + 6 layers of (4 * 288^2 + 3 * 288 * 768 + 2 * 288) + 288
    expect(sizes.reduce((x, y) => x + y, 0)).toBe(9_216_000 + 6 * (331_776 + 663_552 + 576) + 288);
    await model.close();
  });

  it("encodes the sentence of the known ids, begins and ends stories with id 1", () => {
    expect(tokenizer.encode("Tom found a broken toy in the park. He")).toEqual([
      4335, 1476, 263, 9391, 304, 29891, 297, 278, 14089, 29889, 940,
    ]);
    expect(tokenizer).toMatchObject({
      bosId: 1,
      eosId: 1,
      eosIds: [1],
      padId: 0,
      addBos: true,
      vocabSize: 32000,
    });
    expect(tokenizer.decodeAfter(tokenizer.encode("Once"), tokenizer.encode("Once upon a 🦙").slice(1))).toBe(
      " upon a 🦙",
    );
  });

  it("agrees with llama-tokenizer-js on any text, and decodes it back", () => {
    const words = fc.constantFrom(
      " ",
      "  ",
      "\n",
      "\t",
      "a",
      "the",
      " cat",
      "🦙",
      "é",
      "中",
      "ab",
      "Ġ",
      "▁x",
      "<0x41>",
      ".",
    );
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
      fc.array(words).map((list) => list.join("")),
    );
    fc.assert(
      fc.property(text, (x) => {
        fc.pre(x.isWellFormed() && x !== "");
        const ids = tokenizer.encode(x);
        expect([1, ...ids]).toEqual(llamaTokenizer.encode(x));
        // "▁" is SentencePiece's space and comes back as one.
        expect(tokenizer.decode(ids)).toBe(x.replaceAll("▁", " "));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    "Once upon a time, there was a little girl named Lily.",
    "           grabbed",
    "line one\n\nline two\r\n\tindented   three   spaces ",
    "你好，世界 — καλημέρα — здравствуй",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u0000",
    "The quick brown fox 1234567890 !@#$%^&*()",
  ])("agrees on %j", (text) => {
    expect([1, ...tokenizer.encode(text)]).toEqual(llamaTokenizer.encode(text));
  });
});

const models = fileURLToPath(new URL("../../../../shared/models", import.meta.url));

describe.skipIf(!existsSync(models))("stories260K", () => {
  it("is imported with its vocabulary of 512", async () => {
    const model = await readFile(join(models, "stories260K.bin"));
    expect(sha256(model)).toMatch(/^b0a507e7/);
    const out = join(folder, "stories260K");
    await importLlama2c({
      model,
      tokenizer: await readFile(join(models, "tok512.bin")),
      out,
      name: "stories260K",
    });
    const imported = await openModelFolder(out);
    expect(imported.config).toMatchObject({
      hidden_size: 64,
      num_attention_heads: 8,
      num_key_value_heads: 4,
    });
    for (const name of imported.names) await imported.read(name);
    // The embedding follows the header of 28 bytes.
    const embedding = await imported.read("model.embed_tokens.weight");
    expect(embedding[100]).toBe(model.readFloatLE(28 + 400));
    await imported.close();
    const tokenizer = await loadTokenizer(out);
    const text = "Once upon a time, there was a 🦙.\n";
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    // In tok512.bin " the" is piece 265 and " and" piece 269.
    expect(tokenizer.encode("the and")).toEqual([265, 269]);
  });
});
