import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ExportRow } from "../elsewhere/request.ts";
import { systematicCounts, weigh } from "./weigh.ts";

const row = (i: number, weight: number, pChosen = 0.5 + weight / 2): ExportRow => ({
  id: `r${i}`,
  prompt: `p${i}`,
  chosen: "a",
  rejected: "b",
  weight,
  pChosen,
});

describe("resampling", () => {
  test("weights 1, 3, 0 and 8 draws from u = 0.5 give 2, 6 and 0 copies", () => {
    // The line 0..8 is cut at 2 and 8; the points are 0.5, 1.5 | 2.5 … 7.5.
    expect(systematicCounts([1, 3, 0], 8, 0.5)).toEqual([2, 6, 0]);
  });

  test("every row gets floor or ceil of its share, a weight of 0 none, and the sum is exact", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 10, noNaN: true })), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (weights, size, u) => {
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          fc.pre(total > 0);
          const counts = systematicCounts(weights, size, u);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(size);
          for (const [i, weight] of weights.entries()) {
            if (weight === 0) expect(counts[i]).toBe(0);
            expect(Math.abs(counts[i]! - (size * weight) / total)).toBeLessThan(1 + 1e-6);
          }
        },
      ),
    );
  });

  test("copies have ids of their own, the same seed gives the same rows, and it is said", () => {
    const rows = [row(1, 0.1), row(2, 0.9)];
    const first = weigh(rows, { kind: "resample", budget: 10, seed: 3 });
    expect(first).toEqual(weigh(rows, { kind: "resample", budget: 10, seed: 3 }));
    expect(first.rows.map(({ prompt }) => prompt).filter((prompt) => prompt === "p2")).toHaveLength(9);
    expect(new Set(first.rows.map(({ id }) => id)).size).toBe(10);
    expect(first.said).toMatch(
      /10 rows drawn in proportion to weight, seed 3: 2 of 2 rows, .* mean, 0\.5000/,
    );
  });
});

describe("filtering", () => {
  const rows = [row(1, 0.2), row(2, 0.8), row(3, 0.4), row(4, 0.8)];
  test("by confidence and by budget, in the old order", () => {
    const ids = (rule: Parameters<typeof weigh>[1]) => weigh(rows, rule).rows.map(({ id }) => id);
    expect(ids({ kind: "filter", minConfidence: 0.7 })).toEqual(["r2", "r3", "r4"]);
    expect(ids({ kind: "filter", budget: 1 })).toEqual(["r2"]);
    expect(ids({ kind: "filter", budget: 0.5 })).toEqual(["r2", "r4"]);
  });

  test("what cannot be done is said: both rules, neither, nothing left, no p_chosen", () => {
    expect(() => weigh(rows, { kind: "filter" })).toThrow(/expected --min-confidence or --budget/);
    expect(() => weigh(rows, { kind: "filter", minConfidence: 0.6, budget: 2 })).toThrow(/one of them/);
    expect(() => weigh(rows, { kind: "filter", minConfidence: 0.99 })).toThrow(
      /none of 4 rows is left; the largest p_chosen is 0.9/,
    );
    const { pChosen: _, weight: _w, ...bare } = row(9, 1);
    expect(() => weigh([bare], { kind: "filter", budget: 1 })).toThrow(/row r9 has no p_chosen/);
    expect(() => weigh([bare], { kind: "resample", seed: 1 })).toThrow(/row r9 has no weight/);
  });
});
