import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { type CalibrationGap, calibrationError } from "./calibration-error.ts";

const gap = (bin: number, value: number, cluster: string): CalibrationGap => ({ bin, gap: value, cluster });
/** The plug-in figure, Σ_bin |Σ gap| / n: larger than the truth by the noise within bins. */
function plugInError(pairs: readonly CalibrationGap[]): number {
  const bins = new Map<number, number>();
  for (const { bin, gap: one } of pairs) bins.set(bin, (bins.get(bin) ?? 0) + one / pairs.length);
  return [...bins.values()].reduce((total, one) => total + Math.abs(one), 0);
}
const binOf = (confidence: number) => Math.min(9, Math.floor((confidence - 0.5) * 20));

test("the plug-in figure is as worked by hand", () => {
  // |.4 - .6| / 4 + |-.3 - .1| / 4 = .05 + .1
  const pairs = [gap(0, 0.4, "a"), gap(0, -0.6, "b"), gap(1, -0.3, "c"), gap(1, -0.1, "d")];
  expect(plugInError(pairs)).toBeCloseTo(0.15, 14);
  expect(calibrationError([], { rng: createRng(1) })).toBeNull();
});

test("where noise is small it is the plug-in figure; its n counts clusters", () => {
  // 4,000 pairs stated at .9 and right on .6 of them.
  const pairs = Array.from({ length: 4000 }, (_, i) => gap(8, (i % 5 < 3 ? 1 : 0) - 0.9, `${i >> 1}`));
  const found = calibrationError(pairs, { rng: createRng(2), resamples: 200 })!;
  expect(found.n).toBe(2000);
  expect(found.estimate).toBeCloseTo(0.3, 2);
  expect(found.low).toBeLessThan(0.3);
  expect(found.high).toBeGreaterThan(0.3);
});

test("a few pairs that fit exactly do not show calibration; probabilities of one half cannot be off", () => {
  // Stated .75, and right in 3 of 4: seen 0, and nobody knows how far off they are.
  const few = [0.25, 0.25, 0.25, -0.75].map((value, i) => gap(5, value, `${i}`));
  const found = calibrationError(few, { rng: createRng(3), resamples: 400 })!;
  expect(found).toMatchObject({ estimate: 0, low: 0 });
  expect(found.high).toBeGreaterThan(0.3);
  const halves = [0, 0, 0, 0].map((value, i) => gap(0, value, `${i}`));
  expect(calibrationError(halves, { rng: createRng(4), resamples: 50 })).toMatchObject({
    estimate: 0,
    high: 0,
  });
});

/** What people do at a stated confidence, by name. */
const PEOPLE: Readonly<Record<string, (confidence: number) => number>> = {
  calibrated: (confidence) => confidence,
  "half as sure": (confidence) => 0.5 + (confidence - 0.5) / 2,
  "a tenth lower": (confidence) => confidence - 0.1,
  "lower only where sure": (confidence) => (confidence > 0.9 ? confidence - 0.2 : confidence),
};

/** Confidence of density rising from .5 to 1; pairs of a prompt share their luck half of the time. */
function drawPairs(seed: string, right: (confidence: number) => number, n: number, perPrompt: number) {
  const rng = createRng(seed);
  return Array.from({ length: n / perPrompt }, (_, prompt) => {
    const luck = rng.next();
    return Array.from({ length: perPrompt }, () => {
      const confidence = 0.5 + 0.5 * Math.sqrt(rng.next());
      const own = rng.next() < 0.5 ? luck : rng.next();
      return gap(binOf(confidence), Number(own < right(confidence)) - confidence, `${prompt}`);
    });
  }).flat();
}

/** The population's figure, by adding up a fine grid of confidences. */
function truthOf(right: (confidence: number) => number): number {
  const bins = new Float64Array(10);
  const steps = 100_000;
  for (let i = 0; i < steps; i++) {
    const confidence = 0.5 + 0.5 * Math.sqrt((i + 0.5) / steps);
    bins[binOf(confidence)]! += (right(confidence) - confidence) / steps;
  }
  return bins.reduce((total, one) => total + Math.abs(one), 0);
}

// 95 % nominal; 100 draws a cell have a standard error of .022, so .95 - 3 · .022 = .885.
const RUNS = 100;
for (const [name, right] of Object.entries(PEOPLE))
  for (const [n, perPrompt] of [
    [90, 1],
    [90, 3],
    [300, 3],
    [900, 1],
  ] as const)
    test(`the interval covers at least 95 % within Monte Carlo error: ${name}, ${n} pairs, ${perPrompt} a prompt`, () => {
      const truth = truthOf(right);
      let [covered, estimate, plugIn] = [0, 0, 0];
      for (let run = 0; run < RUNS; run++) {
        const pairs = drawPairs(`${name} ${n} ${perPrompt} ${run}`, right, n, perPrompt);
        const found = calibrationError(pairs, { rng: createRng(run), resamples: 200 })!;
        if (found.low <= truth + 1e-9 && truth <= found.high) covered++;
        estimate += found.estimate / RUNS;
        plugIn += plugInError(pairs) / RUNS;
        expect(found.low).toBeLessThanOrEqual(found.estimate);
        expect(found.high).toBeGreaterThanOrEqual(found.estimate);
      }
      expect(covered / RUNS).toBeGreaterThanOrEqual(0.885);
      // Nearer to the truth than the plug-in figure, on average, and within .03 of it.
      expect(Math.abs(estimate - truth)).toBeLessThan(Math.max(0.03, Math.abs(plugIn - truth)));
    });
