/** Mean, spread and quantiles of a sample. */
import { checkSample } from "./check.ts";

/** Sum with Neumaier's compensation (1974): the error does not grow with the number of terms. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** Arithmetic mean. @throws NumericsError when the sample is empty or not finite */
export function mean(values: readonly number[]): number {
  checkSample("mean", values);
  return sum(values) / values.length;
}

/** Unbiased variance (divides by n - 1). @throws NumericsError below two values */
export function variance(values: readonly number[]): number {
  checkSample("variance", values, 2);
  const centre = mean(values);
  return sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1);
}

/** Sample standard deviation (divides by n - 1). @throws NumericsError below two values */
export function standardDeviation(values: readonly number[]): number {
  return Math.sqrt(variance(values));
}

/**
 * Quantile by linear interpolation between order statistics (Hyndman & Fan 1996, type 7: the default of R and NumPy).
 *
 * @param p - in [0, 1]
 * @throws NumericsError when the sample is empty or not finite
 */
export function quantile(values: readonly number[], p: number): number {
  checkSample("quantile", values);
  return quantileOfSorted(
    [...values].sort((a, b) => a - b),
    p,
  );
}

/** The same on values already in ascending order; not checked. */
export function quantileOfSorted(sorted: ArrayLike<number>, p: number): number {
  const at = Math.min(Math.max(p, 0), 1) * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (at - below) * (high - low);
}

/** Middle value; mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The items parted by a key, groups in the order of their first item. */
export function groupBy<T>(items: readonly T[], key: (item: T, index: number) => string): T[][] {
  const groups = new Map<string, T[]>();
  items.forEach((item, i) => {
    const name = key(item, i);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  });
  return [...groups.values()];
}
