import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../../base/core/rng.ts";
import { agreementRate } from "./agreement-rate.ts";
import { disputedPairs } from "./disputed.ts";
import { flipsByMargin } from "./flips.ts";
import { goldGapTable } from "./gold-gap.ts";
import type { JudgedPair } from "./judged-pair.ts";
import { STANDINGS, threeWayTable } from "./three-way.ts";

const options = { rng: createRng(3), resamples: 100 };

const pair = (id: string, weak: "a" | "b", human: "a" | "b", goldA: number, goldB: number): JudgedPair => ({
  id,
  group: id,
  weak,
  human,
  goldA,
  goldB,
  margin: weak === "a" ? 1 : -1,
});

/** Two agreements and four disputes; gold is with the weak teacher in 1, with the person in 2, and undecided in 1. */
const SIX = [
  pair("1", "a", "a", 6, 4),
  pair("2", "b", "b", 5, 1),
  pair("3", "a", "b", 3, 1),
  pair("4", "a", "b", 1, 2),
  pair("5", "b", "a", 4, 1),
  pair("6", "b", "a", 2, 2),
];

test("in dispute, gold sides with the weak choice in one of three decided pairs", () => {
  const found = disputedPairs(SIX, options);
  expect(found).toMatchObject({ pairs: 6, disputed: 4, goldTies: 1 });
  expect(found.withWeak).toMatchObject({ estimate: 1 / 3, n: 3 });
  expect(found.withHuman!.estimate).toBeCloseTo(2 / 3, 12);
  // weak minus human choice: 3-1, 1-2, 1-4, 2-2
  expect(found.gap!.values).toEqual([2, -1, -3, 0]);
  expect(found.gap).toMatchObject({ min: -3, median: -0.5, max: 2 });
  expect(found.gap!.mean.estimate).toBeCloseTo(-0.5, 12);
});

test("without disputes there is no share, and without pairs no agreement", () => {
  expect(disputedPairs(SIX.slice(0, 2), options)).toMatchObject({ disputed: 0, withWeak: null, gap: null });
  expect(agreementRate([], options)).toBeNull();
  expect(goldGapTable([], options).every(({ chosen }) => chosen === null)).toBe(true);
  expect(flipsByMargin([], options)).toEqual([]);
});

test("gold rewards of chosen and rejected by whose word counts", () => {
  const [human, weak, match, mismatch] = goldGapTable(SIX, options);
  // people choose 6, 1, 1, 2, 4, 2; the teacher 6, 1, 3, 1, 1, 2
  expect([human, weak].map((row) => row!.chosen!.estimate)).toEqual([16 / 6, 14 / 6]);
  // together 10, 6, 4, 3, 5, 4: what is not chosen is rejected
  expect([human, weak].map((row) => row!.rejected!.estimate)).toEqual([16 / 6, 18 / 6]);
  expect(match).toMatchObject({ pairs: 2, chosen: { estimate: 3.5 }, rejected: { estimate: 4.5 } });
  expect(mismatch).toMatchObject({ pairs: 4, difference: { estimate: (2 - 1 - 3 + 0) / 4 } });
});

test("the paper's Table 2 is its own mixture: .606 · 5.93 + .394 · 5.17 = 5.63, and so are ours", () => {
  // 606 agreements and 394 disputes with the paper's mean rewards
  const paper = Array.from({ length: 1000 }, (_, i) =>
    i < 606 ? pair(`${i}`, "a", "a", 5.93, 3.66) : pair(`${i}`, "a", "b", 5.17, 5.53),
  );
  const [human, weak] = goldGapTable(paper, options);
  expect(agreementRate(paper, options)!.estimate).toBeCloseTo(0.606, 12);
  expect(weak!.chosen!.estimate).toBeCloseTo(5.63, 2);
  expect(weak!.rejected!.estimate).toBeCloseTo(4.39, 1);
  expect(human!.chosen!.estimate).toBeCloseTo(5.77, 2);
});

const side = fc.constantFrom("a" as const, "b" as const);
const judged = fc.record({
  group: fc.constantFrom("p", "q", "r"),
  weak: side,
  human: side,
  goldA: fc.integer({ min: -3, max: 3 }),
  goldB: fc.integer({ min: -3, max: 3 }),
  margin: fc.double({ min: -5, max: 5, noNaN: true }),
});
const many = fc
  .array(judged, { minLength: 1, maxLength: 30 })
  .map((pairs) => pairs.map((one, i): JudgedPair => ({ id: `${i}`, ...one })));

test("mixing identities and counts hold for any pairs", () => {
  fc.assert(
    fc.property(many, (pairs) => {
      const agreement = agreementRate(pairs, options)!.estimate;
      const [human, weak, match, mismatch] = goldGapTable(pairs, options);
      const mix = (inMatch: number, inMismatch: number) => agreement * inMatch + (1 - agreement) * inMismatch;
      const of = (value: { estimate: number } | null) => value?.estimate ?? 0;
      expect(of(weak!.chosen)).toBeCloseTo(mix(of(match!.chosen), of(mismatch!.chosen)), 9);
      expect(of(human!.chosen)).toBeCloseTo(mix(of(match!.chosen), of(mismatch!.rejected)), 9);
      const { rows, goldTies } = threeWayTable(pairs, options);
      expect(rows.reduce((total, row) => total + row.pairs, goldTies)).toBe(pairs.length);
      const flips = flipsByMargin(pairs, options);
      const flipped = flips.reduce((total, bin) => total + bin.pairs * bin.flipRate.estimate, 0);
      expect(flipped / pairs.length).toBeCloseTo(1 - agreement, 9);
    }),
    { numRuns: 25 },
  );
});

test("who is alone: the two who differ from gold are counted by name", () => {
  const { rows, goldTies } = threeWayTable(SIX, options);
  expect(rows.map(({ standing }) => standing)).toEqual([...STANDINGS]);
  // 1 all agree; 2 gold alone; 3 human alone; 4 and 5 weak alone; 6 undecided
  expect(rows.map(({ pairs }) => pairs)).toEqual([1, 2, 1, 1]);
  expect(goldTies).toBe(1);
});

test("intervals count prompts, not pairs", () => {
  const pairs = SIX.map((one, i) => ({ ...one, group: i < 3 ? "x" : "y" }));
  expect(agreementRate(pairs, options)).toMatchObject({ estimate: 2 / 6, n: 2 });
});

test("flip rates ascend through the margins", () => {
  const pairs = SIX.map((one, i) => ({ ...one, margin: -(i + 1) }));
  const bins = flipsByMargin(pairs, { ...options, bins: 3 });
  expect(bins.map(({ low, high, pairs: n }) => [low, high, n])).toEqual([
    [1, 2, 2],
    [3, 4, 2],
    [5, 6, 2],
  ]);
  expect(bins.map(({ flipRate }) => flipRate.estimate)).toEqual([0, 1, 1]);
  // |6-4| and |5-1|; |3-1| and |1-2|; |4-1| and 0
  expect(bins.map(({ goldGap }) => goldGap.estimate)).toEqual([3, 1.5, 1.5]);
});
