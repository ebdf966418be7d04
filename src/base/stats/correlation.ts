/** Linear and rank correlation. All return null where the figure is undefined: fewer than two points, or no spread. */
import { checkPaired, checkSample } from "./check.ts";
import { mean, sum } from "./describe.ts";

/** Pearson's r in [-1, 1]. @throws NumericsError when lengths differ or a value is not finite */
export function pearson(x: readonly number[], y: readonly number[]): number | null {
  checkPaired("pearson", x, y);
  checkSample("pearson", x, 0);
  checkSample("pearson", y, 0);
  if (x.length < 2) return null;
  const dx = centred(x);
  const dy = centred(y);
  // Judged on the values: the mean of equal values can be off by a rounding.
  if (isConstant(x) || isConstant(y)) return null;
  const xx = sum(dx.map((d) => d * d));
  const yy = sum(dy.map((d) => d * d));
  const r = sum(dx.map((d, i) => d * dy[i]!)) / Math.sqrt(xx) / Math.sqrt(yy);
  return Math.max(-1, Math.min(1, r));
}

/** Spearman's ρ: Pearson's r of the mid-ranks. */
export function spearman(x: readonly number[], y: readonly number[]): number | null {
  checkPaired("spearman", x, y);
  return pearson(ranks(x), ranks(y));
}

/**
 * Kendall's τ-b, corrected for ties (Kendall 1945), in O(n log n) by counting the exchanges of a merge sort (Knight 1966).
 *
 *   τ-b = (concordant - discordant) / sqrt((pairs - tiesX) (pairs - tiesY))
 */
export function kendall(x: readonly number[], y: readonly number[]): number | null {
  checkPaired("kendall", x, y);
  checkSample("kendall", x, 0);
  checkSample("kendall", y, 0);
  const n = x.length;
  const order = [...x.keys()].sort((i, j) => x[i]! - x[j]! || y[i]! - y[j]!);
  const byX = order.map((i) => y[i]!);
  const pairs = (n * (n - 1)) / 2;
  const tiesX = tiedPairs([...x].sort((a, b) => a - b));
  const tiesBoth = tiedPairs(order, (i, j) => x[i] === x[j] && y[i] === y[j]);
  const { sorted, exchanges } = mergeCount(byX);
  const tiesY = tiedPairs(sorted);
  const scale = Math.sqrt(pairs - tiesX) * Math.sqrt(pairs - tiesY);
  if (scale === 0) return null;
  return Math.max(-1, Math.min(1, (pairs - tiesX - tiesY + tiesBoth - 2 * exchanges) / scale));
}

/** Mid-ranks from 1: equal values share the mean of their places. @throws NumericsError when a value is not finite */
export function ranks(values: readonly number[]): number[] {
  checkSample("ranks", values, 0);
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!);
  const out = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let at = start; at < end; at++) out[order[at]!] = (start + end + 1) / 2;
    start = end;
  }
  return out;
}

const centred = (values: readonly number[]) => {
  const centre = mean(values);
  return values.map((value) => value - centre);
};

const isConstant = (values: readonly number[]) => values.every((value) => value === values[0]);

/** Pairs inside runs of equal neighbours. */
function tiedPairs(sorted: readonly number[], equal = (a: number, b: number) => a === b): number {
  let total = 0;
  let run = 0;
  for (let i = 1; i < sorted.length; i++) {
    run = equal(sorted[i - 1]!, sorted[i]!) ? run + 1 : 0;
    total += run;
  }
  return total;
}

function mergeCount(values: readonly number[]): { sorted: number[]; exchanges: number } {
  if (values.length < 2) return { sorted: [...values], exchanges: 0 };
  const middle = values.length >> 1;
  const left = mergeCount(values.slice(0, middle));
  const right = mergeCount(values.slice(middle));
  const sorted: number[] = [];
  let exchanges = left.exchanges + right.exchanges;
  let i = 0;
  for (const value of right.sorted) {
    while (i < left.sorted.length && left.sorted[i]! <= value) sorted.push(left.sorted[i++]!);
    exchanges += left.sorted.length - i;
    sorted.push(value);
  }
  while (i < left.sorted.length) sorted.push(left.sorted[i++]!);
  return { sorted, exchanges };
}
