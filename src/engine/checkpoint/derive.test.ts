import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TINY_CONFIGS } from "../../../test/helpers/tiny-decoders.ts";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { describeModel } from "../model/families/index.ts";
import { parameterShapes } from "../model/model.ts";
import { buildTokenizer, loadTokenizer } from "../text/tokenizer.ts";
import type { JsonObject } from "../text/tokenizer-files.ts";
import { keepFirstLayers, trimVocabulary, VOCABULARY_MAP_FILE } from "./derive.ts";
import { parseTokenizerBin, tokenizerJson } from "./llama2c-tokenizer.ts";
import { openModelFolder } from "./model-folder.ts";
import { extractStories15M } from "./stories15m.ts";
import { closeOverMerges, trimTokenizerJson } from "./trim-tokenizer.ts";
import { writeModelFolder } from "./write-model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "derive-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("keepFirstLayers", () => {
  it("keeps embeddings, the first layers, norm and head, bit for bit, in every family", async () => {
    const tokenizerFrom = join(folder, "tokenizer");
    await writeTinyModel(tokenizerFrom, { family: "llama", seed: 1 });
    for (const [name, config] of Object.entries(TINY_CONFIGS)) {
      const from = join(folder, `from ${name}`);
      const { decoder } = describeModel(config);
      const rng = createRng(name);
      const tensors = [...parameterShapes(decoder, "language-model")].map(([parameter, shape]) => {
        const length = shape.reduce((a, b) => a * b, 1);
        return { name: parameter, shape, data: Float32Array.from({ length }, () => rng.normal()) };
      });
      await writeModelFolder(from, { config, tensors, tokenizerFrom });
      const to = join(folder, `to ${name}`);
      await keepFirstLayers(from, to, 1);
      const kept = await openModelFolder(to);
      const shallow = describeModel(kept.config);
      expect(shallow.decoder.config, name).toEqual({ ...decoder.config, layers: 1 });
      expect(new Set(kept.names)).toEqual(new Set(parameterShapes(shallow.decoder, "language-model").keys()));
      for (const { name: parameter, data } of tensors)
        if (kept.names.includes(parameter)) expect(await kept.read(parameter)).toEqual(data);
      await kept.close();
      expect(existsSync(join(to, "tokenizer.json"))).toBe(true);
    }
  });

  it("cuts lists with one entry per layer", async () => {
    const config = {
      ...TINY_CONFIGS.gpt_neo,
      num_layers: 3,
      attention_types: [[["global", "local", "local"], 1]],
      attention_layers: ["global", "local", "local"],
    };
    const { decoder } = describeModel(config);
    const tensors = [...parameterShapes(decoder, "language-model")].map(([name, shape]) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
    }));
    const tokenizerFrom = join(folder, "tokenizer");
    await writeModelFolder(join(folder, "neo"), { config, tensors, tokenizerFrom });
    await keepFirstLayers(join(folder, "neo"), join(folder, "neo2"), 2);
    const neo2 = await openModelFolder(join(folder, "neo2"));
    await neo2.close();
    expect(neo2.config).toMatchObject({
      num_layers: 2,
      attention_layers: ["global", "local"],
      attention_types: [[["global", "local"], 1]],
    });
  });

  it("refuses as many layers as there are, or none", async () => {
    const from = join(folder, "tokenizer");
    for (const layers of [0, 2, 1.5])
      await expect(keepFirstLayers(from, join(folder, "no"), layers)).rejects.toThrow(ConfigError);
    expect(existsSync(join(folder, "no"))).toBe(false);
  });
});

// "the" is merged from "th" and "e"; "he" is no step of it, since "t h" comes first.
const MERGES = ["t h", "h e", "th e", "c a"];

/** A tiny model whose tokenizer merges: the pieces have ids 258 to 261 of 264. */
async function merging(name: string): Promise<string> {
  const path = join(folder, name);
  await writeTinyModel(path, { family: "llama", seed: 2, vocab: 264 });
  const file = join(path, "tokenizer.json");
  const json = JSON.parse(await readFile(file, "utf8"));
  const pieces = MERGES.map((merge, i) => [merge.replace(" ", ""), 258 + i]);
  const model = {
    ...json.model,
    vocab: { ...json.model.vocab, ...Object.fromEntries(pieces) },
    merges: MERGES,
  };
  await writeFile(file, JSON.stringify({ ...json, model }));
  return path;
}

describe("trimVocabulary", () => {
  it("keeps the texts' tokens, the pieces they are merged from, specials and bytes, and nothing else", async () => {
    const from = await merging("whole");
    const to = join(folder, "trimmed");
    const map = await trimVocabulary(from, to, { texts: ["the t"] });
    // 256 bytes, then <s> 256, </s> 257, "th" 258, "he" 259, "the" 260, "ca" 261: "he" and "ca" go.
    expect(map.kept.slice(256)).toEqual([256, 257, 258, 260]);
    expect(map.originalVocabSize).toBe(264);
    const json = JSON.parse(await readFile(join(to, "tokenizer.json"), "utf8"));
    expect(json.model.merges).toEqual([
      ["t", "h"],
      ["th", "e"],
    ]);
    expect(json.added_tokens.map(({ id }: { id: number }) => id)).toEqual([256, 257]);
    const tokenizer = await loadTokenizer(to);
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.addBos]).toEqual([256, 257, true]);
    expect(tokenizer.encode("the")).toEqual([259]);
    expect(tokenizer.decode(tokenizer.encode("he can: ü"))).toBe("he can: ü");
    expect(JSON.parse(await readFile(join(to, VOCABULARY_MAP_FILE), "utf8"))).toEqual(map);
  });

  it("keeps ids that are asked for and refuses ids that do not exist", async () => {
    const from = join(folder, "whole");
    const { kept } = await trimVocabulary(from, join(folder, "asked"), { texts: ["a"], ids: [261] });
    expect(kept).toContain(261);
    await expect(trimVocabulary(from, join(folder, "no"), { texts: ["a"], ids: [262] })).rejects.toThrow(
      /token 262 is to be kept, expected ids from 0 to 261/,
    );
  });

  it("refuses a tokenizer that is no BPE or cannot spell every byte", () => {
    const unigram = { model: { type: "Unigram", vocab: [["a", 0]] } };
    expect(() => closeOverMerges("x", unigram, [])).toThrow(CheckpointError);
    const noBytes = { model: { type: "BPE", vocab: { a: 0 }, merges: [] } };
    expect(() => closeOverMerges("x", noBytes, [])).toThrow(/spells 0 of the 256 bytes/);
  });

  it("trims a byte-level tokenizer that lacks bytes as SmolLM2's does, and refuses one whose pieces hold a byte it lacks", async () => {
    const letters = ["a", "b", "Ġ", "</s>", "ab"];
    const tokenizer = {
      ...{ version: "1.0", truncation: null, padding: null, normalizer: null, post_processor: null },
      added_tokens: [{ id: 3, content: "</s>", special: true }],
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(letters.map((piece, i) => [piece, i])),
        merges: ["a b"],
      },
    };
    expect(closeOverMerges("x", tokenizer, [])).toEqual([0, 1, 2, 3]);
    const trimmed = trimTokenizerJson("x", tokenizer, new Map([0, 1, 2, 3].map((id) => [id, id])));
    const rest = { config: {}, generationConfig: {}, chatTemplate: undefined };
    const encode = (json: JsonObject, text: string) =>
      buildTokenizer("x", {
        tokenizer: json,
        tokenizerConfig: {},
        specialTokens: { eos_token: "</s>" },
        ...rest,
      }).encode(text);
    // U+0004 has no byte in either: it is left out, as transformers does.
    expect(encode(tokenizer, "a\u0004 a")).toEqual([0, 2, 0]);
    expect(encode(trimmed, "a\u0004 a")).toEqual([0, 2, 0]);
    const short = { ...tokenizer, model: { ...tokenizer.model, vocab: { a: 0, Ġ: 1, ab: 2, "</s>": 3 } } };
    expect(() => closeOverMerges("x", short, [])).toThrow(
      /spells 2 of the 256 bytes, expected each that its pieces hold/,
    );
  });

  it("renumbers what the post-processor adds", () => {
    const vocab = Object.fromEntries(Array.from({ length: 256 }, (_, i) => [byteName(i), i + 1]));
    const tokenizer = {
      added_tokens: [{ id: 300, content: "<s>" }],
      post_processor: { type: "TemplateProcessing", special_tokens: { "<s>": { id: "<s>", ids: [300] } } },
      model: { type: "BPE", vocab: { ...vocab, "<s>": 300 }, merges: [] },
    };
    const kept = closeOverMerges("x", tokenizer, []);
    const trimmed = trimTokenizerJson("x", tokenizer, new Map(kept.map((id, index) => [id, index])));
    expect(trimmed.post_processor).toMatchObject({ special_tokens: { "<s>": { id: "<s>", ids: [256] } } });
    expect(trimmed.added_tokens).toEqual([{ id: 256, content: "<s>" }]);
  });
});

const byteName = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

describe("a trimmed Llama 2 tokenizer", () => {
  it("splits the chosen texts as before, and spells any other", async () => {
    const { tokenizer: bytes } = await extractStories15M();
    const json = tokenizerJson(parseTokenizerBin("tokenizer.bin", bytes, 32000));
    const files = {
      tokenizerConfig: {},
      specialTokens: {},
      config: {},
      generationConfig: {},
      chatTemplate: undefined,
    };
    const original = buildTokenizer("llama2", { ...files, tokenizer: json });
    const words = [
      "Once upon a time",
      "Lily",
      " smiled",
      "unhappily",
      "naïve",
      "日本語",
      "\n",
      "  ",
      "!!!",
      "🙂",
      "xqzt",
    ];
    const text = fc.array(fc.constantFrom(...words), { maxLength: 6 }).map((list) => list.join(" "));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), fc.string(), (texts, other) => {
        const encoded = texts.map((t) => original.encode(t));
        const kept = closeOverMerges("llama2", json, encoded.flat());
        const newIds = new Map(kept.map((id, index) => [id, index]));
        const trimmed = buildTokenizer("llama2", {
          ...files,
          tokenizer: trimTokenizerJson("llama2", json, newIds),
        });
        expect(texts.map((t) => trimmed.encode(t).map((id) => kept[id]))).toEqual(encoded);
        expect(trimmed.decode(trimmed.encode(other))).toBe(original.decode(original.encode(other)));
      }),
      // With no text at all, not even a space is in the chosen tokens.
      { numRuns: 8, examples: [[[""], "a b"]] },
    );
  });
});
