import { expect, test } from "vitest";
import { errorOverSeeds, powerOfDifference, powerOfEquivalence } from "../../../base/stats/power.ts";
import { MEASURED, pairsFor, powerPlan } from "./power-plan.ts";

test("the defaults are what the demo's five seeds varied by, taken apart", () => {
  const { training, prompt } = MEASURED.variation;
  expect(Math.abs(Math.sqrt(0.073 ** 2 - 0.033 ** 2) - training)).toBeLessThan(0.0005);
  expect(Math.abs(0.033 * Math.sqrt(120) - prompt)).toBeLessThan(0.005);
  // Put together again they are the standard deviation between runs.
  expect(errorOverSeeds(MEASURED.variation, { seeds: 1, prompts: 120 })).toBeCloseTo(0.073, 3);
});

test("each row's seeds are the fewest that do, and its margin the smallest", () => {
  const { rows, chance, margin, variation } = powerPlan(MEASURED);
  expect(rows.map(({ prompts }) => prompts)).toEqual([60, 120, 250, 500, 1000]);
  for (const { prompts, equivalence, difference, marginOfFive } of rows) {
    for (const [power, seeds] of [
      [powerOfEquivalence, equivalence!],
      [powerOfDifference, difference!],
    ] as const) {
      const at = (count: number) =>
        power(margin, errorOverSeeds(variation, { seeds: count, prompts }), count);
      expect(at(seeds)).toBeGreaterThanOrEqual(chance);
      if (seeds > 2) expect(at(seeds - 1)).toBeLessThan(chance);
    }
    const error = errorOverSeeds(variation, { seeds: 5, prompts });
    expect(powerOfEquivalence(marginOfFive, error, 5)).toBeCloseTo(chance, 6);
  }
});

test("a margin that no number of seeds reaches says so", () => {
  const [row] = powerPlan({
    margin: 0.001,
    variation: MEASURED.variation,
    prompts: [100],
    mostSeeds: 20,
  }).rows;
  expect(row).toMatchObject({ equivalence: null, difference: null });
});

test("doubly labelled pairs by hand: (1.96 / 0.05)² (0.24 + 0.24) = 737.6", () => {
  expect(pairsFor({ people: 0.6, teacher: 0.4 }, 0.05)).toBe(738);
});
