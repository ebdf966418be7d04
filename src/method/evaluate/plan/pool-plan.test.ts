import fc from "fast-check";
import { expect, test } from "vitest";
import { labelWorth } from "./agreement-model.ts";
import { fewestPairs, poolRows, powerOfEqualLabels, powerOfGap, regimeRows, shownGap } from "./pool-plan.ts";
import { REGIMES } from "./regimes.ts";

/** The first paper's: teacher and people differ on .394, gold sides with the teacher on .443 of these. */
const paper = { differ: 0.394, gap: 0.045 };

test("what one label is worth, by hand: right on .7 beside .75 is (.4 / .5)² = .64; on half, nothing; as good, one", () => {
  expect(labelWorth(0.75, 0.7)).toBeCloseTo(0.64, 12);
  expect(labelWorth(0.7, 0.75)).toBeCloseTo(1 / 0.64, 12);
  expect([0.5, 0.4].map((other) => labelWorth(0.75, other))).toEqual([0, 0]);
  expect(labelWorth(0.71, 0.71)).toBe(1);
});

test("pairs that show the paper's gap: (1.95996 √.394 + .84162 √(.394 − .045²))² / .045² = 1,524.8; the exact power there is .801", () => {
  expect(fewestPairs((pairs) => powerOfGap(paper, pairs), 0.8)).toBe(1525);
  // Summed over all counts of differing pairs with scipy 1.17.1 (binom.pmf), rejecting where |2x − k| / √k > 1.95996: .6216, .8007, .9758.
  expect(Math.abs(powerOfGap(paper, 1000) - 0.6216)).toBeLessThan(0.002);
  expect(Math.abs(powerOfGap(paper, 1525) - 0.8007)).toBeLessThan(0.002);
  expect(Math.abs(powerOfGap(paper, 3000) - 0.9758)).toBeLessThan(0.002);
  expect(powerOfGap({ differ: 0.394, gap: 0 }, 1000)).toBeCloseTo(0.05, 10);
});

test("pairs that show labels equal: without a gap (1.64485 + 1.28155)² .394 / .05² = 1,349.7; with one (1.64485 + .84162)² (.394 − .045²) / .055² = 801.1", () => {
  const equal = (gap: number, margin: number) =>
    fewestPairs((pairs) => powerOfEqualLabels({ differ: 0.394, gap }, margin, pairs), 0.8);
  expect(equal(0, 0.05)).toBe(1350);
  expect(equal(0.045, 0.1)).toBe(802);
  expect(equal(-0.045, 0.1)).toBe(802);
  expect([0.05, 0.06].map((gap) => equal(gap, 0.05))).toEqual([null, null]);
});

test("the gap that a pool shows is the one whose fewest pairs it is; no gap is shown by a pair or two", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 50, max: 100_000 }),
      fc.double({ min: 0.05, max: 0.6 }),
      (pairs, differ) => {
        const gap = shownGap(differ, pairs, 0.8);
        if (gap === null) return powerOfGap({ differ, gap: differ }, pairs) < 0.8;
        const fewest = fewestPairs((count) => powerOfGap({ differ, gap }, count), 0.8)!;
        return Math.abs(fewest - pairs) <= 1;
      },
    ),
  );
  expect(shownGap(0.4, 2, 0.8)).toBeNull();
});

test("pools are worth their size times what a label is worth, and say when that is not known", () => {
  const worth = { estimate: 0.64, interval: { low: 0.16, high: 2 } };
  expect(poolRows({ differ: 0.4, worth }, [500], 0.8)[0]).toMatchObject({
    ...{ pairs: 500, worth: 320 },
    worthBetween: [80, 1000],
  });
  expect(poolRows({ differ: 0.4, worth: null }, [500], 0.8)[0]).toMatchObject({
    worth: null,
    worthBetween: null,
  });
  expect(poolRows({ differ: 0, worth }, [500], 0.8)[0]!.shows).toBeNull();
});

test("regimes: gaps are differ · (1 − 2 · gold with the teacher), and what they need stands beside", () => {
  const [first, demo] = regimeRows(REGIMES, 0.05, 0.8);
  expect(0.394 * (1 - 2 * 0.443)).toBeCloseTo(first!.gap, 3);
  expect(first!.peopleGold - first!.gap).toBeCloseTo(first!.teacherGold, 12);
  expect(0.4 * (1 - 2 * 0.45)).toBeCloseTo(demo!.gap, 12);
  // (.42 / .33)² = 1.6198; (.44 / .36)² = 1.4938.
  expect([first!.worthThousand, demo!.worthThousand]).toEqual([1620, 1494]);
  expect(first!.pairsForGap).toBe(1525);
  // statsmodels 0.15.0, TTestPower().power(.21 / .184, n, .05): .7901 with 8 seeds, .8494 with 9.
  expect(first!.seeds.difference).toBe(9);
});
