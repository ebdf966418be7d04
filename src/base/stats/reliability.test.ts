import fc from "fast-check";
import { expect, test } from "vitest";
import { wilson } from "./binomial.ts";
import { brierScore, logLoss, reliabilityBins } from "./reliability.ts";

const probabilities = [0.1, 0.3, 0.6, 0.9];
const outcomes = [0, 1, 1, 1];

test("bins of equal width hold what they should", () => {
  const bins = reliabilityBins(probabilities, outcomes, { bins: 2 });
  expect(bins.map(({ low, high, n }) => [low, high, n])).toEqual([
    [0, 0.5, 2],
    [0.5, 1, 2],
  ]);
  expect(bins[0]!.meanProbability).toBeCloseTo(0.2, 14);
  expect(bins[0]!.outcome.estimate).toBe(0.5);
  expect(bins[1]!.outcome).toMatchObject({ estimate: 1, n: 2, high: 1 });
});

test("pairs of one prompt are one unit of a bin's interval; ties count one half", () => {
  const p = Array.from({ length: 200 }, () => 0.6);
  const y = p.map((_, i) => (i < 100 ? 1 : 0));
  const units = p.map((_, i) => `p${Math.floor(i / 50)}`);
  const [alone] = reliabilityBins(p, y, { bins: 1 });
  const [together] = reliabilityBins(p, y, { bins: 1, clusters: units });
  expect(alone).toMatchObject({ n: 200, outcome: { ...wilson(100, 200) } });
  // As wide as four coins allow, not 200: see clustered-share.test.ts.
  expect(together).toMatchObject({ n: 200, outcome: { estimate: 0.5, n: 4 } });
  expect(together!.outcome.low).toBeLessThan(0.07);
  const [ties] = reliabilityBins([0.5, 0.5, 0.5], [1, 0.5, 0.5], { bins: 1, clusters: ["a", "a", "b"] });
  expect(ties!.outcome.estimate).toBeCloseTo(2 / 3, 12);
});

test("Brier score and log loss are as worked by hand", () => {
  // (.01 + .49 + .16 + .01) / 4
  expect(brierScore(probabilities, outcomes)).toBeCloseTo(0.1675, 14);
  // -(ln .9 + ln .3 + ln .6 + ln .9) / 4
  expect(logLoss(probabilities, outcomes)).toBeCloseTo(-Math.log(0.9 * 0.3 * 0.6 * 0.9) / 4, 14);
});

test("log loss is zero for sure and right, infinite for sure and wrong", () => {
  expect(logLoss([1, 0], [1, 0])).toBe(0);
  expect(logLoss([1], [0])).toBe(Number.POSITIVE_INFINITY);
  expect(logLoss([0.5], [0.5])).toBeCloseTo(Math.LN2, 14);
});

test("bins of equal mass hold equal numbers and never part equal probabilities", () => {
  const values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  expect(
    reliabilityBins(
      values,
      values.map(() => 1),
      { bins: 3, by: "mass" },
    ).map((bin) => bin.n),
  ).toEqual([3, 3, 3]);
  const tied = [0.5, 0.5, 0.5, 0.5, 0.9];
  expect(
    reliabilityBins(
      tied,
      tied.map(() => 1),
      { bins: 5, by: "mass" },
    ).map((bin) => bin.n),
  ).toEqual([4, 1]);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
      fc.integer({ min: 1, max: 12 }),
      (p, bins) => {
        const parts = reliabilityBins(p, p, { bins, by: "mass" });
        expect(parts.reduce((n, part) => n + part.n, 0)).toBe(p.length);
        expect(parts.length).toBeLessThanOrEqual(bins);
        for (let i = 1; i < parts.length; i++) expect(parts[i]!.low).toBeGreaterThan(parts[i - 1]!.high);
      },
    ),
  );
});

test("no data is null; a probability out of range is an error", () => {
  expect(brierScore([], [])).toBeNull();
  expect(logLoss([], [])).toBeNull();
  expect(() => brierScore([1.2], [1])).toThrow("value 0 is no probability, expected [0, 1], got 1.2.");
  expect(() => reliabilityBins([0.2], [1], { range: [0.5, 1] })).toThrow("outside [0.5, 1], got 0.2");
});
