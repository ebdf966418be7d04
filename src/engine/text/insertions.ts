/** What a tokenizer.json puts into a text, which a hostile one makes long. */

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
