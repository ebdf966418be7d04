/** Text without what hides that two texts are the same: case, white space, punctuation, compatibility forms. */
import { sha256 } from "../../base/core/digest.ts";
import { type CandidatePair, type PreferenceRow, plainText, promptId, type Text } from "./rows.ts";

/** Lower case, NFKC, only letters and digits, words joined by one space; the trimmed text itself when nothing is left of it. */
export function normaliseText(text: string): string {
  const words = text
    .normalize("NFKC")
    .toLowerCase()
    .match(/[\p{L}\p{M}\p{N}]+/gu);
  return words === null ? text.trim() : words.join(" ");
}

/** SHA-256, hex, of a normalised text: equal for near-duplicates. */
export function normalisedDigest(text: Text): string {
  return sha256(normaliseText(plainText(text)));
}

/**
 * What a split and a leakage check compare rows by: the normalised prompt. Rows without a prompt are compared by
 * their two responses, in either order.
 */
export function contentKey(row: Pick<PreferenceRow, "prompt" | "chosen" | "rejected">): string {
  if (plainText(row.prompt).trim() !== "") return normalisedDigest(row.prompt);
  return sha256([normalisedDigest(row.chosen), normalisedDigest(row.rejected)].sort().join(" "));
}

/**
 * What is independent of other pairs, and so goes into one fold, one half or one draw of a bootstrap as a whole: the group where there is one,
 * else the prompt, else, for pairs without a prompt, the two responses in either order.
 */
export function unitOf(row: PreferenceRow | CandidatePair): string {
  if (row.meta?.group !== undefined) return row.meta.group;
  if (plainText(row.prompt).trim() !== "") return promptId(row.prompt);
  return contentKey("chosen" in row ? row : { prompt: row.prompt, chosen: row.a, rejected: row.b });
}

/** What is kept together at the least: the row's group, else its normalised prompt. Rows of one dialogue (`dialogues.ts`) may have several. */
export function splitKey(row: PreferenceRow | CandidatePair): string {
  return row.meta?.group ?? contentKey("chosen" in row ? row : { ...row, chosen: row.a, rejected: row.b });
}
