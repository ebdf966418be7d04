import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered } from "../../../../test/helpers/grad-check.ts";
import { constant, exact, openLab } from "../../../../test/helpers/lab.ts";
import { input } from "../tensor.ts";
import * as ops from "./time-major.ts";

const lab = openLab();
afterAll(() => lab.close());

// b is stored time first: b[t][m][d], T = 3, M = 2, D = 2.
const b = constant(exact([3, 2, 2], [1, 2, 10, 20, 3, 4, 30, 40, 5, 6, 50, 60]));
const weights = constant(exact([2, 1, 3], [1, 0, 2, 1, 1, 1]));
const queries = constant(exact([2, 1, 2], [1, -1, 2, 0.5]));

const cases: Record<string, Check[]> = {
  timeMajorMatmul: [
    check({
      feeds: { a: weights, b },
      build: ({ a, b }) => ops.timeMajorMatmul(a, b),
      // m = 0: 1·[1, 2] + 0·[3, 4] + 2·[5, 6]; m = 1: [10, 20] + [30, 40] + [50, 60]
      values: [11, 14, 90, 120],
    }),
    check({
      feeds: { a: queries, b },
      build: ({ a, b }) => ops.timeMajorMatmul(a, b, { transB: true, alpha: 0.5 }),
      // m = 0: ½([1, -1]·[1, 2], ·[3, 4], ·[5, 6]); m = 1: ½([2, ½]·[10, 20], ·[30, 40], ·[50, 60])
      values: [-0.5, -0.5, -0.5, 15, 40, 65],
    }),
  ],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i has the values worked by hand", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases));

test("sizes that do not fit are refused", () => {
  const a = input("a", "float", [2, 1, 4]);
  expect(() => ops.timeMajorMatmul(a, input("b", "float", [3, 2, 2]))).toThrow(/do not fit/);
});
