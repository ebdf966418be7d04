/**
 * Which labels to use: the top N %, those above a threshold, or the most for which a bound on the disagreement with humans
 * can be promised. Selecting reads confidences and margins only; nothing is scored again.
 */
import { ConfigError, NumericsError } from "../core/errors.ts";
import { binomialCdf, binomialUpperBound } from "../stats/binomial.ts";
import { checkFraction, checkPaired, checkSample } from "../stats/check.ts";
import { isDecided, type Label, UNSELECTED } from "./label.ts";

/** Which labels are used. `promise`: held-out labels must be made in the same form; one pair of each prompt (`independentPairs`). */
export type SelectionRule =
  | { readonly rule: "all" }
  | { readonly rule: "top"; readonly percent: number }
  | { readonly rule: "threshold"; readonly minConfidence: number }
  | {
      readonly rule: "promise";
      readonly maxDisagreement: number;
      readonly level?: number;
      /** |margin| of each. */
      readonly heldOutMargins: readonly number[];
      readonly heldOutAgrees: readonly boolean[];
    };

/** `kept` are ids; `selectable` counts labels that prefer a side; `threshold` is the lowest confidence kept, null if none. */
export type Selection = {
  readonly kept: ReadonlySet<string>;
  readonly threshold: number | null;
  readonly selectable: number;
};

/** Keeps decided labels of confidence at least `minConfidence`, in [0.5, 1]. */
export function selectThreshold(labels: readonly Label[], minConfidence: number): Selection {
  checkMinConfidence(minConfidence);
  const decided = labels.filter(isDecided);
  return selection(
    decided.filter((label) => label.confidence >= minConfidence),
    decided.length,
  );
}

/**
 * Keeps the `percent` % most confident decided labels (CW-PO Fig. 2), rounded to the nearest number. Equal confidences at
 * the cut are taken by |margin|, then in the order of their ids: never in the order of the file.
 *
 * @param percent - in (0, 100]
 */
export function selectTop(labels: readonly Label[], percent: number): Selection {
  checkPercent(percent);
  const decided = labels.filter(isDecided);
  const best = decided.toSorted(
    (x, y) =>
      y.confidence - x.confidence || Math.abs(y.margin) - Math.abs(x.margin) || (x.id < y.id ? -1 : 1),
  );
  return selection(best.slice(0, Math.round((percent / 100) * decided.length)), decided.length);
}

/** @throws ConfigError when a threshold is not in [0.5, 1] */
export function checkMinConfidence(minConfidence: number): void {
  if (!(minConfidence >= 0.5 && minConfidence <= 1))
    throw new ConfigError(
      `selection: confidence threshold is out of range, expected [0.5, 1], got ${minConfidence}.`,
    );
}

/** @throws ConfigError when a share is not in (0, 100] percent */
export function checkPercent(percent: number): void {
  if (!(percent > 0 && percent <= 100))
    throw new ConfigError(`selection: top share is out of range, expected (0, 100] percent, got ${percent}.`);
}

/** A label that selection left out: an abstention that keeps its probability. */
export function unselected(label: Label): Label {
  return { ...label, preferred: "abstain", flags: [...new Set([...label.flags, UNSELECTED])].sort() };
}

/** The labels with those left out turned into abstentions, flagged `unselected`; ties stay ties. */
export function applySelection(labels: readonly Label[], { kept }: Selection): Label[] {
  return labels.map((label) => (!isDecided(label) || kept.has(label.id) ? label : unselected(label)));
}

function selection(kept: readonly Label[], selectable: number): Selection {
  const lowest = kept.reduce((low, label) => Math.min(low, label.confidence), 1);
  return {
    kept: new Set(kept.map((label) => label.id)),
    threshold: kept.length === 0 ? null : lowest,
    selectable,
  };
}

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
  readonly level?: number;
};

/** What can be promised. `kept` are indices into `margins`; with none, `threshold` is null and `reason` says why. */
export type PromisedSelection = {
  readonly kept: readonly number[];
  /** Least |margin| that is kept. */
  readonly threshold: number | null;
  /** Held-out labels at or above the threshold, and how many of them the human disagrees with. */
  readonly heldOut: { readonly n: number; readonly disagreements: number };
  /** Exact upper bound of the disagreement rate among kept labels; null when none are kept. */
  readonly bound: number | null;
  readonly maxDisagreement: number;
  readonly level: number;
  readonly reason: string | null;
};

const STEPS = 50;

/**
 * The largest set {|margin| >= λ} whose disagreement rate with humans is at most `maxDisagreement`, promised at `level`:
 * over repeated draws of the held-out pairs, P(disagree | |margin| >= λ) exceeds the limit in at most 1 - level of them.
 *
 * Fixed-sequence testing (Learn then Test: Angelopoulos et al. 2021, arXiv 2110.01052, section 3) of "the rate at λ is too
 * high", from the strictest λ downwards, each by the exact binomial p-value, until the first that is not rejected: one
 * sequence, so the whole error budget serves every step. Two things make it valid. The sequence of λ is fixed by the pool
 * and by the *number* of held-out pairs, never by their answers. And given λ, the held-out pairs above it are independent
 * draws of the same population.
 *
 * The second is why labels are put in the order of their margins and not of calibrated confidences. A curve fitted to the answers of
 * the held-out pairs has steps where these answers put them (isotonic fits), and a set that ends at such a step is the best of many.
 * Margins of an ensemble depend on its members' calibrators, which must be fitted on other pairs. The rate is the population's:
 * among finitely many kept labels it scatters around it.
 *
 * @throws NumericsError when lengths differ or a number is out of range
 */
export function selectWithPromise(request: PromiseRequest): PromisedSelection {
  const { margins, maxDisagreement } = request;
  const level = request.level ?? 0.95;
  checkRequest(request, level);
  const steps = thresholds(request, level).map((threshold) => ({
    threshold,
    ...heldOutAbove(request, threshold),
  }));
  const failed = steps.findIndex(
    ({ n, disagreements }) => binomialCdf(disagreements, n, maxDisagreement) > 1 - level || n === 0,
  );
  const best = steps[(failed < 0 ? steps.length : failed) - 1];
  if (!best) return nothing(request, level, steps[0]);
  const { threshold, n, disagreements } = best;
  return {
    kept: margins.flatMap((margin, i) => (margin >= threshold ? [i] : [])),
    threshold,
    heldOut: { n, disagreements },
    bound: binomialUpperBound(disagreements, n, level),
    maxDisagreement,
    level,
    reason: null,
  };
}

/** Descending thresholds: pool quantiles from the share where the first test has a fair chance down to all of it. */
function thresholds({ margins, heldOutMargins, maxDisagreement }: PromiseRequest, level: number): number[] {
  const sorted = [...margins].sort((a, b) => b - a);
  if (sorted.length === 0) return [];
  const n = heldOutMargins.length;
  const wanted = Math.min(
    sizeToPass(0.4, maxDisagreement, level),
    Math.max(sizeToPass(0.2, maxDisagreement, level), n / 5),
  );
  const start = Math.min(1, wanted / Math.max(1, n));
  const shares = Array.from({ length: STEPS + 1 }, (_, i) => start + ((1 - start) * i) / STEPS);
  return [
    ...new Set(shares.map((share) => sorted[Math.min(sorted.length, Math.ceil(share * sorted.length)) - 1]!)),
  ];
}

/**
 * Held-out labels with which the test passes four times in five when the true rate is `ratio` times the limit. The sequence
 * starts where it sees as many: at 40 % of the limit if that is at most a fifth of the held-out labels, at 20 % at the least.
 * Fewer would stop it at the first step by bad luck; more would skip small sets that could be kept. Chosen by simulation;
 * what is promised does not depend on it.
 */
function sizeToPass(ratio: number, limit: number, level: number): number {
  const smallest = Math.ceil(Math.log(1 - level) / Math.log(1 - limit));
  for (let n = smallest; ; n = Math.ceil(n * 1.05)) {
    if (binomialCdf(mostDisagreements(n, limit, level), n, ratio * limit) >= 0.8) return n;
  }
}

/** The largest number of disagreements among n with which the test still rejects; -1 if there is none. */
function mostDisagreements(n: number, limit: number, level: number): number {
  let k = -1;
  while (k + 1 < n && binomialCdf(k + 1, n, limit) <= 1 - level) k++;
  return k;
}

function heldOutAbove({ heldOutMargins, heldOutAgrees }: PromiseRequest, threshold: number) {
  const above = heldOutAgrees.filter((_, i) => heldOutMargins[i]! >= threshold);
  return { n: above.length, disagreements: above.filter((agrees) => !agrees).length };
}

function nothing(
  request: PromiseRequest,
  level: number,
  first: { n: number; disagreements: number } | undefined,
): PromisedSelection {
  const heldOut = { n: first?.n ?? 0, disagreements: first?.disagreements ?? 0 };
  const limit = request.maxDisagreement;
  const needed = Math.ceil(Math.log(1 - level) / Math.log(1 - limit));
  const reason = !first
    ? "there are no labels to select from."
    : heldOut.n < needed
      ? `${heldOut.n} held-out labels are too few, expected at least ${needed} for a bound of ${limit} at level ${level} even without a disagreement. Add human labels.`
      : `among the most confident labels humans disagree with ${heldOut.disagreements} of ${heldOut.n}, which bounds the rate only at ${binomialUpperBound(heldOut.disagreements, heldOut.n, level).toFixed(3)}, above ${limit}. Allow more, or train a better teacher.`;
  return { kept: [], threshold: null, heldOut, bound: null, maxDisagreement: limit, level, reason };
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
