import { expect, test } from "vitest";
import { logisticRegression, slopeFit } from "./logistic-regression.ts";

const hours = [0.5, 1.5, 2, 2.5, 3, 4];
const passed = [0, 0, 1, 0, 1, 1];

test("coefficients, standard errors and likelihood are those of SciPy's minimiser", () => {
  const fit = logisticRegression(
    hours.map((h) => [1, h]),
    passed,
  );
  expect(fit.coefficients[0]).toBeCloseTo(-4.93185511, 6);
  expect(fit.coefficients[1]).toBeCloseTo(2.1919356, 6);
  expect(fit.standardErrors[0]).toBeCloseTo(4.20771506, 5);
  expect(fit.standardErrors[1]).toBeCloseTo(1.80084654, 5);
  expect(fit.logLikelihood).toBeCloseTo(-2.404436805777384, 10);
});

test("an intercept alone is the log-odds, with the textbook standard error", () => {
  // 3 of 4: log 3, se 1/sqrt(4·.75·.25)
  const fit = logisticRegression([[1], [1], [1], [1]], [1, 1, 1, 0]);
  expect(fit.coefficients[0]).toBeCloseTo(Math.log(3), 12);
  expect(fit.standardErrors[0]).toBeCloseTo(1 / Math.sqrt(0.75), 10);
});

test("a weight is a repetition and a soft label is a mixture", () => {
  const weighted = logisticRegression([[1], [1]], [1, 0], { weights: [3, 1] });
  expect(weighted.coefficients[0]).toBeCloseTo(Math.log(3), 12);
  expect(logisticRegression([[1]], [0.75]).coefficients[0]).toBeCloseTo(Math.log(3), 12);
});

test("separable classes are an error without a ridge and a finite fit with one", () => {
  expect(() => logisticRegression([[-1], [1]], [0, 1])).toThrow("Add a ridge");
  const fit = logisticRegression([[-1], [1]], [0, 1], { ridge: [0.5] });
  // optimum: 2 σ(-b) = b/2
  const b = fit.coefficients[0]!;
  expect(2 / (1 + Math.exp(b))).toBeCloseTo(b / 2, 10);
});

test("columns that depend on each other are named", () => {
  expect(() =>
    logisticRegression(
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      [0, 1, 1],
    ),
  ).toThrow("column 1 depends on the others");
});

test("the slope of one margin size is its log-odds per unit", () => {
  // margin 2, right 3 of 4 times: σ(2s) = 3/4
  expect(slopeFit([2, 2, 2, 2], [1, 1, 1, 0])).toBeCloseTo(Math.log(3) / 2, 12);
  expect(slopeFit([2, 2, 2, 2], [0, 0, 0, 1])).toBeCloseTo(-Math.log(3) / 2, 12);
});
