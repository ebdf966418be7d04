import fc from "fast-check";
import { expect, test } from "vitest";
import { binomialCdf } from "./binomial.ts";
import { failureBoundary } from "./run-boundary.ts";

/** P(at or below the boundary at some t), from all 2^n sequences. */
function crossingOf(most: Int32Array, rate: number): number {
  const n = most.length - 1;
  let total = 0;
  for (let code = 0; code < 2 ** n; code++) {
    let [failures, crossed, probability] = [0, false, 1];
    for (let t = 1; t <= n; t++) {
      const failed = (code >> (t - 1)) & 1;
      failures += failed;
      probability *= failed ? rate : 1 - rate;
      crossed ||= failures <= most[t]!;
    }
    if (crossed) total += probability;
  }
  return total;
}

test("two trials, as worked by hand", () => {
  // No failure in one: .6, above the budget of .5; in two: .36.
  const { most, crossing } = failureBoundary(2, 0.4, 0.5);
  expect([...most]).toEqual([-1, -1, 0]);
  expect(crossing).toBeCloseTo(0.36, 14);
});

test("the probability of crossing is that of all sequences counted out, and within the budget", () => {
  for (const [n, rate, level] of [
    [12, 0.3, 0.8],
    [14, 0.5, 0.95],
    [15, 0.2, 0.9],
  ] as const) {
    const { most, crossing } = failureBoundary(n, rate, level);
    expect(crossingOf(most, rate)).toBeCloseTo(crossing, 12);
    expect(crossing).toBeLessThanOrEqual(1 - level);
    expect(most[n]).toBeGreaterThanOrEqual(0);
  }
});

test("it never falls, rises by one at most, and asks no less anywhere than a test of that size alone would", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      fc.constantFrom(0.8, 0.9, 0.95, 0.99),
      (n, rate, level) => {
        const { most, crossing } = failureBoundary(n, rate, level);
        expect(crossing).toBeLessThanOrEqual(1 - level + 1e-12);
        for (let t = 1; t <= n; t++) {
          expect([0, 1]).toContain(most[t]! - most[t - 1]!);
          if (most[t]! >= 0) expect(binomialCdf(most[t]!, t, rate)).toBeLessThanOrEqual(1 - level + 1e-9);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("all of the sample counts nearly as much as in a test of its own", () => {
  // scipy.stats.binom.ppf(.05, 120, .2) - 1 = 16 failures are what one test of 120 at rate .2 rejects with; of 1000 at .1 it is 84.
  expect(failureBoundary(120, 0.2, 0.95).most[120]).toBe(15);
  expect(failureBoundary(1000, 0.1, 0.95).most[1000]).toBeGreaterThanOrEqual(81);
});

test("ten thousand trials are no burden, and too few promise nothing", () => {
  const { crossing } = failureBoundary(10_000, 0.05, 0.95);
  expect(crossing).toBeGreaterThan(0.045);
  // .8^14 = .044 is the first power of .8 below .05
  expect(failureBoundary(13, 0.2, 0.95).most.every((k) => k === -1)).toBe(true);
  expect(failureBoundary(14, 0.2, 0.95).most[14]).toBe(0);
  expect(() => failureBoundary(-1, 0.2, 0.95)).toThrow("expected a count, got -1");
  expect(() => failureBoundary(10, 0, 0.95)).toThrow("rate is out of range");
});
