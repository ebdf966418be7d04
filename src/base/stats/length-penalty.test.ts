import fc from "fast-check";
import { expect, test } from "vitest";
import { fitLengthPenalty } from "./length-penalty.ts";

test("alpha is the weighted median of margin over gap", () => {
  // points 1/10 (weight 10), 3/10 (10), 8/20 (20): the gap falls 40, 20, 0, -40 over /3; zero between 0.3 and 0.4
  const fit = fitLengthPenalty([1, 3, 8], [10, 10, 20]);
  expect(fit.alpha).toBeCloseTo(0.35, 12);
  expect(fit).toMatchObject({ n: 3, meanGapAfter: 0 });
  expect(fit.meanGapBefore).toBeCloseTo(40 / 3, 12);
  // a labeller that likes short answers has a negative one
  expect(fitLengthPenalty([-1, -3, -8], [10, 10, 20]).alpha).toBeCloseTo(-0.35, 12);
});

test("balanced scores need no correction, nor do equal lengths or no pairs", () => {
  expect(fitLengthPenalty([1, -1], [10, 10]).alpha).toBe(0);
  expect(fitLengthPenalty([1, -1], [0, 0])).toMatchObject({ alpha: 0, meanGapBefore: 0 });
  expect(fitLengthPenalty([], [])).toEqual({ alpha: 0, n: 0, meanGapBefore: 0, meanGapAfter: 0 });
});

test("no alpha of a fine grid balances better, and mirrored pairs change nothing", () => {
  const row = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -9, max: 9 }));
  fc.assert(
    fc.property(fc.array(row, { minLength: 2, maxLength: 20 }), (rows) => {
      const points = new Set(rows.filter(([, gap]) => gap !== 0).map(([m, gap]) => m / gap));
      if (points.size < 2) return;
      const margins = rows.map(([m]) => m);
      const gaps = rows.map(([, gap]) => gap);
      const { alpha, meanGapAfter } = fitLengthPenalty(margins, gaps);
      // Grid values off every m/gap (denominators up to 9), where some pair would be tied and add nothing.
      for (let step = -60; step <= 60; step += 0.371) {
        const gap =
          margins.reduce((total, m, i) => total + Math.sign(m - step * gaps[i]!) * gaps[i]!, 0) /
          margins.length;
        expect(Math.abs(meanGapAfter)).toBeLessThanOrEqual(Math.abs(gap) + 1e-9);
      }
      const mirrored = fitLengthPenalty(
        margins.map((m, i) => (i % 2 ? -m : m)),
        gaps.map((gap, i) => (i % 2 ? -gap : gap)),
      );
      expect(mirrored.alpha).toBeCloseTo(alpha, 12);
    }),
  );
});
