/**
 * Makes the tokenizer library cut text as Hugging Face's `tokenizers` does. Several parts of `tokenizer.json` mean something else to the
 * JavaScript library (0.2.0): digits and word characters are ASCII only, a byte order mark counts as white space, `Split` and
 * `Punctuation` know one behaviour of five, `Metaspace` never splits. Each is rewritten as a `Split` that lists the pieces, or as a
 * `Replace`, whose patterns the library translates exactly. Checked piece by piece against `tokenizers` 0.23
 * (exact-parts.test.ts).
 */
import { CheckpointError, show } from "../../base/core/errors.ts";
import type { JsonObject } from "./tokenizer-files.ts";

/** Rust's `\w` and ASCII or Unicode punctuation, in words that every regular expression dialect has. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d";
const PUNCTUATION = "\\p{P}\\u0021-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u007e";
/** Begin and end of the text; "^" and "$" are those of a line. */
const BEGIN = "(?<!\\p{Any})";
const END = "(?!\\p{Any})";
/** GPT-2's pattern, as `ByteLevel` has it inside. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The same tokenizer, its normalizer and pre-tokenizer in parts that mean the same to the library. @throws CheckpointError for a `Split` of an unknown behaviour */
export function withExactParts(folder: string, tokenizer: JsonObject): JsonObject {
  const { normalizer, pre_tokenizer: preTokenizer, decoder } = tokenizer;
  return {
    ...tokenizer,
    normalizer: rewritten(normalizer, "normalizers", exactNormalizer),
    pre_tokenizer: rewritten(preTokenizer, "pretokenizers", (part) => exactPreTokenizer(folder, part)),
    decoder: rewritten(decoder, "decoders", literalContent),
  };
}

/** Applies a rule to a part, or to the members of a sequence. */
function rewritten(part: unknown, members: string, rule: (part: JsonObject) => JsonObject): unknown {
  if (typeof part !== "object" || part === null) return null;
  const object = part as JsonObject;
  const inner = object[members];
  if (object.type !== "Sequence" || !Array.isArray(inner)) return rule(object);
  return { ...object, [members]: inner.map((member) => rewritten(member, members, rule)) };
}

function exactNormalizer(part: JsonObject): JsonObject {
  if (part.type !== "Strip") return literalContent(part);
  const left = part.strip_left === true ? [replace(`${BEGIN}\\s+`, "")] : [];
  const right = part.strip_right === true ? [replace(`\\s+${END}`, "")] : [];
  return { type: "Sequence", normalizers: [...left, ...right] };
}

/** What is put in is meant as it stands; the library would put the match in for "$&", and all before it for "$`". */
function literalContent(part: JsonObject): JsonObject {
  if (part.type !== "Replace" || typeof part.content !== "string") return part;
  return { ...part, content: part.content.replaceAll("$", "$$$$") };
}

function exactPreTokenizer(folder: string, part: JsonObject): JsonObject {
  switch (part.type) {
    case "Digits":
      return pieces(part.individual_digits === true ? "\\p{N}|[^\\p{N}]+" : "\\p{N}+|[^\\p{N}]+");
    case "Whitespace":
      return pieces(`[${WORD}]+|[^\\s${WORD}]+`);
    case "WhitespaceSplit":
      return pieces("[^\\s]+");
    case "BertPreTokenizer":
      return pieces(`[${PUNCTUATION}]|[^\\s${PUNCTUATION}]+`);
    case "Punctuation":
      return splitAs(folder, `[${PUNCTUATION}]`, part.behavior ?? "Isolated", false);
    case "Split":
      return splitAs(folder, patternOf(part.pattern), part.behavior, part.invert === true);
    case "Metaspace":
      return exactMetaspace(folder, part);
    case "ByteLevel":
      return exactByteLevel(part);
    default:
      return literalContent(part);
  }
}

/** `Metaspace` with `split` (the default) begins a piece at each of its marks. */
function exactMetaspace(folder: string, part: JsonObject): JsonObject {
  if (part.split === false) return part;
  const mark = typeof part.replacement === "string" ? part.replacement : "▁";
  return sequence({ ...part, split: false }, splitAs(folder, escaped(mark), "MergedWithNext", false));
}

/** `ByteLevel` with its pattern: a space first where one is wanted, then the pattern, then bytes. */
function exactByteLevel(part: JsonObject): JsonObject {
  if (part.use_regex === false) return part;
  const bytes = { ...part, add_prefix_space: false, use_regex: false };
  const spaced = part.add_prefix_space === true ? [replace(`${BEGIN}[^ ]`, " $&")] : [];
  return sequence(...spaced, pieces(GPT2), bytes);
}

/** What a split leaves, by behaviour; `invert` makes the pattern name what lies between. */
function splitAs(folder: string, pattern: string, behavior: unknown, invert: boolean): JsonObject {
  const match = `(?:${pattern})`;
  const between = `(?:(?!${pattern})\\p{Any})+`;
  switch (String(behavior).toLowerCase().replaceAll("_", "")) {
    case "isolated":
      // As it stands: each match and each text between two is a piece, whichever the pattern names.
      return { ...pieces(pattern), behavior: "Isolated", invert: false };
    case "removed":
      return pieces(invert ? match : between);
    case "contiguous":
      return pieces(`${match}+|${between}`);
    case "mergedwithprevious":
      return pieces(invert ? `${match}(?:${between})?|${between}` : `${between}${match}?|${match}`);
    case "mergedwithnext":
      return pieces(invert ? `${between}${match}?|${match}` : `${match}(?:${between})?|${between}`);
    default:
      throw new CheckpointError(
        folder,
        `its tokenizer cannot be used: a Split's behavior is ${show(behavior)}, expected Isolated, Removed, Contiguous, MergedWithPrevious or MergedWithNext.`,
      );
  }
}

/** The pieces are the pattern's matches. */
const pieces = (regex: string): JsonObject => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Removed",
  invert: true,
});

const replace = (regex: string, content: string): JsonObject => ({
  type: "Replace",
  pattern: { Regex: regex },
  content,
});

const sequence = (...pretokenizers: JsonObject[]): JsonObject => ({ type: "Sequence", pretokenizers });

function patternOf(pattern: unknown): string {
  const { Regex, String: text } = (pattern ?? {}) as { Regex?: unknown; String?: unknown };
  return typeof Regex === "string" ? Regex : escaped(String(text ?? ""));
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
