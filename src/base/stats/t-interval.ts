/** Student's interval of a mean, for the few runs that a bootstrap cannot resample. */
import { checkFraction, checkSample, type Interval } from "./check.ts";
import { mean, standardDeviation } from "./describe.ts";
import { betaQuantile } from "./special.ts";

/**
 * The two-sided quantile t with P(|T| > t) = 1 - level, T of Student's distribution: x = df / (df + t²) is Beta(df/2, 1/2)
 * (Abramowitz & Stegun 26.7.1).
 */
export function studentQuantile(level: number, degrees: number): number {
  checkFraction("studentQuantile", "level", level);
  const x = betaQuantile(1 - level, degrees / 2, 0.5);
  return Math.sqrt((degrees * (1 - x)) / x);
}

/**
 * mean ± t · s / √n (Student 1908), exact for normal values. Null below two values.
 *
 * @throws NumericsError when a value is not finite
 */
export function tInterval(values: readonly number[], level = 0.95): Interval | null {
  checkSample("tInterval", values, 0);
  const n = values.length;
  if (n < 2) return null;
  const estimate = mean(values);
  const half = (studentQuantile(level, n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return { estimate, low: estimate - half, high: estimate + half, n, level };
}
