import { describe, expect, test } from "vitest";
import { createRng, type Rng } from "../core/rng.ts";
import { type Contrast, equivalence, type Margin } from "./equivalence.ts";
import { meanOverSeeds, type SeedMean, seedInterval } from "./over-seeds.ts";

/** Means of the three by seed, each seed with prompts of its own, two a prompt's worth apart. */
type Arm = "own" | "other" | "start";
type Arms = Readonly<Record<Arm, readonly number[]>>;

const meanOf =
  ({ own, other, start }: Arms) =>
  (contrast: Contrast): SeedMean | null =>
    meanOverSeeds(
      own.map((value, i) => [
        {
          cluster: `${i}`,
          value: contrast.difference * (value - other[i]!) + contrast.gain * (other[i]! - start[i]!),
        },
      ]),
    );

const HALF: Margin = { kind: "share", share: 0.5 };
const ARMS: Arms = {
  own: [0.55, 0.6, 0.52, 0.58, 0.61],
  other: [0.6, 0.62, 0.58, 0.64, 0.63],
  start: [0.25, 0.3, 0.22, 0.27, 0.26],
};

describe("equivalence", () => {
  test("within half of the gain, as two one-sided t tests of contrasts", () => {
    const found = equivalence(meanOf(ARMS), HALF)!;
    // scipy.stats.ttest_1samp(own - other / 2 - start / 2, 0, alternative="greater"), and the other side, which is smaller.
    expect(found.pValue).toBeCloseTo(4.015557032781192e-5, 10);
    expect(found.shown).toBe(true);
    // Half of 0.614 - 0.26.
    expect(found.size).toBeCloseTo(0.177, 12);
    // scipy.optimize.brentq on the larger p-value minus 0.05.
    expect(found.smallestShare).toBeCloseTo(0.17029156751966315, 6);
    expect(found.smallestMargin).toBeCloseTo(0.06153869853678043, 9);
    // Just below the smallest share it does not hold, just above it does.
    for (const [share, shown] of [
      [0.17, false],
      [0.171, true],
    ] as const)
      expect(equivalence(meanOf(ARMS), { kind: "share", share })!.shown).toBe(shown);
  });

  test("within a fixed margin is Schuirmann's test", () => {
    const differences = [-0.02, 0.03, 0.01, -0.01, 0.02];
    const zero = differences.map(() => 0);
    const found = equivalence(meanOf({ own: differences, other: zero, start: zero }), {
      kind: "fixed",
      margin: 0.05,
    })!;
    expect(found).toMatchObject({ shown: true, size: 0.05, smallestShare: null });
    expect(found.pValue).toBeCloseTo(0.004503174805104771, 10);
    // The end of the 90 % interval that is farther from 0.
    expect(found.smallestMargin).toBeCloseTo(0.0257699337872419, 9);
  });

  test("turns round when own and other change sides of the margin, and needs a gain", () => {
    const better = { ...ARMS, own: ARMS.own.map((value) => value + 0.4) };
    expect(equivalence(meanOf(better), HALF)!.shown).toBe(false);
    const noGain = { own: ARMS.own, other: ARMS.own, start: ARMS.own };
    const found = equivalence(meanOf(noGain), HALF)!;
    expect(found).toMatchObject({ shown: false, size: null, smallestShare: null });
  });

  test("has no answer from one seed, and a wide margin from two", () => {
    const first = (count: number): Arms => ({
      own: ARMS.own.slice(0, count),
      other: ARMS.other.slice(0, count),
      start: ARMS.start.slice(0, count),
    });
    expect(equivalence(meanOf(first(1)), HALF)).toBeNull();
    // Student's quantile for one degree of freedom is 3 times that for four.
    expect(equivalence(meanOf(first(2)), HALF)!.smallestShare).toBeGreaterThan(0.3);
  });
});

const TRIES = 2000;
/** Three standard errors of a share of 5 % in so many tries. */
const ERROR = 3 * Math.sqrt((0.05 * 0.95) / TRIES);

/** How often equivalence within half of the gain is shown; spreads are between runs and, within, of prompts. */
function rate(
  means: Readonly<Record<Arm, number>>,
  { seeds, between, common }: { seeds: number; between: number; common: boolean },
): number {
  const prompts = 20;
  const rng = createRng(21).fork(JSON.stringify([means, seeds, between, common]));
  let shown = 0;
  for (let i = 0; i < TRIES; i++) if (equivalenceIn(world(rng))) shown++;
  return shown / TRIES;
  function world(stream: Rng) {
    const ofPrompt = Array.from({ length: prompts * seeds }, () => [stream.normal(), stream.normal()]);
    return Array.from({ length: seeds }, (_, s) => {
      const run = { own: stream.normal(), other: stream.normal(), start: 0.3 * stream.normal() };
      return Array.from({ length: prompts }, (_, p) => {
        const id = common ? p : s * prompts + p;
        const noise = () => 0.1 * stream.normal();
        const [a, b] = ofPrompt[id]!;
        return {
          cluster: `${id}`,
          own: means.own + between * run.own + 0.1 * a! + noise(),
          other: means.other + between * run.other + 0.1 * b! + noise(),
          start: means.start + between * run.start + noise(),
        };
      });
    });
  }
  function equivalenceIn(runs: ReturnType<typeof world>): boolean {
    const of = ({ difference, gain }: Contrast) =>
      meanOverSeeds(
        runs.map((items) =>
          items.map((item) => ({
            cluster: item.cluster,
            value: difference * (item.own - item.other) + gain * (item.other - item.start),
          })),
        ),
      );
    // Both sides at 5 %, as `equivalence` tests them, without its search for the smallest margin.
    const sides = [1, -1].map((side) => of({ difference: side, gain: 0.5 })!);
    const shown = sides.every((side) => seedInterval(side, { level: 0.9 })!.low > 0);
    return shown;
  }
}

describe("simulated, the equivalence test", () => {
  for (const seeds of [3, 5])
    for (const common of [true, false]) {
      const where = `${seeds} seeds, prompts ${common ? "in common" : "of their own"}`;
      test(`is wrong at most once in twenty at either boundary: ${where}`, () => {
        const how = { seeds, between: 0.05, common };
        // The gain is 0.4: weak labels lack half of it, or have half of it more.
        expect(rate({ own: 0.4, other: 0.6, start: 0.2 }, how)).toBeLessThan(0.05 + ERROR);
        expect(rate({ own: 0.8, other: 0.6, start: 0.2 }, how)).toBeLessThan(0.05 + ERROR);
        // No gain at all: nothing can be equal within half of it.
        expect(rate({ own: 0.2, other: 0.2, start: 0.2 }, how)).toBeLessThan(0.05 + ERROR);
      });
    }
  test("finds what is equal when runs differ little, and is at a loss when three of them differ as much as the margin", () => {
    const equal = { own: 0.6, other: 0.6, start: 0.2 };
    expect(rate(equal, { seeds: 5, between: 0.05, common: true })).toBeGreaterThan(0.8);
    expect(rate(equal, { seeds: 3, between: 0.2, common: true })).toBeLessThan(0.3);
  });
});
