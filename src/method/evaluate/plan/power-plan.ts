/** How many seeds, test prompts and doubly labelled pairs a margin needs, from what such comparisons varied by before. */
import {
  errorOverSeeds,
  powerOfDifference,
  powerOfEquivalence,
  seedsFor,
  sizeFor,
  type Variation,
} from "../../../base/stats/power.ts";
import { normalQuantile } from "../../../base/stats/special.ts";
import type { Agreements } from "./agreement-model.ts";

/**
 * What weak - human varied by in the demo's five seeds: a standard deviation of 0.073 between runs where a run's own standard error, on 120 prompts, was
 * 0.033. Hence 0.065 = √(0.073² - 0.033²) by training, and 0.36 = 0.033 √120 from prompt to prompt.
 */
export const MEASURED = {
  variation: { training: 0.065, prompt: 0.36 },
  margin: 0.17,
  source:
    "gold reward in the demo's seeds 22 to 26 of 2026-11-30 (docs/demo.md: weak − human had a standard deviation of 0.073 between runs, 0.033 within one on 120 prompts; 0.17 is half of what people's labels gained there). A standard deviation from five seeds is itself uncertain by a factor of about two",
} as const;

/** What is wished for; in the figure's unit. */
export type PowerRequest = {
  /** What counts as equal, or what difference matters; above 0. */
  readonly margin: number;
  readonly variation: Variation;
  /** Chance that it is shown, in (0, 1); default 0.8. */
  readonly chance?: number;
  /** Numbers of test prompts to look at. */
  readonly prompts?: readonly number[] | undefined;
  /** Most seeds worth a thought, default 100. */
  readonly mostSeeds?: number;
};

/** What one number of test prompts needs. */
export type PowerRow = {
  readonly prompts: number;
  /** Seeds with which equal methods are shown to be equal within the margin; null where `mostSeeds` are too few. */
  readonly equivalence: number | null;
  /** Seeds with which a true difference of the margin's size is shown. */
  readonly difference: number | null;
  /** The smallest margin within which equal methods are shown to be equal with five seeds. */
  readonly marginOfFive: number;
};

/** How many of everything, prompts by prompts. */
export type PowerPlan = Required<Omit<PowerRequest, "prompts">> & { readonly rows: readonly PowerRow[] };

const PROMPTS = [60, 120, 250, 500, 1000] as const;
const FIVE = 5;

/** The plan. Every seed is taken to have test prompts of its own. */
export function powerPlan({
  margin,
  variation,
  chance = 0.8,
  prompts = PROMPTS,
  mostSeeds = 100,
}: PowerRequest): PowerPlan {
  const needs = { chance, most: mostSeeds };
  const rows = prompts.map(
    (count): PowerRow => ({
      prompts: count,
      equivalence: seedsFor(powerOfEquivalence, margin, variation, { prompts: count, ...needs }),
      difference: seedsFor(powerOfDifference, margin, variation, { prompts: count, ...needs }),
      marginOfFive: sizeFor(
        powerOfEquivalence,
        errorOverSeeds(variation, { seeds: FIVE, prompts: count }),
        FIVE,
        chance,
      ),
    }),
  );
  return { margin, variation, chance, mostSeeds, rows };
}

/**
 * Pairs, each answered by two people and the teacher, with which the interval of teacher-people minus people-people is no wider than ± `within`:
 * (z / within)² (a (1 - a) + c (1 - c)), the two agreements taken as independent, which errs on the side of too many.
 */
export function pairsFor({ people, teacher }: Agreements, within: number, level = 0.95): number {
  const z = normalQuantile((1 + level) / 2);
  return Math.ceil((z / within) ** 2 * (people * (1 - people) + teacher * (1 - teacher)));
}
