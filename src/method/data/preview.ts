/** The first rows of a source as they were understood, for people: what training will see, shortened. */

import type { Place } from "../../base/files/record.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import { plainText, type Text } from "./rows.ts";

/** One row as it was understood, shortened for reading. */
export type PreviewRow = {
  readonly line: number;
  readonly prompt: string;
  readonly first: string;
  readonly second: string;
  readonly preferred: ParsedPair["preferred"];
};

/** Keeps the first pair of each of the first three records, for they are told when all rows were seen (`whole-file.ts`). */
export class Previews {
  private readonly pairs: { readonly pair: ParsedPair; readonly place: Place }[] = [];

  add(pair: ParsedPair, place: Place): void {
    const last = this.pairs.at(-1)?.place;
    if (this.pairs.length === 3 || (last?.line === place.line && last.file === place.file)) return;
    this.pairs.push({ pair, place });
  }

  /** @param finish - what is done to pairs when all were seen */
  rows(finish: (pair: ParsedPair) => ParsedPair): PreviewRow[] {
    return this.pairs.map(({ pair, place: { line } }) => {
      const { prompt, first, second, preferred } = finish(pair);
      const texts = { prompt: shorten(prompt, "end"), first: shorten(first), second: shorten(second) };
      return { line, ...texts, preferred };
    });
  }
}

/** One line of at most 72 characters: the front of a response, the end of a prompt. */
function shorten(text: Text, keep: "front" | "end" = "front"): string {
  const characters = [...JSON.stringify(plainText(text).slice(0, 100_000)).slice(1, -1)];
  if (characters.length <= 72) return characters.join("");
  return keep === "front" ? `${characters.slice(0, 71).join("")}…` : `…${characters.slice(-71).join("")}`;
}
