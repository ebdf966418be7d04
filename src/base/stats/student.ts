/** Student's distribution, for the few runs that a bootstrap cannot resample. */
import { checkFraction } from "./check.ts";
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
