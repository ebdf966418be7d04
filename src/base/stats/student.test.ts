import { expect, test } from "vitest";
import { studentQuantile } from "./student.ts";

test("quantiles are those of printed tables", () => {
  // Fisher & Yates, table III; df 1 is Cauchy's: tan(0.475 π) = 12.706.
  expect(studentQuantile(0.95, 1)).toBeCloseTo(Math.tan(0.475 * Math.PI), 6);
  expect(studentQuantile(0.95, 2)).toBeCloseTo(4.302653, 5);
  expect(studentQuantile(0.95, 4)).toBeCloseTo(2.776445, 5);
  expect(studentQuantile(0.99, 10)).toBeCloseTo(3.169273, 5);
});
