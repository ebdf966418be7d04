/** The two forms of `tokenizer.json` that imported tokenizers (GGUF, llama2.c) become, as the `tokenizers` library writes them. */
import { firstTokenTemplate } from "../../text/first-token.ts";
import type { Splits } from "./pre-tokenizers.ts";

/** A `tokenizer.json`. */
export type TokenizerJson = {
  readonly version: "1.0";
  readonly added_tokens: readonly Readonly<Record<string, unknown>>[];
  readonly [part: string]: unknown;
};

type Bpe = {
  readonly vocab: Readonly<Record<string, number>>;
  readonly merges: readonly (readonly [string, string])[];
  readonly added: TokenizerJson["added_tokens"];
  /** A space goes before the text. */
  readonly prefixSpace: boolean;
  /** The token put before a text. */
  readonly bos: { readonly id: number; readonly content: string } | undefined;
};

/** An entry of `added_tokens`, found whole in the text as it stands. */
export function addedToken(id: number, content: string, special: boolean): Readonly<Record<string, unknown>> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special };
}

/** Byte-level BPE, as GPT-2's, Llama 3's and Qwen's. */
export function byteLevelJson({ pattern, digitsAlone, nfc, ...bpe }: Bpe & Splits): TokenizerJson {
  const split = (regex: string) => ({
    type: "Split",
    pattern: { Regex: regex },
    behavior: "Isolated",
    invert: false,
  });
  const cuts = [
    ...(digitsAlone === true ? [split("\\p{N}")] : []),
    ...(pattern === undefined ? [] : [split(pattern)]),
    {
      type: "ByteLevel",
      add_prefix_space: bpe.prefixSpace,
      trim_offsets: true,
      use_regex: pattern === undefined,
    },
  ];
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: bpe.added,
    normalizer: nfc === true ? { type: "NFC" } : null,
    pre_tokenizer: cuts.length === 1 ? cuts[0] : { type: "Sequence", pretokenizers: cuts },
    post_processor: bpe.bos === undefined ? null : firstTokenTemplate(bpe.bos),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { ...model(bpe), unk_token: null, fuse_unk: false, byte_fallback: false },
  };
}

/** SentencePiece's BPE, as Llama 2's and Gemma's: spaces become "▁", characters that are no piece become their bytes. */
export function byteFallbackJson({ unk, ...bpe }: Bpe & { readonly unk: string | null }): TokenizerJson {
  const spaces = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: bpe.added,
    normalizer: bpe.prefixSpace
      ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, spaces] }
      : spaces,
    pre_tokenizer: null,
    post_processor: bpe.bos === undefined ? null : firstTokenTemplate(bpe.bos),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(bpe.prefixSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: { ...model(bpe), unk_token: unk, fuse_unk: true, byte_fallback: true },
  };
}

function model({ vocab, merges }: Bpe): Record<string, unknown> {
  return {
    type: "BPE",
    dropout: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    vocab,
    merges,
  };
}
