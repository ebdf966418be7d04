/** Monotone least-squares fit by pooling adjacent violators (Ayer et al. 1955; Barlow et al. 1972). */
import { checkPaired, checkSample } from "./check.ts";

/** Knots of a non-decreasing, piecewise linear function: `x` strictly ascending, `y` ascending. */
export type IsotonicFit = { readonly x: readonly number[]; readonly y: readonly number[] };

/**
 * The non-decreasing function nearest to the points in weighted squared distance. Points of equal x are averaged first.
 * Each constant block keeps its two ends as knots; between blocks the function is interpolated (scikit-learn's convention).
 *
 * @param weights - positive, default all 1
 * @throws NumericsError when there are no points, lengths differ or a value is not finite
 */
export function isotonicFit(
  x: readonly number[],
  y: readonly number[],
  weights: readonly number[] = x.map(() => 1),
): IsotonicFit {
  checkPaired("isotonicFit", x, y);
  checkPaired("isotonicFit", x, weights);
  checkSample("isotonicFit", x);
  checkSample("isotonicFit", y);
  const blocks: Block[] = [];
  for (const point of distinct(x, y, weights)) {
    let block = point;
    // Equal levels are pooled too: a flat stretch keeps two knots, not one per point.
    for (let last = blocks.at(-1); last && level(last) >= level(block); last = blocks.at(-1))
      block = pool(blocks.pop()!, block);
    blocks.push(block);
  }
  const knots = blocks.flatMap((block) =>
    (block.low === block.high ? [block.low] : [block.low, block.high]).map(
      (at) => [at, level(block)] as const,
    ),
  );
  return { x: knots.map(([at]) => at), y: knots.map(([, value]) => value) };
}

/** Value of the fit at x: linear between knots, constant beyond the first and the last. */
export function isotonicAt(fit: IsotonicFit, x: number): number {
  let low = 0;
  let high = fit.x.length - 1;
  if (x <= fit.x[low]!) return fit.y[low]!;
  if (x >= fit.x[high]!) return fit.y[high]!;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fit.x[middle]! <= x) low = middle;
    else high = middle;
  }
  const t = (x - fit.x[low]!) / (fit.x[high]! - fit.x[low]!);
  return fit.y[low]! + t * (fit.y[high]! - fit.y[low]!);
}

type Block = { low: number; high: number; total: number; weight: number };

const level = (block: Block) => block.total / block.weight;
const pool = (a: Block, b: Block): Block => ({
  low: a.low,
  high: b.high,
  total: a.total + b.total,
  weight: a.weight + b.weight,
});

/** The points in ascending x, those of equal x merged. */
function distinct(x: readonly number[], y: readonly number[], weights: readonly number[]): Block[] {
  const points: Block[] = [];
  for (const i of [...x.keys()].sort((a, b) => x[a]! - x[b]!)) {
    const point = { low: x[i]!, high: x[i]!, total: y[i]! * weights[i]!, weight: weights[i]! };
    const last = points.at(-1);
    if (last?.low === point.low) points[points.length - 1] = pool(last, point);
    else points.push(point);
  }
  return points;
}
