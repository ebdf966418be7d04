import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { mean } from "./describe.ts";
import { logistic } from "./special.ts";
import { lengthControlledWinRate, performanceGapRecovered } from "./win-rate.ts";

test("with no relation of length and winning the controlled rate is the plain one", () => {
  // every gap occurs once with a win and once with a loss, and the gaps are symmetric
  const result = lengthControlledWinRate([1, 0, 1, 0], [10, 10, 20, 20], [15, 15, 15, 15]);
  expect(result.winRate).toBe(0.5);
  expect(result.lengthControlled).toBeCloseTo(0.5, 10);
  expect(result.lengthCoefficient).toBeCloseTo(0, 10);
});

test("swapping the models mirrors the result", () => {
  const rng = createRng("swap");
  const wins = Array.from({ length: 50 }, () => (rng.next() < 0.6 ? 1 : 0));
  const a = wins.map((w) => 50 + rng.int(50) + 10 * w);
  const b = wins.map(() => 50 + rng.int(50));
  const one = lengthControlledWinRate(wins, a, b);
  const other = lengthControlledWinRate(
    wins.map((w) => 1 - w),
    b,
    a,
  );
  expect(one.lengthControlled! + other.lengthControlled!).toBeCloseTo(1, 9);
  expect(one.lengthCoefficient!).toBeCloseTo(other.lengthCoefficient!, 8);
});

test("a judge that likes length is seen through", () => {
  // P(win) = σ(0 + 2 tanh(gap / sd)), gaps mostly positive: plain rate far above 1/2, controlled rate near σ(0).
  // 4000 comparisons: standard error of the intercept about 0.05, of the rate about 0.012.
  const rng = createRng("long");
  const gaps = Array.from({ length: 4000 }, () => 30 + 20 * rng.normal());
  const sd = 20;
  const wins = gaps.map((gap) => (rng.next() < logistic(2 * Math.tanh(gap / sd)) ? 1 : 0));
  const result = lengthControlledWinRate(
    wins,
    gaps.map((g) => g + 500),
    gaps.map(() => 500),
  );
  expect(mean(wins)).toBeGreaterThan(0.75);
  expect(Math.abs(result.lengthControlled! - 0.5)).toBeLessThan(0.05);
  expect(Math.abs(result.lengthCoefficient! - 2)).toBeLessThan(0.25);
});

test("without differences of length there is nothing to control, and one-sided results are undefined", () => {
  expect(lengthControlledWinRate([1, 0, 1], [5, 6, 7], [5, 6, 7]).lengthControlled).toBeCloseTo(2 / 3, 12);
  expect(lengthControlledWinRate([1, 1], [5, 6], [1, 1])).toEqual({
    winRate: 1,
    lengthControlled: null,
    lengthCoefficient: null,
    n: 2,
  });
});

test("the performance gap recovered is the share of the way to the ceiling", () => {
  expect(performanceGapRecovered(60, 70, 80)).toBe(0.5);
  expect(performanceGapRecovered(60, 50, 80)).toBe(-0.5);
  expect(performanceGapRecovered(80, 90, 80)).toBeNull();
});
