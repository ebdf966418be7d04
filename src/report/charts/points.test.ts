import { describe, expect, it } from "vitest";
import { dodge, runningMean, thin } from "./points.ts";

describe("points of a line", () => {
  it("keep a spike when thinned", () => {
    const points = Array.from({ length: 5000 }, (_, x) => ({ x, y: x === 3333 ? 99 : 0 }));
    const kept = thin(points, 300);
    expect(kept.length).toBeLessThanOrEqual(300);
    expect(kept).toContainEqual({ x: 3333, y: 99 });
    expect(kept.every((point, i) => i === 0 || point.x > kept[i - 1]!.x)).toBe(true);
  });
  it("get a running mean when they are noisy: 80 alternating 0 and 1, window 5 (half 2)", () => {
    const mean = runningMean(Array.from({ length: 80 }, (_, x) => ({ x, y: x % 2 })))!;
    // around x = 10: 0 1 0 1 0 → 2/5; around x = 11: 1 0 1 0 1 → 3/5; at x = 0: 0 1 0 → 1/3
    expect(mean[10]!.y).toBeCloseTo(0.4, 12);
    expect(mean[11]!.y).toBeCloseTo(0.6, 12);
    expect(mean[0]!.y).toBeCloseTo(1 / 3, 12);
  });
  it("get none when they are smooth, flat or few", () => {
    expect(
      runningMean(Array.from({ length: 200 }, (_, x) => ({ x, y: x < 20 ? x : 200 - x }))),
    ).toBeUndefined();
    expect(runningMean(Array.from({ length: 200 }, (_, x) => ({ x, y: 1 })))).toBeUndefined();
    expect(runningMean(Array.from({ length: 10 }, (_, x) => ({ x, y: x % 2 })))).toBeUndefined();
  });
  it("are moved sideways only when two series have whiskers", () => {
    const whiskers = { points: [{ low: 0 }] };
    expect(dodge([whiskers, whiskers])).toEqual([-2.5, 2.5]);
    expect(dodge([whiskers])).toEqual([0]);
    expect(dodge([{ points: [{}] }, whiskers])).toEqual([0, 0]);
  });
});
