/**
 * How byte-level vocabularies cut text before merging, by the names that llama.cpp gives them. The patterns are those of the models'
 * own `tokenizer.json`; llama.cpp's `llama-vocab.cpp` groups the names alike.
 */

/** Patterns applied one after another, and how text is normalised before. */
export type Splits = {
  /** A pattern for `Split` with "isolated"; absent: GPT-2's own, inside ByteLevel. */
  readonly pattern?: string | undefined;
  /** Every digit alone, before the pattern. */
  readonly digitsAlone?: boolean | undefined;
  /** Unicode NFC first. */
  readonly nfc?: boolean | undefined;
};

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const TAIL = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

const LLAMA3 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${TAIL}`;
const QWEN2 = `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${TAIL}`;
const TEKKEN = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${TAIL}`;
const GPT4O = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${CONTRACTIONS}?|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${CONTRACTIONS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${TAIL}`;

const NAMES: readonly (readonly [names: string, splits: Splits])[] = [
  ["gpt-2 phi-2 mpt olmo jais trillion granite-docling", {}],
  ["smollm starcoder refact command-r codeshell exaone minerva-7b", { digitsAlone: true }],
  ["llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 dbrx smaug-bpe", { pattern: LLAMA3 }],
  // The models' own tokenizers normalise to NFC; llama.cpp does not.
  ["qwen2 deepseek-r1-qwen kormo megrez", { pattern: QWEN2, nfc: true }],
  ["tekken", { pattern: TEKKEN }],
  ["gpt-4o llama4 kanana2", { pattern: GPT4O }],
];

/** The cuts of a named way; undefined when the name is not known. */
export function splitsOf(pre: string): Splits | undefined {
  return NAMES.find(([names]) => names.split(" ").includes(pre))?.[1];
}
