/** Holds normalizers and pre-tokenizers against what Hugging Face's `tokenizers` made of texts (pre_tokenizers.py). */
import { Tokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { withExactParts } from "../../src/engine/text/exact-parts.ts";

/** Output of pre_tokenizers.py. */
export type PartsExpected = {
  readonly texts: readonly string[];
  readonly pre_tokenizers: readonly {
    readonly part: Part;
    readonly pieces: readonly (readonly string[])[];
  }[];
  readonly normalizers: readonly { readonly part: Part; readonly forms: readonly string[] }[];
};
type Part = { readonly type: string; readonly [key: string]: unknown };

/** The library's inside, one step before and after ids. */
type Steps = {
  pre_tokenizer(text: string, options: { section_index: number }): string[];
  normalizer(text: string): string;
};

/** One test per part. */
export function checkParts({ texts, pre_tokenizers: pre, normalizers }: PartsExpected): void {
  test.each(pre.map(({ part, pieces }) => [nameOf(part), part, pieces] as const))(
    "%s",
    (_name, part, pieces) => {
      const { pre_tokenizer: cut } = stepsOf({ pre_tokenizer: part });
      expect(texts.map((text) => cut(text, { section_index: 0 }))).toEqual(pieces);
    },
  );
  test.each(normalizers.map(({ part, forms }) => [nameOf(part), part, forms] as const))(
    "%s",
    (_name, part, forms) => {
      const { normalizer } = stepsOf({ normalizer: part });
      expect(texts.map((text) => normalizer(text))).toEqual(forms);
    },
  );
}

const nameOf = (part: Part) => JSON.stringify(part).replaceAll('"', "").slice(0, 120);

function stepsOf(parts: Record<string, unknown>): Steps {
  const empty = {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
  };
  const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
  const tokenizer = withExactParts("test", { version: "1.0", ...empty, ...parts, model });
  return new Tokenizer(tokenizer, {}) as unknown as Steps;
}
