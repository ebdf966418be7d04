/** A byte-level tokenizer with the control words of today's chat models, for any template: 256 bytes, a few merges, added tokens. */

import { buildTokenizer, type Tokenizer } from "../../src/engine/text/tokenizer.ts";
import type { TokenizerFiles } from "../../src/engine/text/tokenizer-files.ts";

/** Merges that reach over the ends of turns: a space and a letter, two line breaks, a bracket and a line break. */
const MERGES = ["Ġ a", "Ċ Ċ", "> Ċ", "t h", "th e", "Ġ the", ": Ġ", "] Ġ"];

const SPECIAL = [
  "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
  "<|begin_of_text|>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
  "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|user|>", "<|assistant|>", "<|system|>",
]; // biome-ignore format: a table
/** Added tokens that are not special, as Qwen3 and DeepSeek have them. */
const ADDED = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<｜User｜>", "<｜Assistant｜>"];

/** GPT-2's printable stand-ins of the 256 bytes, in order of the bytes. */
function byteLetters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

/** Roles of special tokens that templates name. */
export const CHAT_SPECIALS = { bos_token: "<s>", eos_token: "</s>" };

/** `tokenizer.json` of it. */
export function chatTokenizerJson(): Record<string, unknown> {
  const tokens = [...byteLetters(), ...MERGES.map((merge) => merge.replace(" ", ""))];
  const added = [...SPECIAL, ...ADDED].map((content, i) => ({
    id: tokens.length + i,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: i < SPECIAL.length,
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: MERGES,
    },
  };
}

/** The tokenizer with a chat template. */
export function chatTokenizer(chatTemplate: string | undefined): Tokenizer {
  const files: TokenizerFiles = {
    tokenizer: chatTokenizerJson(),
    tokenizerConfig: { add_bos_token: false },
    specialTokens: CHAT_SPECIALS,
    config: {},
    generationConfig: {},
    chatTemplate,
  };
  return buildTokenizer("chat", files);
}
