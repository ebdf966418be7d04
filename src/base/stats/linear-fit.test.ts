/** Least squares against a fit worked by hand. */
import { expect, test } from "vitest";
import { linearFit } from "./linear-fit.ts";

test("a line through 1, 2, 4 at 0, 1, 2", () => {
  // Means 1 and 7/3; sxx = 2, sxy = 3, syy = 14/3: slope 3/2, intercept 5/6, r² = 9 / (2 · 14/3) = 27/28.
  const fit = linearFit([0, 1, 2], [1, 2, 4])!;
  expect(fit.slope).toBeCloseTo(1.5, 12);
  expect(fit.intercept).toBeCloseTo(5 / 6, 12);
  expect(fit.r2).toBeCloseTo(27 / 28, 12);
});

test("without spread there is no line", () => {
  expect(linearFit([1, 1], [0, 2])).toBeNull();
  expect(linearFit([1], [0])).toBeNull();
});
