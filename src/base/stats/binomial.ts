/** Exact and score intervals for a proportion: k successes in n independent trials. */
import { checkCounts, checkFraction, type Interval } from "./check.ts";
import { betaQuantile, normalQuantile, regularizedBeta } from "./special.ts";

/** P(X <= k) of Binomial(n, p), through the incomplete beta function (Abramowitz & Stegun 26.5.24). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  return k >= n ? 1 : regularizedBeta(1 - p, n - k, k + 1);
}

/**
 * One-sided exact upper bound: the true proportion is at or below it with probability at least `level`
 * (Clopper & Pearson 1934). 1 when k = n; 1 when n = 0, where nothing is known.
 */
export function binomialUpperBound(k: number, n: number, level = 0.95): number {
  checkCounts("binomialUpperBound", k, n);
  checkFraction("binomialUpperBound", "level", level);
  return k === n ? 1 : betaQuantile(level, k + 1, n - k);
}

/** One-sided exact lower bound, the mirror of `binomialUpperBound`: 0 when k = 0. */
export function binomialLowerBound(k: number, n: number, level = 0.95): number {
  checkCounts("binomialLowerBound", k, n);
  checkFraction("binomialLowerBound", "level", level);
  return k === 0 ? 0 : betaQuantile(1 - level, k, n - k + 1);
}

/**
 * Two-sided score interval (Wilson 1927): covers at its level on average, narrower than the exact one.
 * `k` may be fractional (ties counted as half). Null when n = 0.
 */
export function wilson(k: number, n: number, level = 0.95): Interval | null {
  checkCounts("wilson", Math.floor(k), n);
  checkCounts("wilson", Math.ceil(k), n);
  checkFraction("wilson", "level", level);
  return n === 0 ? null : { ...scoreInterval(k / n, n, level), n };
}

/**
 * Wilson's interval of a share p that n draws gave, without the checks; n may be a number of draws that as much is known from, and
 * no integer.
 */
export function scoreInterval(p: number, n: number, level: number): Omit<Interval, "n"> {
  const z = normalQuantile((1 + level) / 2);
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return {
    estimate: p,
    low: p === 0 ? 0 : Math.max(0, centre - half),
    high: p === 1 ? 1 : Math.min(1, centre + half),
    level,
  };
}
