import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { checkParts, type PartsExpected } from "../../../test/interop/parts.ts";
import { withExactParts } from "./exact-parts.ts";

const pinned = JSON.parse(
  readFileSync(new URL("../../../test/interop/pre-tokenizers.json", import.meta.url), "utf8"),
) as PartsExpected;

describe("parts of tokenizer.json cut text as `tokenizers` 0.23.3 cuts it", () => {
  checkParts(pinned);
});

test("without the rewriting the library cuts otherwise, so the pinned texts can tell", () => {
  const { part, pieces } = pinned.pre_tokenizers[0]!;
  expect(part.type).toBe("Digits");
  const bare = { version: "1.0", added_tokens: [], normalizer: null, post_processor: null, decoder: null };
  const hf = new Tokenizer(
    { ...bare, pre_tokenizer: part, model: { type: "BPE", vocab: { a: 0 }, merges: [] } },
    {},
  );
  const cut = (hf as unknown as { pre_tokenizer(text: string, options: object): string[] }).pre_tokenizer;
  expect(pinned.texts.map((text) => cut(text, { section_index: 0 }))).not.toEqual(pieces);
});

test("a behavior that does not exist is refused by name", () => {
  const pre_tokenizer = { type: "Split", pattern: { String: " " }, behavior: "Doubled", invert: false };
  expect(() => withExactParts("models/x", { pre_tokenizer })).toThrow(
    /models\/x: its tokenizer cannot be used: a Split's behavior is "Doubled", expected Isolated/,
  );
});
