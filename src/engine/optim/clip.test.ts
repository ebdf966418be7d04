import { expect, test } from "vitest";
import { NumericsError } from "../../base/core/errors.ts";
import { clipFactor } from "./clip.ts";

test("a norm above the limit is scaled to it, as torch does with its 1e-6", () => {
  expect(clipFactor(5, 2.5)).toBe(2.5 / 5.000001);
  expect(clipFactor(2, 2.5)).toBe(1);
  expect(clipFactor(2.5, 2.5)).toBe(2.5 / 2.500001); // at the limit torch scales, too
  expect(clipFactor(0, 1)).toBe(1);
  expect(clipFactor(1e9, undefined)).toBe(1);
});

test("a norm that is not finite is an error, with or without a limit", () => {
  for (const norm of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => clipFactor(norm, 1)).toThrow(NumericsError);
    expect(() => clipFactor(norm, undefined)).toThrow(`the norm of the gradients is ${norm}`);
  }
});
