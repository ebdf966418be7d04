import { describe, expect, test } from "vitest";
import { NumericsError } from "../../base/core/errors.ts";
import { input } from "../../engine/graph/tensor.ts";
import { batchLoss, globalNormaliser } from "./normalise.ts";

describe("the global normaliser", () => {
  test("is the number of pairs, weights of 0 included, or the sum of weights", () => {
    expect(globalNormaliser("pairs", [0.5, 0, 2])).toBe(3);
    expect(globalNormaliser("weights", [0.5, 0, 2])).toBe(2.5);
  });

  test("refuses weights that are negative or not finite", () => {
    for (const weight of [-0.1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => globalNormaliser("pairs", [1, weight])).toThrow(NumericsError);
    expect(() => globalNormaliser("pairs", [1, -0.1])).toThrow(
      "weight of pair 1 of the batch must be finite and at least 0, got -0.1",
    );
  });

  test("refuses to divide by nothing", () => {
    expect(() => globalNormaliser("pairs", [])).toThrow("0 pairs");
    expect(() => globalNormaliser("weights", [0, 0])).toThrow('set normalise: "pairs"');
    expect(globalNormaliser("pairs", [0, 0])).toBe(2);
  });
});

test("a batch loss takes its normaliser as a scalar", () => {
  expect(() => batchLoss(input("losses", "float", ["B"]), input("n", "float", ["B"]))).toThrow(
    "must be a scalar, got [B]",
  );
});
