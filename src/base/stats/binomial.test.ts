import fc from "fast-check";
import { expect, test } from "vitest";
import { binomialCdf, binomialLowerBound, binomialUpperBound, wilson } from "./binomial.ts";

test("the distribution function sums the probabilities", () => {
  // Bin(4, 0.4): P(X <= 1) = 0.6^4 + 4·0.4·0.6^3 = 0.1296 + 0.3456
  expect(binomialCdf(1, 4, 0.4)).toBeCloseTo(0.4752, 12);
  expect(binomialCdf(-1, 4, 0.4)).toBe(0);
  expect(binomialCdf(4, 4, 0.4)).toBe(1);
});

test("exact bounds have their closed forms at zero and at all successes", () => {
  // (1 - u)^n = 1 - level, so u = 1 - 0.05^(1/10) = 0.25887 (the rule of three)
  expect(binomialUpperBound(0, 10)).toBeCloseTo(1 - 0.05 ** (1 / 10), 12);
  expect(binomialLowerBound(10, 10)).toBeCloseTo(0.05 ** (1 / 10), 12);
  expect(binomialUpperBound(10, 10)).toBe(1);
  expect(binomialLowerBound(0, 10)).toBe(0);
  expect(binomialUpperBound(0, 0)).toBe(1);
});

test.each([
  [0, 10, 0, 0.30849710781876294, 0, 0.27753279986288926],
  [5, 10, 0.1870860284474045, 0.8129139715525955, 0.236593090512564, 0.7634069094874361],
  [7, 50, 0.05819170033997344, 0.26739600249700846, 0.06950833427016292, 0.26186193710585537],
  [263, 300, 0.8340272978266581, 0.9116558054389475, 0.8346262759711766, 0.909182685706332],
])("the 95 %% intervals of %i in %i are SciPy's", (k, n, exactLow, exactHigh, scoreLow, scoreHigh) => {
  expect(binomialLowerBound(k, n, 0.975)).toBeCloseTo(exactLow, 10);
  expect(binomialUpperBound(k, n, 0.975)).toBeCloseTo(exactHigh, 10);
  const score = wilson(k, n)!;
  expect(score.low).toBeCloseTo(scoreLow, 10);
  expect(score.high).toBeCloseTo(scoreHigh, 10);
  expect(score.estimate).toBe(k / n);
});

test("nothing observed gives no interval, and impossible counts are an error", () => {
  expect(wilson(0, 0)).toBeNull();
  expect(() => wilson(3, 2)).toThrow("got k 3, n 2");
  expect(() => wilson(1, 2, 95)).toThrow("level is out of range, expected a number in (0, 1), got 95");
});

test("the exact interval covers at least at its level for every true proportion", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, p) => {
      let covered = 0;
      for (let k = 0; k <= n; k++) {
        const [low, high] = [binomialLowerBound(k, n, 0.95), binomialUpperBound(k, n, 0.95)];
        if (low <= p && p <= high) covered += binomialCdf(k, n, p) - binomialCdf(k - 1, n, p);
      }
      expect(covered).toBeGreaterThanOrEqual(0.9 - 1e-9);
    }),
    { numRuns: 40 },
  );
});
