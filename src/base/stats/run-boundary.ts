/**
 * How few failures, at every size of a growing sample at once, would be a surprise: the boundary of a sequential test of a Bernoulli
 * rate, exact at every size (alpha spending: Lan & DeMets 1983, on the binomial walk itself rather than on its normal limit).
 */
import { NumericsError } from "../core/errors.ts";
import { checkFraction } from "./check.ts";

/** How much of the error budget is spent before the last sizes. Chosen by simulation (docs/log.md); what is promised does not depend on it. */
const SPENT_EARLY = 0.7;
/** Mass of the walk below which its far end is not followed: it can add no more than n times this to what is crossed. */
const NEGLIGIBLE = 1e-18;

/** `most[t]`: among the first t trials at most so many failures cross the boundary, -1 where none do; `[n + 1]`. */
export type FailureBoundary = {
  readonly most: Int32Array;
  /** P(the walk is at or below the boundary at some t) for failures of exactly `rate`; at most 1 - level. */
  readonly crossing: number;
};

/**
 * The boundary for n trials: failures that come independently at `rate` are at or below `most[t]` after some t = 1 … n with probability
 * at most 1 - level. It rises by 0 or 1 from one size to the next. 70 % of the budget is spent evenly in log t from the first size at
 * which no failure at all could cross, the rest over the last sizes, as many as a standard deviation of the failures in n, in which it
 * can rise as far as it needs to: so all n count nearly as much as in a test of their own.
 *
 *   n = 2, rate = 0.4, level = 0.5: no failure in 1 has probability 0.6, too much; in 2 it has 0.36: most = [-1, -1, 0]
 *
 * @param n - trials, 0 or more
 * @throws NumericsError when a rate or level is outside (0, 1) or n is no count
 */
export function failureBoundary(n: number, rate: number, level: number): FailureBoundary {
  checkFraction("failureBoundary", "rate", rate);
  checkFraction("failureBoundary", "level", level);
  if (!(Number.isInteger(n) && n >= 0))
    throw new NumericsError("failureBoundary", `n is out of range, expected a count, got ${n}.`);
  const most = new Int32Array(n + 1).fill(-1);
  const budget = spending(n, rate, 1 - level);
  // walk[k]: P(k failures so far and the boundary not crossed yet), for k in (bound, top].
  const walk = new Float64Array(n + 2);
  walk[0] = 1;
  let [bound, top, crossing] = [-1, 0, 0];
  for (let t = 1; t <= n; t++) {
    top++;
    for (let k = top; k > bound; k--) walk[k] = walk[k]! * (1 - rate) + (k > 0 ? walk[k - 1]! * rate : 0);
    while (top > bound + 1 && walk[top]! < NEGLIGIBLE) walk[top--] = 0;
    const next = walk[bound + 1]!;
    if (t >= budget.from && crossing + next <= budget.by(t)) {
      crossing += next;
      walk[++bound] = 0;
    }
    most[t] = bound;
  }
  return { most, crossing };
}

/** The first size at which anything may cross, and how much may have crossed by each size. */
function spending(n: number, rate: number, error: number): { from: number; by: (t: number) => number } {
  const from = Math.ceil(Math.log(error) / Math.log(1 - rate));
  const span = Math.log(n / from);
  const last = n - Math.ceil(Math.sqrt(n * rate * (1 - rate)));
  return {
    from,
    by: (t) => (t >= last ? error : (error * SPENT_EARLY * Math.log(t / from)) / span),
  };
}
