/**
 * A labeller that has learned nothing: of a pair it prefers the response that no other prompt goes on with, for dialogues are gone on with from
 * the response that was not preferred (so in HH-RLHF). Used to measure what a split gives away; knows nothing of how splits are made.
 */
import { type PreferenceRow, plainText, type Text } from "../data/rows.ts";

/** Pairs of which exactly one response is gone on with, and those of them whose other response is the preferred one. */
export type StringMatch = { readonly pairs: number; readonly right: number };

/** Labels `own` by the prompts of `others`; transcripts and message lists of one written form. */
export function stringMatch(
  own: readonly PreferenceRow[],
  others: readonly Pick<PreferenceRow, "prompt">[],
): StringMatch {
  const prompts = others.map(({ prompt }) => squeezed(prompt)).sort();
  const goesOn = (row: PreferenceRow, response: Text) =>
    beginsOne(prompts, `${squeezed(row.prompt)} ${squeezed(response)}`.trim());
  const found = own.filter((row) => goesOn(row, row.chosen) !== goesOn(row, row.rejected));
  return { pairs: found.length, right: found.filter((row) => goesOn(row, row.rejected)).length };
}

const squeezed = (text: Text) => plainText(text).split(/\s+/).join(" ").trim();

/** Whether a text, whole words of it, begins one of the sorted texts and does not end it. */
function beginsOne(sorted: readonly string[], text: string): boolean {
  const start = `${text} `;
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < start) low = middle + 1;
    else high = middle;
  }
  return sorted[low]?.startsWith(start) ?? false;
}
