import fc from "fast-check";
import { expect, test } from "vitest";
import { isotonicAt, isotonicFit } from "./isotonic.ts";

test("violators are pooled to their mean", () => {
  // 1, (3, 2) → 2.5, 4
  expect(isotonicFit([1, 2, 3, 4], [1, 3, 2, 4])).toEqual({ x: [1, 2, 3, 4], y: [1, 2.5, 2.5, 4] });
  // a pool that reaches back: 4, then (4, 0) → 2, 1 joins: 5/3
  expect(isotonicFit([1, 2, 3], [4, 0, 1])).toEqual({ x: [1, 3], y: [5 / 3, 5 / 3] });
});

test("equal x are averaged before anything is pooled", () => {
  // x = 2 averages to 1.5, above .5: nothing to pool. Pooling point by point would give 1.1667 everywhere.
  expect(isotonicFit([1, 2, 2], [0.5, 0, 3])).toEqual({ x: [1, 2], y: [0.5, 1.5] });
});

test("weights count as repeated points", () => {
  const weighted = isotonicFit([1, 2], [1, 0], [3, 1]);
  expect(weighted).toEqual(isotonicFit([1, 1, 1, 2], [1, 1, 1, 0]));
  expect(weighted.y[0]).toBe(0.75);
});

test("between blocks it is linear, beyond the ends constant", () => {
  const fit = { x: [0, 1, 3], y: [0, 1, 2] };
  expect([-5, 0, 0.5, 1, 2, 3, 9].map((x) => isotonicAt(fit, x))).toEqual([0, 0, 0.5, 1, 1.5, 2, 2]);
});

test("the fit is the best monotone one: residuals sum to zero and no shift of an upper part helps", () => {
  const points = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: -5, max: 5 })), {
    minLength: 1,
  });
  fc.assert(
    fc.property(points, (list) => {
      const fit = isotonicFit(
        list.map(([x]) => x),
        list.map(([, y]) => y),
      );
      for (let i = 1; i < fit.y.length; i++) expect(fit.y[i]!).toBeGreaterThanOrEqual(fit.y[i - 1]!);
      // Optimality (Barlow et al.): for every cut c, Σ_{x >= c} (y - fit) <= 0, with equality over all points.
      for (let cut = 0; cut <= 9; cut++) {
        const above = list.filter(([x]) => x >= cut).map(([x, y]) => y - isotonicAt(fit, x));
        expect(above.reduce((a, b) => a + b, 0)).toBeLessThan(1e-9);
      }
      expect(Math.abs(list.reduce((a, [x, y]) => a + y - isotonicAt(fit, x), 0))).toBeLessThan(1e-9);
    }),
  );
});
