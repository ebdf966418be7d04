/** The interval of what calibration does to the calibration error, over simulated draws. */
import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { calibrationReport } from "../labels/calibration-report.ts";

type Map1 = (confidence: number) => number;

const half: Map1 = (confidence) => 0.5 + (confidence - 0.5) / 2;
const lower: Map1 = (confidence) => Math.max(0.5, confidence - 0.1);
const same: Map1 = (confidence) => confidence;

/** What people do at a stated confidence, and what calibration makes of that. Resampled differences of plug-in figures missed most of the first two. */
const CELLS: readonly (readonly [string, Map1, Map1, number, number])[] = [
  ["calibrated, made a tenth lower", same, lower, 90, 1],
  ["calibrated, made a tenth lower", same, lower, 150, 3],
  ["half as sure, mended", half, half, 150, 3],
  ["a tenth lower, made half as sure", lower, half, 90, 3],
  ["a tenth lower, mended", lower, lower, 150, 1],
];

const binOf = (confidence: number) => Math.min(9, Math.floor((confidence - 0.5) * 20 + 1e-12));

/** The population's error of stated confidences, by a fine grid; their density rises from .5 to 1. */
function errorOf(right: Map1, stated: Map1): number {
  const bins = new Float64Array(10);
  const steps = 50_000;
  for (let i = 0; i < steps; i++) {
    const confidence = 0.5 + 0.5 * Math.sqrt((i + 0.5) / steps);
    bins[binOf(stated(confidence))]! += (right(confidence) - stated(confidence)) / steps;
  }
  return bins.reduce((total, one) => total + Math.abs(one), 0);
}

function draw(seed: string, right: Map1, stated: Map1, n: number, perPrompt: number) {
  const rng = createRng(seed);
  const pairs = Array.from({ length: n / perPrompt }, (_, prompt) => {
    const luck = rng.next();
    return Array.from({ length: perPrompt }, () => {
      const confidence = 0.5 + 0.5 * Math.sqrt(rng.next());
      const agrees = (rng.next() < 0.5 ? luck : rng.next()) < right(confidence);
      const a = rng.next() < 0.5;
      const side = (p: number) => (a ? p : 1 - p);
      return {
        before: side(confidence),
        after: side(stated(confidence)),
        human: a === agrees,
        group: `${prompt}`,
      };
    });
  }).flat();
  return (groupRng: number) =>
    calibrationReport(
      pairs.map(({ before }) => before),
      pairs.map(({ after }) => after),
      pairs.map(({ human }) => human),
      { rng: createRng(groupRng), groups: pairs.map(({ group }) => group), resamples: 100 },
    );
}

// 95 % nominal; 40 draws have a standard error of .034, so .95 - 3 · .034 = .847.
const RUNS = 40;
test.each(CELLS)(
  "the interval of the change covers at least 95 % within Monte Carlo error: %s, %#",
  (name, right, stated, n, perPrompt) => {
    const truth = errorOf(right, stated) - errorOf(right, same);
    let covered = 0;
    for (let run = 0; run < RUNS; run++) {
      const { ece } = draw(`${name} ${n} ${run}`, right, stated, n, perPrompt)(run).change;
      if (ece!.low <= truth && truth <= ece!.high) covered++;
      expect(ece!.low).toBeLessThanOrEqual(ece!.estimate);
      expect(ece!.high).toBeGreaterThanOrEqual(ece!.estimate);
    }
    expect(covered / RUNS).toBeGreaterThanOrEqual(0.847);
  },
);

test("equal probabilities change nothing, for certain; what is mended shows in enough pairs", () => {
  expect(draw("equal", half, same, 90, 1)(1).change.ece).toMatchObject({ estimate: 0, low: 0, high: 0 });
  const mended = draw("mended", half, half, 600, 1)(1).change.ece!;
  expect(mended.high).toBeLessThan(0);
});
