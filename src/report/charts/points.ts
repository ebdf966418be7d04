/** What is done to points before they are drawn: thinning, running means, keeping whiskers of two series apart. */
import type { LinePoint } from "./spec.ts";

const MOST_POINTS = 300;
const LEAST_FOR_MEAN = 60;
/** A curve is noisy when it travels this many times its own range: a rise and a fall are 2. */
const NOISY = 5;
/** Pixels between the whiskers of two series at one x. */
const DODGE = 5;

/** At most about `most` points: the lowest and highest of each stretch stay, so that a spike is never thinned away. */
export function thin(points: readonly LinePoint[], most = MOST_POINTS): LinePoint[] {
  if (points.length <= most) return [...points];
  const stretch = Math.ceil(points.length / (most / 2));
  const kept: LinePoint[] = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const low = part.reduce((best, point) => (point.y < best.y ? point : best));
    const high = part.reduce((best, point) => (point.y > best.y ? point : best));
    kept.push(...(low === high ? [low] : low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}

/** Mean over a centred window of a twentieth of the points, shorter at the ends; undefined for short or smooth curves. */
export function runningMean(points: readonly LinePoint[]): LinePoint[] | undefined {
  if (points.length < LEAST_FOR_MEAN || !isNoisy(points)) return undefined;
  const half = Math.floor(points.length / 40);
  return points.map((point, i) => {
    const window = points.slice(Math.max(0, i - half), i + half + 1);
    return { x: point.x, y: window.reduce((sum, one) => sum + one.y / window.length, 0) };
  });
}

/** Pixels by which each series is moved sideways so that whiskers at the same x do not cover each other; 0 without whiskers. */
export function dodge(series: readonly { points: readonly { low?: number | undefined }[] }[]): number[] {
  const whiskers = series.filter((one) => one.points.some((point) => point.low !== undefined)).length;
  return series.map((_, i) => (whiskers < 2 ? 0 : (i - (series.length - 1) / 2) * DODGE));
}

function isNoisy(points: readonly LinePoint[]): boolean {
  let travelled = 0;
  let [low, high] = [points[0]!.y, points[0]!.y];
  for (let i = 1; i < points.length; i++) {
    travelled += Math.abs(points[i]!.y - points[i - 1]!.y);
    low = Math.min(low, points[i]!.y);
    high = Math.max(high, points[i]!.y);
  }
  return travelled > NOISY * (high - low);
}
