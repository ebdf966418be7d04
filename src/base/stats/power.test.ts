import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { mean, standardDeviation } from "./describe.ts";
import { errorOverSeeds, powerOfDifference, powerOfEquivalence, seedsFor, sizeFor } from "./power.ts";
import { studentQuantile } from "./student.ts";

test("a difference: Cohen's tables of the paired t test, and its size where there is none", () => {
  // d = 1 with 10 pairs, d = 0.5 with 34, d = 0.8 with 15 (Cohen 1988; G*Power 3.1: .8031, .8078, .8213).
  expect(powerOfDifference(1, 1 / Math.sqrt(10), 10)).toBeCloseTo(0.8031, 4);
  expect(powerOfDifference(0.5, 1 / Math.sqrt(34), 34)).toBeCloseTo(0.8078, 4);
  expect(powerOfDifference(0.8, 1 / Math.sqrt(15), 15)).toBeCloseTo(0.8213, 4);
  expect(powerOfDifference(0, 0.3, 5)).toBeCloseTo(0.05, 6);
  expect(powerOfDifference(0, 0.3, 2)).toBeCloseTo(0.05, 4);
});

test("equivalence: with many seeds 2 Φ(margin / se - 1.645) - 1, with few what simulation gives", () => {
  // margin / se = 3: 2 Φ(1.355) - 1 = 0.8246.
  expect(powerOfEquivalence(3, 1, 5000)).toBeCloseTo(0.8246, 2);
  const [seeds, margin] = [5, 0.1];
  const rng = createRng("tost");
  const t = studentQuantile(0.9, seeds - 1);
  let shown = 0;
  const tries = 20_000;
  for (let i = 0; i < tries; i++) {
    const found = Array.from({ length: seeds }, () => 0.07 * rng.normal());
    if (Math.abs(mean(found)) + (t * standardDeviation(found)) / Math.sqrt(seeds) < margin) shown++;
  }
  // Standard error of the simulation at most 0.0036.
  expect(Math.abs(shown / tries - powerOfEquivalence(margin, 0.07 / Math.sqrt(seeds), seeds))).toBeLessThan(
    0.012,
  );
});

test("the error of the mean: (training² + prompt² / prompts) / seeds, by hand", () => {
  expect(errorOverSeeds({ training: 0.06, prompt: 0.8 }, { seeds: 4, prompts: 100 })).toBeCloseTo(0.05, 12);
});

test("seeds and sizes are each other's inverse, and more of anything helps", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(powerOfDifference, powerOfEquivalence),
      fc.double({ min: 0.05, max: 0.3, noNaN: true }),
      fc.double({ min: 0.05, max: 1, noNaN: true }),
      (power, size, training) => {
        const variation = { training, prompt: 0.3 };
        const seeds = seedsFor(power, size, variation, { prompts: 100, chance: 0.8 });
        const least = (count: number) =>
          sizeFor(power, errorOverSeeds(variation, { seeds: count, prompts: 100 }), count, 0.8);
        if (seeds === null) {
          expect(least(100)).toBeGreaterThan(size);
          return;
        }
        expect(least(seeds)).toBeLessThanOrEqual(size * (1 + 1e-9));
        if (seeds > 2) expect(least(seeds - 1)).toBeGreaterThan(size * (1 - 1e-9));
        const more = seedsFor(power, size, variation, { prompts: 1000, chance: 0.8 });
        expect(more).toBeLessThanOrEqual(seeds);
      },
    ),
    { numRuns: 10 },
  );
});

test("one seed tells nothing", () => {
  expect(() => powerOfDifference(1, 1, 1)).toThrow(/from 2 on, got 1/);
});
