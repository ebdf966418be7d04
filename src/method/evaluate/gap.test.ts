import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { type GapPair, gapPairs, gapRecovered, verdictsOf } from "./gap.ts";
import type { TestMargins } from "./test-accuracy.ts";

const options = { rng: createRng("gap"), resamples: 200 };
/** Pairs of prompts of their own, from letters: w, s, c say who is right. */
const pairs = (...right: readonly string[]): GapPair[] =>
  right.map((who, i) => ({
    promptId: `p${i}`,
    weak: who.includes("w"),
    student: who.includes("s"),
    ceiling: who.includes("c"),
  }));

test("the gap recovered is that of the accuracies", () => {
  // Of ten: teacher 5, student 6, ceiling 7: (.6 - .5) / (.7 - .5) = ½. Student alone right on one pair, ceiling alone on two.
  const ten = pairs("wsc", "wsc", "wsc", "wsc", "w", "sc", "c", "c", "s", "");
  const gap = gapRecovered(ten, options);
  expect(gap.weak!.estimate).toBe(0.5);
  expect(gap.student!.estimate).toBe(0.6);
  expect(gap.ceiling!.estimate).toBe(0.7);
  expect(gap.recovered!.estimate).toBeCloseTo(0.5, 12);
  expect(gap.difference!.estimate).toBeCloseTo(-0.1, 12);
  // Sign test of 1 against 2: 2 (1 + 3) / 8, at most 1.
  expect(gap.pValue).toBeCloseTo(1, 10);
});

test("without a gap there is nothing to recover, and without pairs nothing at all", () => {
  expect(gapRecovered(pairs("ws", "w", "wc"), options)).toMatchObject({
    recovered: null,
    weak: { estimate: 1 },
  });
  expect(gapRecovered([], options)).toMatchObject({ pairs: 0, weak: null, recovered: null, pValue: 1 });
});

test("pairs of one prompt are one unit", () => {
  const one = pairs("wsc", "c").map((pair) => ({ ...pair, promptId: "p" }));
  expect(gapRecovered(one, options).recovered).toMatchObject({ estimate: 0, low: 0, high: 0, n: 1 });
});

test("the test counts prompts, not the pairs of one", () => {
  // The student alone is right on all five pairs of 13 prompts, the ceiling of 7: as 13 against 7 prompts, and not 65 against 35 pairs.
  const many = Array.from({ length: 20 }, (_, i) =>
    pairs(...Array<string>(5).fill(i < 13 ? "s" : "c")).map((pair) => ({ ...pair, promptId: `p${i}` })),
  ).flat();
  // Two-sided sign test of 13 of 20: 0.2632; 10,000 draws are within 0.01 of it.
  expect(Math.abs(gapRecovered(many, options).pValue - 0.2632)).toBeLessThan(0.02);
});

const margins = (id: string, implicit: number | null, likelihood: number): TestMargins => ({
  id,
  promptId: `of ${id}`,
  implicit,
  likelihood,
  likelihoodPerToken: 0,
});

test("a student decides by its implicit reward where it has one, else by likelihood; zero is no opinion", () => {
  const trained = verdictsOf([margins("x", 0.5, -1), margins("y", -0.5, 1), margins("z", 0, 1)]);
  expect([...trained]).toEqual([
    ["x", { right: true, promptId: "of x" }],
    ["y", { right: false, promptId: "of y" }],
  ]);
  const start = verdictsOf([margins("x", null, -1), margins("y", null, 2)]);
  expect([...start.values()].map(({ right }) => right)).toEqual([false, true]);
  // z is decided by the teacher and the start alone; y by all three.
  const joined = gapPairs(
    new Map([
      ["y", true],
      ["z", true],
    ]),
    trained,
    start,
  );
  expect(joined).toEqual([{ promptId: "of y", weak: true, student: false, ceiling: true }]);
});
