/**
 * Seeded percentile bootstrap (Efron 1979; Efron & Tibshirani 1993, ch. 13). A unit is what is independent:
 * a value, a pair of values of one prompt, or a whole cluster of values.
 */
import { NumericsError } from "../core/errors.ts";
import type { Rng } from "../core/rng.ts";
import { checkFraction, checkPaired, checkSample, type Interval } from "./check.ts";
import { groupBy, mean, quantileOfSorted } from "./describe.ts";

/**
 * `rng` is forked, never advanced; `resamples` at least 100, default 2000; `level` in (0, 1), default 0.95. `range`: what a mean of
 * units can be at most and at least, where that is known: it bounds a figure of units that are all alike.
 */
export type BootstrapOptions = {
  readonly rng: Rng;
  readonly resamples?: number | undefined;
  readonly level?: number | undefined;
  readonly range?: readonly [low: number, high: number] | undefined;
};

/** Range of a share. */
export const SHARE: readonly [number, number] = [0, 1];
/** Range of the difference of two shares. */
export const SHARE_DIFFERENCE: readonly [number, number] = [-1, 1];

/** A figure of a sample, null where the sample does not define it (a rate of nothing, one class only). */
export type Statistic<T> = (sample: readonly T[]) => number | null;

/**
 * Interval of any statistic. Null when the statistic is undefined on the sample or on more than half of the
 * resamples; the interval is over the resamples where it is defined. Resamples of units that are all alike are all
 * alike, which says nothing of units not seen: with a `range` the interval is then Clopper and Pearson's (1934) for
 * n of n, "so many units differ at most", each taken to lie at the end of the range. 5 of 5: 1 [0.48, 1].
 *
 * @throws NumericsError when the statistic is not finite
 */
export function bootstrap<T>(
  units: readonly T[],
  statistic: Statistic<T>,
  options: BootstrapOptions,
): Interval | null {
  const { level, resamples } = settings(options);
  const estimate = units.length === 0 ? null : checked(statistic(units));
  if (estimate === null) return null;
  const rng = options.rng.fork("bootstrap");
  const draws: number[] = [];
  const sample = units.slice();
  for (let b = 0; b < resamples; b++) {
    for (let i = 0; i < sample.length; i++) sample[i] = units[rng.int(units.length)]!;
    const draw = checked(statistic(sample));
    if (draw !== null) draws.push(draw);
  }
  if (draws.length < resamples / 2) return null;
  const alike = options.range !== undefined && draws.every((draw) => draw === draws[0]);
  const ends = alike ? widened(estimate, units.length, level, options.range) : percentiles(draws, level);
  return { estimate, ...ends, n: units.length, level };
}

/** How far a mean may be from what all n units say. */
function widened(
  value: number,
  n: number,
  level: number,
  [low, high]: readonly [number, number],
): { low: number; high: number } {
  const others = 1 - ((1 - level) / 2) ** (1 / n);
  return { low: value - others * (value - low), high: value + others * (high - value) };
}

/** Interval of the mean. Null when there are no values. @throws NumericsError when a value is not finite */
export function bootstrapMean(values: readonly number[], options: BootstrapOptions): Interval | null {
  checkSample("bootstrapMean", values, 0);
  return bootstrap(values, mean, options);
}

/**
 * Interval of mean(a - b) where a[i] and b[i] belong to one unit (one prompt under two students):
 * units are resampled, so what the two have in common cancels. Null when there are no pairs.
 *
 * @throws NumericsError when the lengths differ
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  options: BootstrapOptions,
): Interval | null {
  checkPaired("pairedBootstrap", a, b);
  return bootstrapMean(
    a.map((value, i) => value - b[i]!),
    options,
  );
}

/**
 * Interval of a statistic when items of one cluster (the pairs of one prompt) are not independent: whole clusters
 * are resampled (Davison & Hinkley 1997, section 3.8). `n` is the number of clusters.
 *
 * @param clusters - the cluster name of each item
 */
export function clusterBootstrap<T>(
  items: readonly T[],
  clusters: readonly string[],
  statistic: Statistic<T>,
  options: BootstrapOptions,
): Interval | null {
  checkPaired("clusterBootstrap", items, clusters);
  return bootstrap(
    groupBy(items, (_, i) => clusters[i]!),
    (sample) => statistic(sample.flat()),
    options,
  );
}

function settings({ resamples = 2000, level = 0.95 }: BootstrapOptions) {
  checkFraction("bootstrap", "level", level);
  if (!(Number.isInteger(resamples) && resamples >= 100))
    throw new NumericsError("bootstrap", `resamples is too small, expected at least 100, got ${resamples}.`);
  return { resamples, level };
}

function checked(value: number | null): number | null {
  if (value !== null && !Number.isFinite(value))
    throw new NumericsError(
      "bootstrap",
      `the statistic is not finite, expected a number or null, got ${value}.`,
    );
  return value;
}

function percentiles(draws: readonly number[], level: number): { low: number; high: number } {
  const sorted = Float64Array.from(draws).sort();
  return {
    low: quantileOfSorted(sorted, (1 - level) / 2),
    high: quantileOfSorted(sorted, (1 + level) / 2),
  };
}
