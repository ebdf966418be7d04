/**
 * How good stated probabilities are, before and after calibration. All figures are of confidence against "the human agrees",
 * so that they do not depend on which candidate is called a; in bins and calibration error p = 0.5 counts as half right.
 */
import { z } from "zod";
import type { Rng } from "../../base/core/rng.ts";
import { clusterBootstrap, type Statistic } from "../../base/stats/bootstrap.ts";
import { type CalibrationGap, calibrationError } from "../../base/stats/calibration-error.ts";
import { checkPaired, type Interval, intervalSchema } from "../../base/stats/check.ts";
import { mean } from "../../base/stats/describe.ts";
import { brierScore, logLoss, reliabilityBinSchema, reliabilityBins } from "../../base/stats/reliability.ts";

/** Figures are null when there are no pairs. `logLoss` in nats, probabilities kept 1e-15 away from 0 and 1. */
const changeSchema = z.object({
  /** 10 bins of equal width over [0.5, 1], without the bias of noise within bins (`base/stats/calibration-error.ts`). */
  ece: intervalSchema.nullable(),
  brier: intervalSchema.nullable(),
  logLoss: intervalSchema.nullable(),
});
const figuresSchema = changeSchema.extend({
  n: z.number(),
  bins: z.array(reliabilityBinSchema).readonly(),
});

/** `change` is after - before on the same resamples: below 0 when calibration helped. */
export const calibrationReportSchema = z.object({
  before: figuresSchema,
  after: figuresSchema,
  change: changeSchema,
});

/** Figures of stated probabilities. */
export type CalibrationFigures = z.output<typeof figuresSchema>;

/** Before and after calibration. */
export type CalibrationReport = z.output<typeof calibrationReportSchema>;

/** `groups`: pairs of one prompt are resampled together; without them each pair is a unit. `resamples` default 1000. */
export type CalibrationReportOptions = {
  readonly rng: Rng;
  readonly groups?: readonly string[];
  readonly resamples?: number;
  readonly level?: number;
};

const BINS = { bins: 10, range: [0.5, 1] } as const;

/**
 * Compares two sets of P(human prefers a) on the same held-out pairs. `after` must come from calibrators that did not see
 * the pair (`crossFitCalibrator`, or another split), or it flatters.
 *
 * @throws NumericsError when lengths differ or a probability is outside [0, 1]
 */
export function calibrationReport(
  before: readonly number[],
  after: readonly number[],
  humanPrefersA: readonly boolean[],
  options: CalibrationReportOptions,
): CalibrationReport {
  checkPaired("calibrationReport", before, after);
  checkPaired("calibrationReport", before, humanPrefersA);
  const pairs = humanPrefersA.map((y, i) => ({ before: judged(before[i]!, y), after: judged(after[i]!, y) }));
  const settings = { rng: options.rng, resamples: options.resamples ?? 1000, level: options.level ?? 0.95 };
  const units = options.groups ?? pairs.map((_, i) => String(i));
  const interval = (statistic: Statistic<(typeof pairs)[number]>) =>
    clusterBootstrap(pairs, units, statistic, settings);
  const figures = (side: "before" | "after"): CalibrationFigures => ({
    ...errorAndBins(
      pairs.map((pair) => pair[side]),
      units,
      settings,
    ),
    brier: interval((sample) => brierOf(sample.map((pair) => pair[side]))),
    logLoss: interval((sample) => logLossOf(sample.map((pair) => pair[side]))),
  });
  const [stated, calibrated] = [figures("before"), figures("after")];
  const change = (of: (judged: Judged[]) => number | null) =>
    interval((sample) => of(sample.map((pair) => pair.after))! - of(sample.map((pair) => pair.before))!);
  return {
    before: stated,
    after: calibrated,
    change: {
      ece: eceChange(stated.ece, calibrated.ece, pairs),
      brier: change(brierOf),
      logLoss: change(logLossOf),
    },
  };
}

/** The error and the bins alone, of one set of P(human prefers a): what of a large pool is worth its time. @throws as `calibrationReport` */
export function statedCalibration(
  probabilities: readonly number[],
  humanPrefersA: readonly boolean[],
  options: CalibrationReportOptions,
): Pick<CalibrationFigures, "n" | "ece" | "bins"> {
  checkPaired("statedCalibration", probabilities, humanPrefersA);
  const { rng, resamples = 1000, level = 0.95 } = options;
  return errorAndBins(
    humanPrefersA.map((y, i) => judged(probabilities[i]!, y)),
    options.groups ?? humanPrefersA.map((_, i) => String(i)),
    { rng, resamples, level },
  );
}

function errorAndBins(
  pairs: readonly Judged[],
  units: readonly string[],
  settings: { readonly rng: Rng; readonly resamples: number; readonly level: number },
): Pick<CalibrationFigures, "n" | "ece" | "bins"> {
  return {
    n: pairs.length,
    ece: calibrationError(
      pairs.map((pair, i) => gapOf(pair, units[i]!)),
      settings,
    ),
    bins: reliabilityBins(
      pairs.map(({ confidence }) => confidence),
      pairs.map(({ agrees }) => agrees),
      { ...BINS, level: settings.level, clusters: units },
    ),
  };
}

/**
 * Difference of the two figures, and all that both intervals allow: with each at 95 % it holds at least 90 % of the time, whatever the two have in
 * common (Bonferroni), and at least the nominal level in every simulated cell of the tests. Resampled differences do not: their width lacks the
 * noise within bins that one side may hide, and held the truth 58 to 68 % of the time where it does.
 */
function eceChange(
  before: Interval | null,
  after: Interval | null,
  pairs: readonly { readonly before: Judged; readonly after: Judged }[],
): Interval | null {
  if (before === null || after === null) return null;
  const same = pairs.every(
    (pair) => pair.before.confidence === pair.after.confidence && pair.before.agrees === pair.after.agrees,
  );
  const estimate = after.estimate - before.estimate;
  return same
    ? { ...after, estimate: 0, low: 0, high: 0 }
    : { ...after, estimate, low: after.low - before.high, high: after.high - before.low };
}

/** A pair's confidence and whether the human agrees (1, 0, or 0.5 when the probability takes no side), and what follows. */
type Judged = {
  readonly confidence: number;
  readonly agrees: number;
  readonly bin: number;
  readonly brier: number;
  readonly logLoss: number;
};

function judged(p: number, humanPrefersA: boolean): Judged {
  const confidence = Math.max(p, 1 - p);
  const agrees = p === 0.5 ? 0.5 : Number(p > 0.5 === humanPrefersA);
  return {
    confidence,
    agrees,
    bin: Math.min(BINS.bins - 1, Math.floor((confidence - 0.5) * 2 * BINS.bins)),
    // Of the outcome, not of half of one: a coin's toss costs 1/4 and ln 2 whichever way it falls.
    brier: brierScore([p], [Number(humanPrefersA)])!,
    logLoss: logLoss([Math.min(confidence, 1 - 1e-15)], [agrees])!,
  };
}

const gapOf = ({ bin, agrees, confidence }: Judged, cluster: string): CalibrationGap => ({
  bin,
  gap: agrees - confidence,
  cluster,
});

const brierOf = (pairs: readonly Judged[]) =>
  pairs.length === 0 ? null : mean(pairs.map((pair) => pair.brier));
const logLossOf = (pairs: readonly Judged[]) =>
  pairs.length === 0 ? null : mean(pairs.map((pair) => pair.logLoss));
