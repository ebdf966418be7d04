import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { logistic } from "../../base/stats/special.ts";
import {
  type CalibrationMethod,
  calibrationSchema,
  calibratorFromJson,
  calibratorToJson,
  crossFitCalibrator,
  fitCalibrator,
} from "./calibration.ts";
import { calibrationReport } from "./calibration-report.ts";

/** Pairs whose human label follows σ(slope · margin). */
function simulated(seed: string, n: number, slope: number) {
  const rng = createRng(seed);
  const margins = Array.from({ length: n }, () => 4 * rng.normal());
  return { margins, human: margins.map((m) => rng.next() < logistic(slope * m)) };
}

describe("fitCalibrator", () => {
  test("temperature is the maximum-likelihood slope", () => {
    // |margin| 2, right 3 of 4 times, with both signs: σ(2 s) = 3/4, s = ln 3 / 2
    const fit = fitCalibrator("temperature", [2, 2, -2, -2], [true, true, false, true]);
    expect(fit.apply(2)).toBeCloseTo(0.75, 12);
    expect(fit.params).toMatchObject({ slope: expect.closeTo(Math.log(3) / 2, 12) });
  });

  test("Platt's targets pull towards one half and are finite for a teacher that is never wrong", () => {
    // n = 4, all right at |margin| 2: target 5/6, σ(2 s) = 5/6
    const fit = fitCalibrator("platt", [2, 2, -2, -2], [true, true, false, false]);
    expect(fit.apply(2)).toBeCloseTo(5 / 6, 12);
    expect(() => fitCalibrator("temperature", [2, -2], [true, false])).toThrow(
      "right on all 2 held-out pairs",
    );
  });

  test("isotonic pools what is out of order and stays away from 0 and 1", () => {
    // |m| = 1: right 1 of 2; |m| = 2: 1 of 1; |m| = 3: right 0 of 1 → pooled 2..3: 1/2; below that the pool with |m| = 1: 1/2
    const flat = fitCalibrator("isotonic", [1, -1, 2, 3], [true, true, true, false]);
    expect(flat.apply(3)).toBe(0.5);
    // all right: 1, held at (n + 1) / (n + 2) = 5/6
    const sure = fitCalibrator("isotonic", [1, 2, -3, 4], [true, true, false, true]);
    expect(sure.apply(9)).toBeCloseTo(5 / 6, 12);
    // between 0 (one half) and the first knot at 1 it is linear: 1/2 + 0.3 (5/6 - 1/2) = 0.6
    expect(sure.apply(0.3)).toBeCloseTo(0.6, 12);
  });

  test("a teacher that is mostly wrong is evidence for nothing", () => {
    for (const method of ["temperature", "platt", "isotonic"] as const) {
      const fit = fitCalibrator(method, [2, 2, -2, 1], [false, false, true, true]);
      expect(fit.apply(2)).toBe(0.5);
      expect(fit.apply(-7)).toBe(0.5);
    }
  });

  test.each(calibrationSchema.options)(
    "%s is antisymmetric to the bit, monotone, and blind to the order of candidates",
    (method) => {
      const row = fc.tuple(fc.double({ min: -20, max: 20, noNaN: true }), fc.boolean(), fc.boolean());
      fc.assert(
        fc.property(
          fc.array(row, { minLength: 1, maxLength: 30 }),
          fc.double({ min: -30, max: 30, noNaN: true }),
          (rows, at) => {
            // One pair right and one wrong at the same margin, so that every method has a fit.
            const margins = [1, 1, ...rows.map(([m]) => Math.round(m * 8) / 8)];
            const human = [true, false, ...rows.map(([, y]) => y)];
            const fit = fitCalibrator(method, margins, human);
            expect(fit.apply(-at)).toBe(1 - fit.apply(at));
            expect(fit.apply(0)).toBe(0.5);
            expect(fit.apply(at + 1)).toBeGreaterThanOrEqual(fit.apply(at));
            expect(fit.apply(Math.abs(at))).toBeGreaterThanOrEqual(0.5);
            const flips = [false, true, ...rows.map(([, , flip]) => flip)];
            const mirrored = fitCalibrator(
              method,
              margins.map((m, i) => (flips[i] ? -m : m)),
              human.map((y, i) => y !== flips[i]),
            );
            expect(mirrored.apply(at)).toBeCloseTo(fit.apply(at), 9);
          },
        ),
      );
    },
  );

  test("temperature, Platt and isotonic recover the true curve of a simulated teacher", () => {
    // 4000 pairs, slope 0.3: standard error of the slope about 0.015; of an isotonic block about 0.03
    const { margins, human } = simulated("true curve", 4000, 0.3);
    for (const method of ["temperature", "platt"] as const) {
      expect(fitCalibrator(method, margins, human).params).toMatchObject({ slope: expect.closeTo(0.3, 1) });
      expect(Math.abs(fitCalibrator(method, margins, human).apply(5) - logistic(1.5))).toBeLessThan(0.03);
    }
    for (const m of [1, 3, 6])
      expect(Math.abs(fitCalibrator("isotonic", margins, human).apply(m) - logistic(0.3 * m))).toBeLessThan(
        0.07,
      );
  });

  test("what cannot be calibrated says so", () => {
    expect(() => fitCalibrator("platt", [0, 0], [true, false])).toThrow("all 2 margins are 0");
    expect(() => fitCalibrator("platt", [], [])).toThrow("too few values, expected at least 1, got 0");
    expect(() => fitCalibrator("platt", [1], [])).toThrow("expected 1, got 0");
  });
});

test.each(calibrationSchema.options)("%s survives being written as JSON", (method) => {
  const { margins, human } = simulated("json", 100, 0.5);
  const fit = fitCalibrator(method, margins, human);
  const back = calibratorFromJson(JSON.parse(JSON.stringify(calibratorToJson(fit))), "calibrator.json");
  for (const m of [-9, -0.2, 0, 0.7, 3, 50]) expect(back.apply(m)).toBe(fit.apply(m));
  expect(back).toMatchObject({ method, n: fit.n });
});

test.each([
  [null, "method is wrong"],
  [{ method: "beta", n: 1, params: {} }, 'got "beta"'],
  [{ method: "platt", n: -1, params: { slope: 1 } }, "n is wrong"],
  [{ method: "platt", n: 1, params: { slope: -1 } }, "slope is wrong, expected >= 0, got -1"],
  [{ method: "isotonic", n: 1, params: { x: [0, 1], y: [0.5] } }, "knots are wrong"],
  [{ method: "isotonic", n: 1, params: { x: [0, 1], y: [0.5, 0.4] } }, "knots are wrong"],
  [{ method: "isotonic", n: 1, params: { x: [0, 1], y: [0.5, 1.4] } }, "knots are wrong"],
])("a damaged calibrator file is refused: %j", (value, message) => {
  expect(() => calibratorFromJson(value, "calibrator.json")).toThrow(message);
});

test("cross-fitting never predicts a pair from its own group, and is repeatable", () => {
  const { margins, human } = simulated("cross", 60, 0.5);
  const groups = margins.map((_, i) => `prompt ${i % 20}`);
  const options = { groups, rng: createRng(3), folds: 4 };
  const fit = crossFitCalibrator("platt", margins, human, options);
  expect(crossFitCalibrator("platt", margins, human, options).probabilities).toEqual(fit.probabilities);
  expect(fit.calibrator.n).toBe(60);
  // Reversing the answers of one group leaves the predictions for it untouched and moves those of others.
  const changed = human.map((y, i) => (groups[i] === "prompt 0" ? !y : y));
  const again = crossFitCalibrator("platt", margins, changed, options);
  const same = (i: number) => again.probabilities[i] === fit.probabilities[i];
  expect([...groups.keys()].filter((i) => groups[i] === "prompt 0").every(same)).toBe(true);
  expect([...groups.keys()].every(same)).toBe(false);
  expect(() =>
    crossFitCalibrator("platt", [1, 2], [true, false], { groups: ["g", "g"], rng: createRng(1) }),
  ).toThrow("cross-fitting needs 2 groups");
});

test("the report shows an overconfident teacher before and an honest one after, with intervals", () => {
  const { margins, human } = simulated("report", 600, 0.25);
  const before = margins.map((m) => logistic(m));
  const { probabilities } = crossFitCalibrator("platt", margins, human, {
    groups: margins.map((_, i) => String(i)),
    rng: createRng(1),
  });
  const report = calibrationReport(before, probabilities, human, { rng: createRng(2), resamples: 200 });
  expect(report.before.ece!.estimate).toBeGreaterThan(0.15);
  expect(report.after.ece!.estimate).toBeLessThan(0.08);
  for (const change of Object.values(report.change)) expect(change!.high).toBeLessThan(0);
  expect(report.after.bins.reduce((n, bin) => n + bin.n, 0)).toBe(600);
  // The ECE of the report is that of its own bins, less what noise within them adds.
  const fromBins = report.before.bins.map(
    (bin) => bin.n * Math.abs(bin.outcome.estimate - bin.meanProbability),
  );
  const plugIn = fromBins.reduce((a, b) => a + b, 0) / 600;
  expect(report.before.ece!.estimate).toBeLessThan(plugIn);
  expect(report.before.ece!.estimate).toBeGreaterThan(plugIn - 0.02);
  const mirrored = calibrationReport(
    before.map((p) => 1 - p),
    probabilities.map((p) => 1 - p),
    human.map((y) => !y),
    { rng: createRng(2), resamples: 200 },
  );
  expect(mirrored.after.brier!.estimate).toBeCloseTo(report.after.brier!.estimate, 12);
  expect(mirrored.after.ece!.estimate).toBeCloseTo(report.after.ece!.estimate, 12);
});

test("the figures of the report are as worked by hand", () => {
  // confidences .9 .9 .6 .6, agreeing 1 1 1 0: Brier (.01 + .01 + .16 + .36)/4; gaps of .1 in bins of two are noise, and show no error
  const report = calibrationReport([0.9, 0.1, 0.6, 0.6], [0.5, 0.5, 0.5, 0.5], [true, false, true, false], {
    rng: createRng(1),
  });
  expect(report.before.brier!.estimate).toBeCloseTo(0.135, 12);
  expect(report.before.ece).toMatchObject({ estimate: 0, low: 0 });
  expect(report.before.ece!.high).toBeGreaterThan(0.1);
  expect(report.before.logLoss!.estimate).toBeCloseTo(
    -(2 * Math.log(0.9) + Math.log(0.6) + Math.log(0.4)) / 4,
    12,
  );
  expect(report.after.ece!.estimate).toBe(0);
  // A coin costs 1/4 whichever way it falls, and helped nobody: .25 - .135.
  expect(report.after.brier!.estimate).toBe(0.25);
  expect(report.change.brier!.estimate).toBeCloseTo(0.115, 12);
  expect(report.after.logLoss!.estimate).toBeCloseTo(Math.LN2, 12);
  expect(calibrationReport([], [], [], { rng: createRng(1) }).before).toEqual({
    n: 0,
    ece: null,
    brier: null,
    logLoss: null,
    bins: [],
  });
});

test("the interval of the calibration error holds 0 for calibrated probabilities, and not for overconfident ones", () => {
  const held = Array.from({ length: 30 }, (_, i) => {
    const rng = createRng(`ece ${i}`);
    const truth = Array.from({ length: 90 }, () => 0.5 + 0.45 * rng.next());
    const human = truth.map((p) => rng.next() < p);
    const bold = truth.map((p) => Math.min(0.99, p + 0.25));
    const { before, after } = calibrationReport(bold, truth, human, { rng, resamples: 200 });
    for (const { ece } of [before, after])
      expect(ece!.low <= ece!.estimate && ece!.estimate <= ece!.high).toBe(true);
    return { calibrated: after.ece!.low === 0, bold: before.ece!.low === 0 };
  });
  expect(held.filter(({ calibrated }) => calibrated).length).toBeGreaterThan(26);
  expect(held.filter(({ bold }) => bold).length).toBeLessThan(8);
});

test("groups widen the interval of what is repeated", () => {
  const p = [0.9, 0.9, 0.9, 0.6, 0.6, 0.6, 0.8, 0.8, 0.8];
  const human = [true, true, true, false, false, false, true, true, true];
  const width = (groups?: string[]) => {
    const { low, high } = calibrationReport(p, p, human, { rng: createRng(5), ...(groups ? { groups } : {}) })
      .before.brier!;
    return high - low;
  };
  expect(width(p.map(String))).toBeGreaterThan(1.3 * width());
});

describe("a teacher of one class", () => {
  const margins = [1, 2, 3, 0.5, 4, 0];
  const fitted = (method: CalibrationMethod, human: boolean) => () =>
    fitCalibrator(
      method,
      margins,
      margins.map(() => human),
    );

  test("wrong on all pairs: is told what it is, not what the fit met", () => {
    expect(fitted("temperature", false)).toThrow(
      /calibration: the teacher is wrong on all 5 held-out pairs that it decides: it prefers what people rejected.*swapped/,
    );
  });

  test("right on all pairs: is told which method fits", () => {
    expect(fitted("temperature", true)).toThrow(
      /right on all 5 held-out pairs .* label --set calibration=platt/,
    );
    expect(fitted("platt", true)().apply(1)).toBeGreaterThan(0.5);
  });

  test("margins beyond what a fit can take are told as margins", () => {
    const tiny = [1e-200, -2e-200, 3e-200];
    expect(() => fitCalibrator("temperature", tiny, [true, true, false])).toThrow(
      /calibration: no finite temperature fits the teacher's 3 margins, of sizes 1\.00e-200 to 3\.00e-200/,
    );
  });
});
