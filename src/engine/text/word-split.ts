/**
 * Makes SentencePiece-style BPE fast. Llama 2's `tokenizer.json` has no pre-tokenizer, so a whole text is one "word" of the
 * merge loop and nothing is cached. Where no merge makes a piece with a "▁" after another character, no merge crosses the gap before a
 * space either: words can be merged one by one, with the same result, and from a cache.
 */
import type { JsonObject } from "./tokenizer-files.ts";

const CROSSES_A_SPACE = /[^▁]▁/u;
const SPLIT = { type: "Split", pattern: { Regex: "▁*[^▁]+|▁+" }, behavior: "Removed", invert: true };

/** The same tokenizer, splitting before spaces where that cannot change any token. */
export function withWordSplit(tokenizer: JsonObject): JsonObject {
  const { model, pre_tokenizer: preTokenizer } = tokenizer;
  if (preTokenizer !== null && preTokenizer !== undefined) return tokenizer;
  const { type, merges, ignore_merges: ignoreMerges } = (model ?? {}) as JsonObject;
  if (type !== "BPE" || !Array.isArray(merges) || ignoreMerges === true) return tokenizer;
  const pieces = merges.map((merge: string | string[]) =>
    typeof merge === "string" ? merge.replace(" ", "") : merge.join(""),
  );
  // Without "▁" at the begin of any piece, spaces are something else here and the split would buy nothing.
  if (!pieces.some((piece) => piece.startsWith("▁")) || pieces.some((piece) => CROSSES_A_SPACE.test(piece)))
    return tokenizer;
  return { ...tokenizer, pre_tokenizer: SPLIT };
}
