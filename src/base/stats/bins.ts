/** Parting a sample into bins. */
import { NumericsError } from "../core/errors.ts";
import { checkSample } from "./check.ts";

/** One part of a sample: `items` are indices of the values in [low, high]. */
export type Bin = { readonly low: number; readonly high: number; readonly items: readonly number[] };

/**
 * Bins of equal width over [from, to], empty ones left out; a value on an edge belongs to the upper bin.
 *
 * @throws NumericsError when a value is outside or `bins` is below 1
 */
export function widthBins(
  values: readonly number[],
  bins: number,
  [from, to]: readonly [number, number],
): Bin[] {
  checkBins("widthBins", bins);
  const outside = values.find((value) => value < from || value > to);
  if (outside !== undefined)
    throw new NumericsError(
      "reliabilityBins",
      `a probability lies outside [${from}, ${to}], got ${outside}.`,
    );
  const parts = Array.from({ length: bins }, (_, b): { low: number; high: number; items: number[] } => ({
    low: from + ((to - from) * b) / bins,
    high: from + ((to - from) * (b + 1)) / bins,
    items: [],
  }));
  values.forEach((value, i) => {
    const at = Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins));
    parts[at]!.items.push(i);
  });
  return parts.filter((part) => part.items.length > 0);
}

/**
 * Bins of (nearly) equal numbers in ascending order, such as deciles for 10; equal values are never parted, so there may be fewer.
 *
 * @throws NumericsError when a value is not finite or `bins` is below 1
 */
export function massBins(values: readonly number[], bins: number): Bin[] {
  checkBins("massBins", bins);
  checkSample("massBins", values, 0);
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]! || i - j);
  const parts: Bin[] = [];
  for (let start = 0; start < order.length; ) {
    // The b-th bin ends where b/bins of all values lie below, moved up past equal values.
    const wanted = Math.ceil((order.length * (Math.floor((start * bins) / order.length) + 1)) / bins);
    let end = Math.max(start + 1, Math.min(order.length, wanted));
    while (end < order.length && values[order[end]!] === values[order[end - 1]!]) end++;
    const items = order.slice(start, end);
    parts.push({ low: values[items[0]!]!, high: values[items.at(-1)!]!, items });
    start = end;
  }
  return parts;
}

function checkBins(where: string, bins: number): void {
  if (!(Number.isInteger(bins) && bins >= 1))
    throw new NumericsError(where, `bins is out of range, expected 1 or more, got ${bins}.`);
}
