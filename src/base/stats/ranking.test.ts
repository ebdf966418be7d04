import { expect, test } from "vitest";
import { auroc, precisionAtK } from "./ranking.ts";

test("AUROC counts ordered pairs, ties one half", () => {
  // positives .8 .4, negatives .6 .4: (.8>.6) 1, (.8>.4) 1, (.4<.6) 0, (.4=.4) 1/2 → 2.5 / 4
  expect(auroc([0.8, 0.4, 0.6, 0.4], [true, true, false, false])).toBe(0.625);
  expect(auroc([1, 2], [false, true])).toBe(1);
  expect(auroc([1, 2], [true, false])).toBe(0);
  expect(auroc([1, 2], [true, true])).toBeNull();
});

test("precision at k shares what is tied at the cut", () => {
  const scores = [5, 4, 4, 4, 1];
  const positive = [true, true, false, false, true];
  expect(precisionAtK(scores, positive, 1)).toBe(1);
  // 1 sure hit and one place among three equals with one positive: (1 + 1/3) / 2
  expect(precisionAtK(scores, positive, 2)).toBeCloseTo(2 / 3, 14);
  expect(precisionAtK(scores, positive, 5)).toBeCloseTo(3 / 5, 14);
  expect(precisionAtK(scores, positive, 6)).toBeNull();
  expect(precisionAtK(scores, positive, 0)).toBeNull();
});
