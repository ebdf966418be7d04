/** What a tokenizer.json puts into a text, which a hostile one makes long. */
import { patternCost } from "./pattern-cost.ts";

/** Most characters that a normalizer may put in at one place; published ones put in one. */
export const MAX_INSERTION = 256;

/** What normalizers put into a text, by the member that says it, with its length. */
export function insertions(part: unknown): [string, number][] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]): [string, number][] =>
    typeof value !== "string"
      ? insertions(value)
      : ["prepend", "content", "replacement"].includes(key)
        ? [[key, value.length]]
        : [],
  );
}

/** Most times that a text may grow in all of a tokenizer's replacements; published ones put one character, or three for one, in a place. */
export const MAX_GROWTH = 1024;

/** How many times a text may grow by replacements, one after another. */
export function growth(part: unknown): number {
  if (typeof part !== "object" || part === null) return 1;
  const inner = Object.values(part).reduce((times: number, value) => times * growth(value), 1);
  const { type, pattern, content, replacement } = part as Readonly<Record<string, unknown>>;
  // In place of each space.
  if (type === "Metaspace" && typeof replacement === "string") return inner * Math.max(1, replacement.length);
  if (type !== "Replace" || typeof content !== "string") return inner;
  const { Regex, String: text } = (pattern ?? {}) as { Regex?: unknown; String?: unknown };
  const least = typeof Regex === "string" ? patternCost(Regex).least : String(text ?? "").length;
  // What matches no character is put in at every place, beside what is there.
  return inner * Math.max(1, least > 0 ? content.length / least : content.length + 1);
}
