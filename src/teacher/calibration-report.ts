/**
 * How good stated probabilities are, before and after calibration. All figures are of confidence against "the human agrees",
 * so that they do not depend on which candidate is called a; in bins and calibration error p = 0.5 counts as half right.
 */
import type { Rng } from "../core/rng.ts";
import { clusterBootstrap, type Statistic } from "../stats/bootstrap.ts";
import { checkPaired, type Interval } from "../stats/check.ts";
import { mean, quantile } from "../stats/describe.ts";
import { brierScore, logLoss, type ReliabilityBin, reliabilityBins } from "../stats/reliability.ts";

/** Figures are null when there are no pairs. `logLoss` in nats, probabilities kept 1e-15 away from 0 and 1. */
export type CalibrationFigures = {
  readonly n: number;
  /** 10 bins of equal width over [0.5, 1]; with the interval of `eceInterval`. */
  readonly ece: Interval | null;
  readonly brier: Interval | null;
  readonly logLoss: Interval | null;
  readonly bins: readonly ReliabilityBin[];
};

/** `change` is after - before on the same resamples: below 0 when calibration helped. */
export type CalibrationReport = {
  readonly before: CalibrationFigures;
  readonly after: CalibrationFigures;
  readonly change: {
    readonly ece: Interval | null;
    readonly brier: Interval | null;
    readonly logLoss: Interval | null;
  };
};

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
    n: pairs.length,
    ece: eceInterval(
      interval((sample) => eceOf(sample.map((pair) => pair[side]))),
      chanceEce(
        pairs.map((pair) => pair[side]),
        units,
        settings,
      ),
    ),
    brier: interval((sample) => brierOf(sample.map((pair) => pair[side]))),
    logLoss: interval((sample) => logLossOf(sample.map((pair) => pair[side]))),
    bins: reliabilityBins(
      pairs.map((pair) => pair[side].confidence),
      pairs.map((pair) => pair[side].agrees),
      {
        ...BINS,
        level: options.level ?? 0.95,
      },
    ),
  });
  const change = (of: (judged: Judged[]) => number | null) =>
    interval((sample) => of(sample.map((pair) => pair.after))! - of(sample.map((pair) => pair.before))!);
  return {
    before: figures("before"),
    after: figures("after"),
    change: { ece: change(eceOf), brier: change(brierOf), logLoss: change(logLossOf) },
  };
}

/**
 * The basic bootstrap interval (Davison & Hinkley 1997, section 5.2), from 0 where calibrated probabilities would show as much. Noise
 * within bins makes a sample's calibration error larger than the truth and a resample's larger once more, so that percentiles of resamples
 * never reach 0 and may lie above the estimate.
 */
function eceInterval(percentile: Interval | null, floor: number): Interval | null {
  if (percentile === null) return null;
  const { estimate, low, high } = percentile;
  const least = estimate <= floor ? 0 : Math.max(0, 2 * estimate - high);
  return { ...percentile, low: least, high: Math.max(estimate, 2 * estimate - low) };
}

/**
 * What calibration error calibrated probabilities show by chance: a quantile of it when people agree exactly as often as stated
 * (consistency resampling, Bröcker & Smith 2007). Pairs of one prompt share their luck, which they may do at most.
 */
function chanceEce(
  pairs: readonly Judged[],
  units: readonly string[],
  { rng, resamples, level }: { readonly rng: Rng; readonly resamples: number; readonly level: number },
): number {
  if (pairs.length === 0) return 0;
  const stream = rng.fork("calibrated");
  const draws = Array.from({ length: resamples }, () => {
    const luck = new Map<string, number>();
    for (const unit of units) if (!luck.has(unit)) luck.set(unit, stream.next());
    return eceOf(
      pairs.map((pair, i) =>
        pair.agrees === 0.5 ? pair : { ...pair, agrees: Number(luck.get(units[i]!)! < pair.confidence) },
      ),
    )!;
  });
  return quantile(draws, level);
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

/** The same as `expectedCalibrationError` with BINS, in one pass, for thousands of resamples: Σ_bin |Σ (agrees - confidence)| / n. */
function eceOf(pairs: readonly Judged[]): number | null {
  if (pairs.length === 0) return null;
  const gaps = new Float64Array(BINS.bins);
  for (const { bin, agrees, confidence } of pairs) gaps[bin]! += agrees - confidence;
  return gaps.reduce((total, gap) => total + Math.abs(gap), 0) / pairs.length;
}

const brierOf = (pairs: readonly Judged[]) =>
  pairs.length === 0 ? null : mean(pairs.map((pair) => pair.brier));
const logLossOf = (pairs: readonly Judged[]) =>
  pairs.length === 0 ? null : mean(pairs.map((pair) => pair.logLoss));
