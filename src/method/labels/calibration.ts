/**
 * Calibration: from a teacher's margin to the probability that a human prefers a. Every calibrator obeys p(-m) = 1 - p(m):
 * a pair and its mirror are one fact, so every held-out pair counts twice, as (m, y) and as (-m, 1 - y). That leaves no
 * room for an intercept, which would be a preference for the candidate that happens to be called a.
 */
import { z } from "zod";
import { DataError, NumericsError, show } from "../../base/core/errors.ts";
import type { Rng } from "../../base/core/rng.ts";
import { checkPaired, checkSample } from "../../base/stats/check.ts";
import { type IsotonicFit, isotonicAt, isotonicFit } from "../../base/stats/isotonic.ts";
import { slopeFit } from "../../base/stats/logistic-regression.ts";
import { logistic } from "../../base/stats/special.ts";

/**
 * `none`: σ(m), the Bradley-Terry probability as it stands. `temperature`: σ(m / T) by maximum likelihood (Guo et al. 2017).
 * `platt`: the same curve fitted to Platt's smoothed targets, finite even where the teacher is never wrong.
 * `isotonic`: any non-decreasing curve (Zadrozny & Elkan 2002), kept within [1/(n+2), (n+1)/(n+2)].
 */
export const calibrationSchema = z
  .enum(["none", "temperature", "platt", "isotonic"])
  .describe("How margins become probabilities that a person agrees.");

/** How margins become probabilities. */
export type CalibrationMethod = z.output<typeof calibrationSchema>;

const knots = z.array(z.number()).readonly();
const paramsSchema = z.union([z.object({ slope: z.number() }), z.object({ x: knots, y: knots })]);

/** Slope of σ(slope · m), the inverse temperature, at least 0; or the curve's knots at margins from 0 up. */
export type CalibratorParams = Readonly<z.output<typeof paramsSchema>>;

/** A calibrator as a file holds it; `calibratorFromJson` checks that it is one. */
export const calibratorSchema = z.object({ method: calibrationSchema, n: z.number(), params: paramsSchema });

/** The same as a value. */
export type CalibratorJson = z.output<typeof calibratorSchema>;

/** A fitted calibrator; `apply(m)` is P(human prefers a) in [0, 1], non-decreasing, with apply(-m) = 1 - apply(m) exactly. */
export type Calibrator = {
  readonly method: CalibrationMethod;
  readonly params: CalibratorParams;
  /** Held-out pairs it was fitted on; 0 for `none`. */
  readonly n: number;
  apply(margin: number): number;
};

/**
 * Fits a calibrator on held-out pairs that the teacher was not trained on. A teacher that is wrong more often than right gets
 * slope 0, p = 0.5 everywhere: its margin is then evidence for nothing in the direction it claims.
 *
 * @param margins - score of a minus score of b, `[n]`, finite
 * @param humanPrefersA - `[n]`; leave out pairs that the human called a tie
 * @throws NumericsError when lengths differ, all margins are 0, or `temperature` meets a teacher that is never wrong or never right
 */
export function fitCalibrator(
  method: CalibrationMethod,
  margins: readonly number[],
  humanPrefersA: readonly boolean[],
): Calibrator {
  checkPaired("calibration", margins, humanPrefersA);
  if (method === "none") return makeCalibrator(method, { slope: 1 }, 0);
  checkSample("calibration", margins);
  if (margins.every((m) => m === 0))
    throw new NumericsError(
      "calibration",
      `all ${margins.length} margins are 0, expected a teacher that tells pairs apart.`,
    );
  return makeCalibrator(method, fitParams(method, margins, humanPrefersA), margins.length);
}

function fitParams(
  method: Exclude<CalibrationMethod, "none">,
  margins: readonly number[],
  humanPrefersA: readonly boolean[],
): CalibratorParams {
  const n = margins.length;
  switch (method) {
    case "temperature":
      // σ has no intercept here: the mirrored pairs would double the likelihood and move nothing.
      checkOverlap(margins, humanPrefersA);
      return { slope: slopeOf(margins, humanPrefersA.map(Number)) };
    case "platt": {
      // Mirrored, both classes have n members: the targets are (n+1)/(n+2) and 1/(n+2).
      const targets = humanPrefersA.map((yes) => ((yes ? n : 0) + 1) / (n + 2));
      return { slope: slopeOf(margins, targets) };
    }
    case "isotonic":
      return isotonicParams(margins, humanPrefersA);
    default:
      return method satisfies never;
  }
}

function isotonicParams(margins: readonly number[], humanPrefersA: readonly boolean[]): CalibratorParams {
  const n = margins.length;
  const outcomes = humanPrefersA.map(Number);
  const fit = isotonicFit(
    [...margins, ...margins.map((m) => -m)],
    [...outcomes, ...outcomes.map((y) => 1 - y)],
  );
  // By symmetry the curve is 1/2 at 0; only its upper half is kept, so that the lower one mirrors it exactly.
  const knots = fit.x.flatMap((x, i) =>
    x > 0 ? [[x, Math.min(Math.max(fit.y[i]!, 0.5), (n + 1) / (n + 2))] as const] : [],
  );
  return { x: [0, ...knots.map(([x]) => x)], y: [0.5, ...knots.map(([, y]) => y)] };
}

/** The slope, at least 0. What the fit says of itself is no word for people: they are told of the teacher's margins. */
function slopeOf(margins: readonly number[], targets: readonly number[]): number {
  try {
    return Math.max(0, slopeFit(margins, targets));
  } catch (error) {
    if (!(error instanceof NumericsError)) throw error;
    const sizes = margins.map(Math.abs);
    const range = [Math.min(...sizes), Math.max(...sizes)].map((size) => size.toPrecision(3)).join(" to ");
    throw new NumericsError(
      "calibration",
      `no finite temperature fits the teacher's ${margins.length} margins, of sizes ${range}. ${OTHER_METHOD}`,
    );
  }
}

const OTHER_METHOD =
  "Set calibration to isotonic or none (in a recipe label.calibration, with label --set calibration=…), or train another teacher.";

/** How many held-out pairs a teacher decides (its margin is not 0) as people did, and how many otherwise. */
export function sidesTaken(margins: readonly number[], humanPrefersA: readonly boolean[]) {
  const decided = margins.flatMap((m, i) => (m === 0 ? [] : [m > 0 === humanPrefersA[i]]));
  const right = decided.filter(Boolean).length;
  return { right, wrong: decided.length - right };
}

/** The error of a teacher that is wrong wherever it takes a side. */
export function wrongOnAll(wrong: number): NumericsError {
  return new NumericsError(
    "calibration",
    `the teacher is wrong on all ${wrong} held-out pairs that it decides: it prefers what people rejected, so its margins give no probability. ` +
      "Look whether chosen and rejected are swapped in the held-out pairs or in what the teacher was trained on, and whether its reference is the right model; else train another teacher.",
  );
}

function checkOverlap(margins: readonly number[], humanPrefersA: readonly boolean[]): void {
  const { right, wrong } = sidesTaken(margins, humanPrefersA);
  if (right === 0) throw wrongOnAll(wrong);
  if (wrong === 0)
    throw new NumericsError(
      "calibration",
      `the teacher is right on all ${right} held-out pairs that it decides, so no finite temperature fits. ` +
        "Set calibration to platt (in a recipe label.calibration, with label --set calibration=platt), or hold out more pairs.",
    );
}

/** A calibrator from its parts; the curve is evaluated at |m| and mirrored. */
export function makeCalibrator(method: CalibrationMethod, params: CalibratorParams, n: number): Calibrator {
  const upper =
    "slope" in params
      ? (m: number) => logistic(params.slope * m)
      : (m: number) => isotonicAt(params satisfies IsotonicFit, m);
  return { method, params, n, apply: (margin) => (margin >= 0 ? upper(margin) : 1 - upper(-margin)) };
}

/** Plain JSON of a calibrator, read back by `calibratorFromJson`. */
export function calibratorToJson(calibrator: Calibrator): CalibratorJson {
  return { method: calibrator.method, n: calibrator.n, params: calibrator.params };
}

/** @throws DataError when the value is not what `calibratorToJson` makes */
export function calibratorFromJson(value: unknown, file: string): Calibrator {
  const fail = (problem: string) => new DataError(file, 0, `calibrator: ${problem}`);
  const { method, n, params } = (value ?? {}) as Record<string, unknown>;
  const known = calibrationSchema.options.find((name) => name === method);
  if (!known)
    throw fail(`method is wrong, expected ${calibrationSchema.options.join(", ")}, got ${show(method)}.`);
  if (!(Number.isInteger(n) && (n as number) >= 0))
    throw fail(`n is wrong, expected a count, got ${show(n)}.`);
  const { slope, x, y } = (params ?? {}) as Record<string, unknown>;
  if (known !== "isotonic") {
    if (!(typeof slope === "number" && slope >= 0))
      throw fail(`slope is wrong, expected >= 0, got ${show(slope)}.`);
    return makeCalibrator(known, { slope }, n as number);
  }
  if (
    !(
      isAscending(x, true) &&
      isAscending(y, false) &&
      x.length === y.length &&
      x[0] === 0 &&
      y[0] === 0.5 &&
      y.at(-1)! <= 1
    )
  )
    throw fail("knots are wrong, expected ascending x from 0 and ascending y from 0.5 to at most 1.");
  return makeCalibrator(known, { x, y }, n as number);
}

function isAscending(value: unknown, strictly: boolean): value is number[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (v, i) => Number.isFinite(v) && (i === 0 || (strictly ? v > value[i - 1] : v >= value[i - 1])),
    )
  );
}

/** `probabilities[i]` comes from a calibrator that never saw pair i nor its group; `calibrator` is fitted on all pairs. */
export type CrossFit = {
  readonly calibrator: Calibrator;
  readonly probabilities: readonly number[];
  readonly folds: number;
};

/**
 * Fits on K - 1 parts and predicts the K-th, in turn: with few labels every pair serves both to fit and to measure.
 *
 * @param groups - pairs of one group (one prompt) stay in one fold; at least 2 groups
 * @throws NumericsError as `fitCalibrator`, or with fewer than 2 groups
 */
export function crossFitCalibrator(
  method: CalibrationMethod,
  margins: readonly number[],
  humanPrefersA: readonly boolean[],
  options: { readonly groups: readonly string[]; readonly rng: Rng; readonly folds?: number },
): CrossFit {
  checkPaired("calibration", margins, options.groups);
  const names = options.rng.fork("folds").shuffle([...new Set(options.groups)].sort());
  const folds = Math.min(options.folds ?? 5, names.length);
  if (folds < 2)
    throw new NumericsError(
      "calibration",
      `cross-fitting needs 2 groups and 2 folds, got ${names.length} and ${folds}.`,
    );
  const foldOf = new Map(names.map((name, i) => [name, i % folds]));
  const fits = Array.from({ length: folds }, (_, fold) => {
    const train = margins.flatMap((m, i) =>
      foldOf.get(options.groups[i]!) === fold ? [] : [[m, humanPrefersA[i]!] as const],
    );
    return fitCalibrator(
      method,
      train.map(([m]) => m),
      train.map(([, y]) => y),
    );
  });
  return {
    calibrator: fitCalibrator(method, margins, humanPrefersA),
    probabilities: margins.map((m, i) => fits[foldOf.get(options.groups[i]!)!]!.apply(m)),
    folds,
  };
}
