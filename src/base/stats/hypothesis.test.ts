import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { holm, pairedPermutationTest, signTest } from "./hypothesis.ts";

const rng = createRng("tests");

test("the sign test sums the two binomial tails", () => {
  // 9 of 12: 2 (220 + 66 + 12 + 1) / 4096 = 598 / 4096
  expect(signTest(9, 3)).toBeCloseTo(598 / 4096, 12);
  expect(signTest(3, 9)).toBeCloseTo(598 / 4096, 12);
  expect(signTest(5, 5)).toBe(1);
  expect(signTest(0, 0)).toBe(1);
  // 2 Σ_{k ≤ 59} C(180, k) / 2^180 in exact integers: the discordant pairs of Wikipedia's table for McNemar's test.
  expect(signTest(121, 59)).toBeCloseTo(4.434449263755176e-6, 15);
  // WDPO Fig. 3b pooled over five students: 261 wins, 230 losses (SciPy 0.1757).
  expect(signTest(261, 230)).toBeCloseTo(0.17571336036035096, 10);
});

test("the permutation test enumerates small samples", () => {
  // {1, 2, 3}: 8 sign patterns, |sum| = 6 in two of them.
  expect(pairedPermutationTest([1, 2, 3], { rng })).toBe(2 / 8);
  // SciPy 1.17 permutation_test, all 128 assignments.
  expect(pairedPermutationTest([1.2, -0.3, 0.8, 0.5, 2.1, -0.1, 0.9], { rng })).toBeCloseTo(0.0625, 12);
  // Zeros cannot change sign.
  expect(pairedPermutationTest([1, 2, 3, 0, 0], { rng })).toBe(2 / 8);
  expect(pairedPermutationTest([0, 0], { rng })).toBe(1);
});

test("the drawn p-value is near the exact one, repeatable and never zero", () => {
  const differences = [1.2, -0.3, 0.8, 0.5, 2.1, -0.1, 0.9];
  const drawn = pairedPermutationTest(differences, { rng, exactLimit: 0 });
  // 10,000 draws at 0.0625: standard deviation 0.0024.
  expect(Math.abs(drawn - 0.0625)).toBeLessThan(0.01);
  expect(pairedPermutationTest(differences, { rng, exactLimit: 0 })).toBe(drawn);
  expect(pairedPermutationTest(Array(60).fill(1), { rng, permutations: 99 })).toBe(1 / 100);
});

test("Holm adjusts as worked by hand", () => {
  // sorted .01 .02 .03 .04 → .04 .06 .06 .06
  const p = [0.04, 0.01, 0.03, 0.02];
  expect(holm(p).map((v) => Math.round(v * 1e12) / 1e12)).toEqual([0.06, 0.04, 0.06, 0.06]);
  // .005 .5 .5 → .015 1 1
  expect(holm([0.5, 0.005, 0.5])).toEqual([1, 0.015, 1]);
  expect(() => holm([2])).toThrow("expected [0, 1], got 2");
});
