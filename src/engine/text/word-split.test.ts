import { Tokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withWordSplit } from "./word-split.ts";

const pieces = ["<unk>", "▁", "a", "b", "▁▁", "▁▁▁", "▁a", "▁▁a", "ab", "▁ab", "ba"];
const merges = ["▁ ▁", "▁▁ ▁", "▁ a", "▁▁ a", "a b", "▁ ab", "▁a b", "b a"];
const json = (list: (string | string[])[]) => ({
  added_tokens: [],
  normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: "BPE",
    unk_token: "<unk>",
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    merges: list,
  },
});

describe("withWordSplit", () => {
  it("changes no token of any text, in whatever order the merges stand", () => {
    const text = fc.array(fc.constantFrom(" ", "a", "b"), { maxLength: 25 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.shuffledSubarray(merges, { minLength: 4 }), text, (order, x) => {
        const plain = json(order);
        const encode = (from: object) => new Tokenizer(from, {}).encode(x, { add_special_tokens: false }).ids;
        expect(encode(withWordSplit(plain))).toEqual(encode(plain));
      }),
      { numRuns: 500 },
    );
  });

  it("splits where merges begin with a space, however they are written", () => {
    expect(withWordSplit(json(merges))).toHaveProperty("pre_tokenizer.type", "Split");
    expect(withWordSplit(json(merges.map((merge) => merge.split(" "))))).toHaveProperty(
      "pre_tokenizer.type",
      "Split",
    );
  });

  it("leaves alone what it could change, or what splits already", () => {
    for (const tokenizer of [
      json([...merges, "a ▁"]),
      json(["a b"]),
      { ...json(merges), pre_tokenizer: { type: "Whitespace" } },
      { ...json(merges), model: { ...json(merges).model, ignore_merges: true } },
      { ...json(merges), model: { type: "Unigram", vocab: [] } },
      {},
    ])
      expect(withWordSplit(tokenizer)).toBe(tokenizer);
  });
});
