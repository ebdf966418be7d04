/**
 * The tokenizer of a GGUF file as `tokenizer.json`. Two kinds: byte-level BPE ("gpt2"), whose merges the file lists, and SentencePiece
 * BPE ("llama"), whose merges follow from its pieces. What a file leaves unsaid, how text is cut before merging, is named by
 * `tokenizer.ggml.pre`; a name that is not known here is refused, because other cuts are other tokens.
 */
import { CheckpointError } from "../../../base/core/errors.ts";
import type { MetadataReader } from "./metadata.ts";
import { splitsOf } from "./pre-tokenizers.ts";
import { addedToken, byteFallbackJson, byteLevelJson, type TokenizerJson } from "./tokenizer-json.ts";

/** A file's vocabulary. */
export type Vocabulary = {
  readonly tokens: readonly string[];
  /** Per id: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte. */
  readonly types: readonly number[];
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly unk: number | undefined;
  readonly pad: number | undefined;
  /** Further ids that end a reply, such as the end of a turn. */
  readonly ends: readonly number[];
  readonly addBos: boolean;
  readonly chatTemplate: string | undefined;
};

const CONTROL = 3;
const USER_DEFINED = 4;

/** Reads ids, flags and the template. @throws CheckpointError when there is no vocabulary, or an id lies outside it */
export function readVocabulary(metadata: MetadataReader, embeddingRows: number): Vocabulary {
  const tokens = metadata.texts("tokenizer.ggml.tokens");
  if (tokens === undefined) throw metadata.error("tokenizer.ggml.tokens", "the vocabulary", undefined);
  if (tokens.length > embeddingRows)
    throw metadata.error(
      "tokenizer.ggml.tokens",
      `at most ${embeddingRows} tokens, the rows of the embedding`,
      tokens.length,
    );
  const types = metadata.numbers("tokenizer.ggml.token_type") ?? tokens.map(() => 1);
  if (types.length !== tokens.length)
    throw metadata.error("tokenizer.ggml.token_type", `${tokens.length} types, one per token`, types.length);
  const id = (name: string) => metadata.tokenId(`tokenizer.ggml.${name}`, tokens.length);
  return {
    tokens,
    types,
    bos: id("bos_token_id"),
    eos: id("eos_token_id"),
    unk: id("unknown_token_id"),
    pad: id("padding_token_id"),
    ends: ["eot_token_id", "eom_token_id"].flatMap((name) => id(name) ?? []),
    // llama.cpp adds BOS to a SentencePiece vocabulary that does not say otherwise, and to no other.
    addBos:
      metadata.flag("tokenizer.ggml.add_bos_token") ?? metadata.text("tokenizer.ggml.model") === "llama",
    chatTemplate: metadata.text("tokenizer.chat_template"),
  };
}

/** `tokenizer.json` of a file. @throws CheckpointError for a kind of tokenizer that is not known here */
export function tokenizerJson(metadata: MetadataReader, vocabulary: Vocabulary, arch: string): TokenizerJson {
  const kind = metadata.text("tokenizer.ggml.model") ?? "";
  const pre = metadata.text("tokenizer.ggml.pre") ?? "default";
  refuseEndToken(metadata);
  const json =
    kind === "gpt2"
      ? byteLevel(metadata, vocabulary, pre)
      : kind === "llama"
        ? sentencePiece(metadata, vocabulary, arch)
        : undefined;
  if (json === undefined)
    throw metadata.error(
      "tokenizer.ggml.model",
      '"gpt2" (byte-level BPE) or "llama" (SentencePiece BPE)',
      kind,
    );
  refuseUnread(metadata);
  return json;
}

function byteLevel(metadata: MetadataReader, vocabulary: Vocabulary, pre: string): TokenizerJson {
  const splits = splitsOf(pre);
  if (splits === undefined)
    throw metadata.error("tokenizer.ggml.pre", "a way of cutting text that is known here", pre);
  const merges = metadata.texts("tokenizer.ggml.merges");
  if (merges === undefined) throw metadata.error("tokenizer.ggml.merges", "a list of merges", undefined);
  metadata.numbers("tokenizer.ggml.scores");
  return byteLevelJson({
    vocab: vocabOf(metadata, vocabulary.tokens),
    merges: merges.map((merge, i) => mergePair(metadata, merge, i)),
    added: addedTokens(vocabulary),
    prefixSpace: metadata.flag("tokenizer.ggml.add_space_prefix") ?? false,
    bos: bosOf(vocabulary),
    ...splits,
  });
}

/** Merges are two pieces with one space between; a piece of a byte-level vocabulary holds none. */
function mergePair(metadata: MetadataReader, merge: string, index: number): [string, string] {
  const cut = merge.indexOf(" ", 1);
  if (cut < 0) throw metadata.error(`tokenizer.ggml.merges[${index}]`, "two pieces", merge);
  return [merge.slice(0, cut), merge.slice(cut + 1)];
}

/**
 * SentencePiece merges the neighbours whose whole ranks best: by its score. Gemma's scores do not follow its merges; the order of its
 * vocabulary does.
 */
function sentencePiece(metadata: MetadataReader, vocabulary: Vocabulary, arch: string): TokenizerJson {
  const gemma = arch.startsWith("gemma");
  const scores = metadata.numbers("tokenizer.ggml.scores");
  if (scores?.length !== vocabulary.tokens.length)
    throw metadata.error(
      "tokenizer.ggml.scores",
      `${vocabulary.tokens.length} scores, one per token`,
      scores?.length,
    );
  // Runs of spaces are stored as spaces, and looked up after spaces have become "▁".
  const tokens = vocabulary.tokens.map((token) => (/^ +$/.test(token) ? "▁".repeat(token.length) : token));
  const merges = impliedMerges(tokens, gemma ? tokens.map((_, id) => -id) : scores);
  return byteFallbackJson({
    vocab: vocabOf(metadata, tokens),
    merges,
    added: addedTokens(vocabulary),
    prefixSpace: metadata.flag("tokenizer.ggml.add_space_prefix") ?? !gemma,
    unk: vocabulary.unk === undefined ? null : vocabulary.tokens[vocabulary.unk]!,
    bos: bosOf(vocabulary),
  });
}

/** Every cut of a token into two tokens, best whole first; among equals the longer left part. */
export function impliedMerges(tokens: readonly string[], scores: readonly number[]): [string, string][] {
  const known = new Set(tokens);
  const merges: { score: number; left: string; right: string }[] = [];
  for (const [id, token] of tokens.entries()) {
    for (let cut = nextCharacter(token, 0); cut < token.length; cut = nextCharacter(token, cut)) {
      const left = token.slice(0, cut);
      const right = token.slice(cut);
      if (known.has(left) && known.has(right)) merges.push({ score: scores[id]!, left, right });
    }
  }
  const lengthOf = (text: string) => [...text].length;
  merges.sort((x, y) => y.score - x.score || lengthOf(y.left) - lengthOf(x.left));
  return merges.map(({ left, right }) => [left, right]);
}

const nextCharacter = (text: string, at: number) => at + (text.codePointAt(at)! > 0xffff ? 2 : 1);

function vocabOf(metadata: MetadataReader, tokens: readonly string[]): Record<string, number> {
  // No prototype: "__proto__" is a token of some vocabularies.
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) {
    if (token in vocab)
      throw metadata.error(
        "tokenizer.ggml.tokens",
        "each token once",
        `${JSON.stringify(token)} as ${vocab[token]} and ${id}`,
      );
    vocab[token] = id;
  }
  return vocab;
}

/** Control tokens are special; tokens a user defined are found whole in a text, and are text. */
function addedTokens({ tokens, types }: Vocabulary): TokenizerJson["added_tokens"] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type === USER_DEFINED && /^ +$/.test(content)) return [];
    return type === CONTROL || type === USER_DEFINED ? [addedToken(id, content, type === CONTROL)] : [];
  });
}

const bosOf = ({ bos, addBos, tokens }: Vocabulary) =>
  addBos && bos !== undefined ? { id: bos, content: tokens[bos]! } : undefined;

/** A tokenizer that ends every text by itself would end prompts. */
function refuseEndToken(metadata: MetadataReader): void {
  for (const key of ["tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_sep_token"])
    if (metadata.flag(key) === true) throw metadata.error(key, "false: prompts do not end", true);
}

/** Metadata of a tokenizer that changes no token: ids for infilling, other templates, a copy of `tokenizer.json`. */
const HARMLESS =
  /^tokenizer\.(ggml\.((fim_)?(prefix|suffix|middle|pre|suf|mid|pad|rep|sep)_token_id|separator_token_id|seperator_token_id|cls_token_id|mask_token_id|token_type_count|merges)|chat_template\..+|chat_templates|huggingface\.json|rwkv\.world)$/;

function refuseUnread(metadata: MetadataReader): void {
  const unread = metadata.unread("tokenizer.").find((key) => !HARMLESS.test(key));
  if (unread !== undefined)
    throw new CheckpointError(
      metadata.file,
      `metadata "${unread}": is not known, so the tokens it changes would be wrong. The file cannot be imported.`,
    );
}
