import { expect, test } from "vitest";
import { groupBy, mean, median, quantile, standardDeviation, sum, variance } from "./describe.ts";

test("mean and spread are those of the textbook", () => {
  // 2 4 4 4 5 5 7 9: mean 5, squared distances 9+1+1+1+0+0+4+16 = 32, over n - 1 = 7
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(mean(values)).toBe(5);
  expect(variance(values)).toBeCloseTo(32 / 7, 14);
  expect(standardDeviation(values)).toBeCloseTo(Math.sqrt(32 / 7), 14);
});

test("a sum keeps what cancels", () => {
  expect(sum([1, 1e100, 1, -1e100])).toBe(2);
  expect(sum([])).toBe(0);
});

test("quantiles are NumPy's", () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6];
  expect([0, 0.1, 0.25, 0.5, 1].map((p) => quantile(values, p))).toEqual([1, 1, 1.75, 3.5, 9]);
  expect(quantile(values, 0.9)).toBeCloseTo(6.9, 12);
  expect(median([7])).toBe(7);
});

test("an empty or non-finite sample is an error that says so", () => {
  expect(() => mean([])).toThrow("mean: too few values, expected at least 1, got 0.");
  expect(() => mean([1, Number.NaN])).toThrow("mean: value 1 is not finite, expected a number, got NaN.");
  expect(() => variance([1])).toThrow("expected at least 2, got 1");
});

test("groups keep the order of first appearance", () => {
  expect(groupBy(["b1", "a1", "b2"], (item) => item[0]!)).toEqual([["b1", "b2"], ["a1"]]);
});
