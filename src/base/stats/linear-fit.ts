/** Least squares of one variable on another. */
import { checkPaired } from "./check.ts";
import { pearson } from "./correlation.ts";
import { mean } from "./describe.ts";

/** y = slope · x + intercept; `r2` is the share of y's variance that it explains, in [0, 1]. */
export type LinearFit = { readonly slope: number; readonly intercept: number; readonly r2: number };

/**
 * Ordinary least squares with an intercept. Null without spread in x or y, or with fewer than two points.
 *
 * @throws NumericsError when the lengths differ
 */
export function linearFit(x: readonly number[], y: readonly number[]): LinearFit | null {
  checkPaired("linearFit", x, y);
  const r = x.length < 2 ? null : pearson(x, y);
  if (r === null) return null;
  const [mx, my] = [mean(x), mean(y)];
  const sxx = x.reduce((total, value) => total + (value - mx) ** 2, 0);
  const sxy = x.reduce((total, value, i) => total + (value - mx) * (y[i]! - my), 0);
  const slope = sxy / sxx;
  return { slope, intercept: my - slope * mx, r2: r * r };
}
