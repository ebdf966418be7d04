import fc from "fast-check";
import { expect, test } from "vitest";
import { kendall, pearson, ranks, spearman } from "./correlation.ts";

const x = [1, 2, 2, 3, 4, 4, 5];
const y = [1, 3, 2, 2, 5, 4, 4];

test("the three correlations have SciPy's values on tied data", () => {
  expect(pearson(x, y)).toBeCloseTo(0.8333333333333336, 12);
  expect(spearman(x, y)).toBeCloseTo(0.8333333333333335, 12);
  expect(kendall(x, y)).toBeCloseTo(0.6842105263157894, 12);
});

test("Kendall's tau counts exchanges", () => {
  // 2 1 4 3 7 8 6 5: inversions 1 + 1 + (7>6, 7>5, 8>6, 8>5, 6>5) = 7 of 28: (21 - 7) / 28
  expect(kendall([1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 7, 8, 6, 5])).toBeCloseTo(0.5, 14);
  expect(kendall([1, 2, 3], [3, 2, 1])).toBe(-1);
});

test("ties share the mean of their ranks", () => expect(ranks([10, 20, 10, 30])).toEqual([1.5, 3, 1.5, 4]));

test("no spread or no data is null, never NaN", () => {
  for (const f of [pearson, spearman, kendall]) {
    expect(f([], [])).toBeNull();
    expect(f([1], [2])).toBeNull();
    expect(f([1, 1, 1], [1, 2, 3])).toBeNull();
    expect(f([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
    expect(() => f([1, 2], [1])).toThrow("expected 2, got 1");
  }
});

test("Knight's count equals the count over all pairs", () => {
  const list = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(list, (points) => {
      let [s, nx, ny] = [0, 0, 0];
      points.forEach(([x1, y1], i) => {
        for (const [x2, y2] of points.slice(0, i)) {
          s += Math.sign(x1 - x2) * Math.sign(y1 - y2);
          nx += Math.abs(Math.sign(x1 - x2));
          ny += Math.abs(Math.sign(y1 - y2));
        }
      });
      const expected = nx === 0 || ny === 0 ? null : s / Math.sqrt(nx) / Math.sqrt(ny);
      const actual = kendall(
        points.map(([a]) => a),
        points.map(([, b]) => b),
      );
      if (expected === null) expect(actual).toBeNull();
      else expect(actual).toBeCloseTo(expected, 12);
    }),
  );
});
