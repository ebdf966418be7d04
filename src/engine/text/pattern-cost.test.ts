import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { harmlessLength, patternCost } from "./pattern-cost.ts";

/** Patterns of published tokenizers: GPT-2, cl100k, Llama 3, Qwen 2, o200k, DeepSeek, BLOOM, Falcon, SmolLM, XLM-R and Gemma. */
const PUBLISHED = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[一-龥\\u3040-ゟ゠-ヿ]+",
  " ?[^(\\s|[.,!?…。，、।۔،])]+",
  "[0-9][0-9][0-9]",
  "\\p{N}{1,3}",
  "\\p{N}",
  " {2,}",
  "\\s{2,}|[\\n\\r\\t\\f\\v]",
  "\\s+",
  "[\\r\\n]",
  "(?<=\\S)\\s+$",
];

describe("the cost of a pattern by its form", () => {
  test.each(PUBLISHED)("published: %s", (pattern) => {
    const cost = patternCost(pattern);
    expect(cost.nested).toBe(false);
    expect(cost.loops).toBeLessThanOrEqual(2);
    // Texts of a line or two are not watched at all.
    expect(harmlessLength(cost)).toBeGreaterThan(200);
  });

  test("the patterns that are checked against the Python library", async () => {
    const file = new URL("../../../test/interop/pre-tokenizers.json", import.meta.url);
    const patterns = [...(await readFile(file, "utf8")).matchAll(/"Regex": ("(?:[^"\\]|\\.)*")/g)].map(
      ([, text]) => JSON.parse(text!) as string,
    );
    expect(patterns.length).toBeGreaterThan(3);
    for (const pattern of patterns) expect(patternCost(pattern).nested, pattern).toBe(false);
  });

  test.each([
    ["(a+)+$", "a repetition in a repetition"],
    ["(?:\\s*)*x", "one that may be empty"],
    ["(a|aa)+$", "alternatives in a repetition"],
    ["(?:a?){40}b", "a choice in a repetition"],
    ["((?:ab)+c?)*", "two levels"],
    ["(x+x+)+y", "two in one"],
    [`${"a?".repeat(30)}${"a".repeat(30)}`, "choices in a row"],
    ["(a)\\1+", "a reference back"],
    ["(?(1)a|b)", "a kind of group that is not read"],
    ["(a", "not closed"],
    ["[a", "a set that is not closed"],
    ["a)", "not opened"],
  ])("%s: %s", (pattern) => {
    expect(patternCost(pattern).nested).toBe(true);
    expect(harmlessLength(patternCost(pattern))).toBe(0);
  });

  test("repetitions in a row make the harmless length short; bounded ones are choices", () => {
    expect(patternCost("\\s*\\s*\\s*x")).toMatchObject({ nested: false, loops: 3, least: 1 });
    expect(harmlessLength(patternCost("\\s*\\s*\\s*x"))).toBe(100);
    expect(harmlessLength(patternCost("a+"))).toBe(10_000);
    expect(patternCost("a{2,5}b{3}c{1,99}d{4,}")).toMatchObject({ loops: 2, choices: 1, least: 10 });
    expect(patternCost("x{a}{,}")).toMatchObject({ loops: 0, least: 7 });
  });

  test("the fewest characters of a match: escapes, sets, groups, what stands for no character", () => {
    for (const [pattern, least] of [
      ["", 0],
      ["a|bc", 1],
      ["(?:)|a", 0],
      ["\\p{L}\\u0041\\x41\\u{1F600}", 4],
      ["(?<=ab)c(?!d)", 1],
      ["^\\b$", 0],
      ["[^\\]a]{3}", 3],
      ["(?<name>ab)?c", 1],
      ["(?i)ab", 2],
      ["😀", 1],
    ] as const)
      expect(patternCost(pattern).least, pattern).toBe(least);
  });
});
