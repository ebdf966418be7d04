/** The most labels of which people can be promised to disagree with at most so many: numbers in, indices out. */
import { z } from "zod";
import { NumericsError } from "../../base/core/errors.ts";
import { binomialUpperBound } from "../../base/stats/binomial.ts";
import { checkFraction, checkPaired, checkSample } from "../../base/stats/check.ts";
import { failureBoundary } from "../../base/stats/run-boundary.ts";

/** What is asked for. `level` in (0, 1), default 0.95: how often, over draws of the held-out pairs, the promise holds. */
export type PromiseRequest = {
  /** |margin| of each label that may be kept, 0 or more. */
  readonly margins: readonly number[];
  /** |margin| of held-out labels whose human label is known, from the same population, independent of each other. */
  readonly heldOutMargins: readonly number[];
  /** Whether the human agrees with each. */
  readonly heldOutAgrees: readonly boolean[];
  /** Highest disagreement rate allowed, in (0, 1). */
  readonly maxDisagreement: number;
  readonly level?: number | undefined;
};

/** What can be promised. `kept` are indices into `margins`; with none, `threshold` is null and `reason` says why. */
export const promisedSchema = z.object({
  kept: z.array(z.number()).readonly(),
  /** Least |margin| that is kept. */
  threshold: z.number().nullable(),
  /** Labels that could have been kept. */
  selectable: z.number(),
  /**
   * Held-out labels at or above the threshold (all of them where every label is kept, or none), and how many of them the human
   * disagrees with. Their rate is what was seen, below the limit by the margin that the promise takes.
   */
  heldOut: z.object({ n: z.number(), disagreements: z.number() }),
  /** What the rate of kept labels is promised not to exceed, the limit that was asked for; null when none are kept. */
  bound: z.number().nullable(),
  maxDisagreement: z.number(),
  level: z.number(),
  reason: z.string().nullable(),
});

/** The same as a value. */
export type PromisedSelection = z.output<typeof promisedSchema>;

/**
 * The largest set {|margin| >= λ} whose disagreement rate with humans is at most `maxDisagreement`, promised at `level`:
 * over repeated draws of the held-out pairs, P(disagree | |margin| >= λ) exceeds the limit in at most 1 - level of them.
 *
 * Every λ is tried at once (Learn then Test: Angelopoulos et al. 2021, arXiv 2110.01052, with one joint test in place of a sequence):
 * λ may be kept where, of the n(λ) held-out pairs at or above it, at most `most[n(λ)]` disagree, `most` being the boundary that errors
 * coming at exactly the limit cross anywhere with probability 1 - level (`base/stats/run-boundary.ts`). Sequences of tests give up where
 * their first set is small, or share the level among starting points; here sets that hold each other share it by how alike they are.
 *
 * Why this is valid for any shape of accuracy by margin. Call λ bad when its rate R(λ) is above the limit α. Put what a held-out pair
 * can be in one order: right with the largest margin, …, right with the smallest, wrong with the smallest, …, wrong with the largest.
 * Replace a pair by one later in that order, and at every λ the counts (n, wrong) turn from (n, k) to one of (n - 1, k), (n, k + 1),
 * (n + 1, k + 1) or stay; `most` rises by 0 or 1 a step, so λ that could not be kept still cannot. Looked at through the bad λ alone,
 * the true law of a pair lies later than that of pairs wrong at rate α whatever their margin: P(wrong, at or above λ) = R(λ) P(at or
 * above λ) > α P(at or above λ), and the right ones the other way round. So a bad λ is kept no more often than under errors that come
 * at rate α in the order of the margins, and there the counts are the walk that the boundary was made for (docs/decisions/0008).
 *
 * Labels are put in the order of their margins and not of calibrated confidences. A curve fitted to the answers of the held-out pairs
 * has steps where these answers put them (isotonic fits), and a set that ends at such a step is the best of many. Margins of an
 * ensemble depend on its members' calibrators, which must be fitted on other pairs. The rate is the population's: among finitely many
 * kept labels it scatters around it.
 *
 * @throws NumericsError when lengths differ or a number is out of range
 */
export function selectWithPromise(request: PromiseRequest): PromisedSelection {
  const { margins, heldOutMargins, maxDisagreement } = request;
  const level = request.level ?? 0.95;
  checkRequest(request, level);
  const { most } = failureBoundary(heldOutMargins.length, maxDisagreement, level);
  const best = candidates(request).findLast(({ n, disagreements }) => n > 0 && disagreements <= most[n]!);
  if (best === undefined) return nothing(request, level);
  const { threshold, n, disagreements } = best;
  return {
    kept: margins.flatMap((margin, i) => (margin >= threshold ? [i] : [])),
    threshold,
    selectable: margins.length,
    heldOut: { n, disagreements },
    bound: maxDisagreement,
    maxDisagreement,
    level,
    reason: null,
  };
}

type Candidate = { readonly threshold: number; readonly n: number; readonly disagreements: number };

/**
 * Sets that could be kept, from small to large: for each number of held-out pairs the lowest margin of the pool with so many at or above
 * it, and last the whole pool, which is the population's own rate, whatever lies below the pool's least margin.
 */
function candidates({ margins, heldOutMargins, heldOutAgrees }: PromiseRequest): Candidate[] {
  const pool = Float64Array.from(margins).sort().reverse();
  const order = [...heldOutMargins.keys()].sort((i, j) => heldOutMargins[j]! - heldOutMargins[i]!);
  const found: Candidate[] = [];
  let [n, disagreements] = [0, 0];
  for (const threshold of pool) {
    for (; n < order.length && heldOutMargins[order[n]!]! >= threshold; n++)
      if (!heldOutAgrees[order[n]!]) disagreements++;
    if (found.at(-1)?.n === n) found.pop();
    found.push({ threshold, n, disagreements });
  }
  const lowest = pool.at(-1);
  return lowest === undefined ? [] : [...found, { threshold: lowest, ...all(heldOutAgrees) }];
}

const all = (agrees: readonly boolean[]) => ({
  n: agrees.length,
  disagreements: agrees.filter((agrees) => !agrees).length,
});

function nothing(
  { margins, heldOutAgrees, maxDisagreement: limit }: PromiseRequest,
  level: number,
): PromisedSelection {
  const heldOut = all(heldOutAgrees);
  const needed = Math.ceil(Math.log(1 - level) / Math.log(1 - limit));
  const bound = () => binomialUpperBound(heldOut.disagreements, heldOut.n, level).toFixed(3);
  const reason =
    margins.length === 0
      ? "there are no labels to select from."
      : heldOut.n < needed
        ? `${heldOut.n} held-out labels are too few, expected at least ${needed} for a bound of ${limit} at level ${level} even without a disagreement. Add human labels.`
        : `humans disagree with ${heldOut.disagreements} of all ${heldOut.n} held-out labels (their rate alone is bounded at ${bound()}), and no set of the most confident is enough better to promise ${limit}. Allow more, add human labels, or train a better teacher.`;
  return {
    ...{ kept: [], threshold: null, selectable: margins.length, heldOut, bound: null },
    ...{ maxDisagreement: limit, level, reason },
  };
}

function checkRequest(request: PromiseRequest, level: number): void {
  checkPaired("selectWithPromise", request.heldOutMargins, request.heldOutAgrees);
  for (const margins of [request.margins, request.heldOutMargins]) {
    checkSample("selectWithPromise", margins, 0);
    const negative = margins.find((margin) => margin < 0);
    if (negative !== undefined)
      throw new NumericsError(
        "selectWithPromise",
        `a |margin| is below 0, expected 0 or more, got ${negative}.`,
      );
  }
  checkFraction("selectWithPromise", "maxDisagreement", request.maxDisagreement);
  checkFraction("selectWithPromise", "level", level);
}
