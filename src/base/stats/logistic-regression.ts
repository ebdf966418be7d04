/**
 * Logistic regression by iteratively reweighted least squares (McCullagh & Nelder 1989, section 4.4), with a ridge;
 * and the one- and two-parameter fits of calibration built on it.
 */
import { NumericsError } from "../core/errors.ts";
import { checkPaired, checkProbabilities, checkSample } from "./check.ts";
import { sum } from "./describe.ts";
import { cholesky, choleskySolve } from "./linear.ts";
import { logistic, logLogistic } from "./special.ts";

/** A fitted model; `standardErrors` from the inverse information at the optimum, ridge included. */
export type LogisticFit = {
  readonly coefficients: readonly number[];
  readonly standardErrors: readonly number[];
  readonly iterations: number;
  /** Σ of the log-likelihood, nats, without the penalty. */
  readonly logLikelihood: number;
};

/** `ridge[j]` penalises coefficient j by ridge/2 · coefficient²; default none. `weights` default all 1. */
export type LogisticOptions = {
  readonly ridge?: readonly number[];
  readonly weights?: readonly number[];
  readonly maxIterations?: number;
};

/**
 * Maximises Σ w [y log σ(xβ) + (1 - y) log σ(-xβ)] - ½ Σ ridge β². Add a column of ones for an intercept.
 *
 * @param rows - `[n, D]`, D a handful
 * @param outcomes - `[n]` in [0, 1]; fractions are soft labels
 * @throws NumericsError when columns depend on each other, or there is no finite optimum (the classes are separable and
 *   there is no ridge)
 */
export function logisticRegression(
  rows: readonly (readonly number[])[],
  outcomes: readonly number[],
  options: LogisticOptions = {},
): LogisticFit {
  checkPaired("logisticRegression", rows, outcomes);
  checkProbabilities("logisticRegression", outcomes);
  checkSample("logisticRegression", rows.flat());
  const problem: Problem = {
    rows,
    outcomes,
    weights: options.weights ?? rows.map(() => 1),
    ridge: options.ridge ?? rows[0]!.map(() => 0),
  };
  let beta = rows[0]!.map(() => 0);
  let objective = objectiveAt(problem, beta);
  for (let iteration = 1; iteration <= (options.maxIterations ?? 100); iteration++) {
    const step = newtonStep(problem, beta, iteration);
    const next = halved(problem, beta, step, objective);
    const moved = Math.max(
      ...next.beta.map((value, j) => Math.abs(value - beta[j]!) / (1 + Math.abs(value))),
    );
    ({ beta, objective } = next);
    if (moved < 1e-10) return finish(problem, beta, iteration);
  }
  throw separable(beta);
}

function separable(beta: readonly number[]): NumericsError {
  const reached = beta.map((b) => b.toPrecision(3)).join(", ");
  return new NumericsError(
    "logisticRegression",
    `no finite optimum: the outcomes are separable, coefficients reached ${reached}. Add a ridge.`,
  );
}

type Problem = {
  rows: readonly (readonly number[])[];
  outcomes: readonly number[];
  weights: readonly number[];
  ridge: readonly number[];
};

const linear = (row: readonly number[], beta: readonly number[]) =>
  row.reduce((acc, value, j) => acc + value * beta[j]!, 0);

function logLikelihoodAt({ rows, outcomes, weights }: Problem, beta: readonly number[]): number {
  return sum(
    rows.map((row, i) => {
      const eta = linear(row, beta);
      return weights[i]! * (outcomes[i]! * logLogistic(eta) + (1 - outcomes[i]!) * logLogistic(-eta));
    }),
  );
}

function objectiveAt(problem: Problem, beta: readonly number[]): number {
  return logLikelihoodAt(problem, beta) - 0.5 * sum(beta.map((b, j) => problem.ridge[j]! * b * b));
}

function information({ rows, weights, ridge }: Problem, beta: readonly number[]): number[][] {
  const matrix = beta.map((_, j) => beta.map((_, k) => (j === k ? ridge[j]! : 0)));
  rows.forEach((row, i) => {
    const p = logistic(linear(row, beta));
    const w = weights[i]! * p * (1 - p);
    for (let j = 0; j < row.length; j++) {
      for (let k = 0; k < row.length; k++) matrix[j]![k]! += w * row[j]! * row[k]!;
    }
  });
  return matrix;
}

function newtonStep(problem: Problem, beta: readonly number[], iteration: number): number[] {
  const gradient = beta.map((b, j) => -problem.ridge[j]! * b);
  problem.rows.forEach((row, i) => {
    const residual = problem.weights[i]! * (problem.outcomes[i]! - logistic(linear(row, beta)));
    for (let j = 0; j < row.length; j++) gradient[j]! += residual * row[j]!;
  });
  try {
    return choleskySolve(cholesky(information(problem, beta), "logisticRegression"), gradient);
  } catch (error) {
    // Dependent columns show at the first step, where all weights are alike; later it is the weights that have vanished.
    throw iteration === 1 ? error : separable(beta);
  }
}

/** The step, halved until it does not lower the objective. */
function halved(problem: Problem, beta: readonly number[], step: readonly number[], objective: number) {
  for (let scale = 1; scale > 1e-10; scale /= 2) {
    const next = beta.map((value, j) => value + scale * step[j]!);
    const reached = objectiveAt(problem, next);
    // At the optimum the objective moves by rounding only: such a step must not be refused.
    if (reached >= objective - 1e-13 * Math.abs(objective)) return { beta: next, objective: reached };
  }
  return { beta: [...beta], objective };
}

function finish(problem: Problem, coefficients: number[], iterations: number): LogisticFit {
  const factor = cholesky(information(problem, coefficients), "logisticRegression");
  const standardErrors = coefficients.map((_, j) =>
    Math.sqrt(
      choleskySolve(
        factor,
        coefficients.map((_, k) => (j === k ? 1 : 0)),
      )[j]!,
    ),
  );
  return { coefficients, standardErrors, iterations, logLikelihood: logLikelihoodAt(problem, coefficients) };
}

/**
 * Slope of p = σ(slope · score), no intercept: the inverse of the temperature of Guo et al. 2017 (section 4.2).
 * May come out negative when scores point the wrong way.
 *
 * @param outcomes - in [0, 1]
 * @throws NumericsError when the outcomes are separable by the sign of the score, or every score is 0
 */
export function slopeFit(scores: readonly number[], outcomes: readonly number[]): number {
  return logisticRegression(
    scores.map((score) => [score]),
    outcomes,
  ).coefficients[0]!;
}
