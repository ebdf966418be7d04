/** Cosines worked by hand. */
import { expect, test } from "vitest";
import { cosine, textVectors } from "./text-similarity.ts";

test("equal texts have cosine 1, texts without a common word 0, an empty text 0", () => {
  const [a, b, c, d] = textVectors(["The cat sat.", "the CAT sat", "dogs run", ""]);
  expect(cosine(a!, b!)).toBeCloseTo(1, 12);
  expect(cosine(a!, c!)).toBe(0);
  expect(cosine(a!, d!)).toBe(0);
});

test("shared words count by their rarity", () => {
  // Two texts, one word each in common of "x y" and "x z": grams x (in both, idf 1), y, "x y", z, "x z" (in one, idf ln(3/2) + 1).
  const rare = Math.log(1.5) + 1;
  const [a, b] = textVectors(["x y", "x z"]);
  expect(cosine(a!, b!)).toBeCloseTo(1 / (1 + 2 * rare ** 2), 12);
});
