import { expect, test } from "vitest";
import { cohenKappa, fleissKappa, majorityChanceFloor, majorityShare } from "./kappa.ts";

const repeat = (n: number, pair: [string, string]) => Array.from({ length: n }, () => pair);

test("Cohen's kappa has the value of the published example (50 grant proposals, two readers)", () => {
  // As printed in Wikipedia, "Cohen's kappa", simple example:
  // 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, expected .5·.6 + .5·.4 = .5, kappa .2/.5
  const ratings = [
    ...repeat(20, ["yes", "yes"]),
    ...repeat(5, ["yes", "no"]),
    ...repeat(10, ["no", "yes"]),
    ...repeat(15, ["no", "no"]),
  ];
  expect(
    cohenKappa(
      ratings.map(([a]) => a),
      ratings.map(([, b]) => b),
    ),
  ).toBeCloseTo(0.4, 12);
});

test("kappa is undefined where chance agreement is certain", () => {
  expect(cohenKappa(["a", "a"], ["a", "a"])).toBeNull();
  expect(cohenKappa([], [])).toBeNull();
  expect(fleissKappa([])).toBeNull();
  expect(fleissKappa([[3, 0]])).toBeNull();
});

test("opposite raters have kappa -1", () => expect(cohenKappa(["a", "b"], ["b", "a"])).toBe(-1));

test("Fleiss' kappa has the value of the published example (14 raters, 10 items, 5 categories)", () => {
  // Fleiss 1971's worked layout as printed in Wikipedia: P̄ = .378, P̄e = .213, kappa .210
  const counts = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
  ];
  expect(fleissKappa(counts)).toBeCloseTo(0.20993, 5);
  expect(() =>
    fleissKappa([
      [2, 0],
      [1, 0],
    ]),
  ).toThrow("row 1 has 1 ratings, expected 2");
});

test("the chance floor of a majority is that of a fair coin", () => {
  expect(majorityChanceFloor(1)).toBe(1);
  // n = 2: max is 2, 1, 2 with 1/4, 1/2, 1/4: 1.5 / 2
  expect(majorityChanceFloor(2)).toBeCloseTo(0.75, 12);
  // n = 10: [1·10 + 10·9 + 45·8 + 120·7 + 210·6]·2 + 252·5 = 6380; / 1024 / 10
  expect(majorityChanceFloor(10)).toBeCloseTo(6380 / 10240, 12);
  expect(majorityShare(3, 10)).toBe(0.7);
  expect(majorityShare(0, 0)).toBeNull();
});
