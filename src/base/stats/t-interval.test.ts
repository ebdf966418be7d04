import { expect, test } from "vitest";
import { studentQuantile, tInterval } from "./t-interval.ts";

test("quantiles are those of printed tables", () => {
  // Fisher & Yates, table III; df 1 is Cauchy's: tan(0.475 π) = 12.706.
  expect(studentQuantile(0.95, 1)).toBeCloseTo(Math.tan(0.475 * Math.PI), 6);
  expect(studentQuantile(0.95, 2)).toBeCloseTo(4.302653, 5);
  expect(studentQuantile(0.95, 4)).toBeCloseTo(2.776445, 5);
  expect(studentQuantile(0.99, 10)).toBeCloseTo(3.169273, 5);
});

test("the interval of 1, 2, 3 is 2 ± 4.303 / √3", () => {
  const interval = tInterval([1, 2, 3])!;
  expect(interval).toMatchObject({ estimate: 2, n: 3, level: 0.95 });
  expect(interval.high - 2).toBeCloseTo(4.302653 / Math.sqrt(3), 5);
  expect(2 - interval.low).toBeCloseTo(interval.high - 2, 12);
  expect(tInterval([1])).toBeNull();
  expect(() => tInterval([1, Number.NaN])).toThrow("value 1 is not finite");
});
