/** Agreement beyond chance between raters, and the consistency of repeated votes. */
import { NumericsError } from "../core/errors.ts";
import { checkPaired } from "./check.ts";
import { mean, sum } from "./describe.ts";
import { logChoose } from "./special.ts";

/**
 * Cohen's κ = (observed - expected) / (1 - expected) of two raters (Cohen 1960), in [-1, 1].
 * Null when there are no items, or when both always say one and the same thing (expected agreement 1).
 */
export function cohenKappa(a: readonly string[], b: readonly string[]): number | null {
  checkPaired("cohenKappa", a, b);
  const n = a.length;
  if (n === 0) return null;
  const observed = a.filter((value, i) => value === b[i]).length / n;
  const [first, second] = [countsOf(a), countsOf(b)];
  const expected = sum([...first].map(([name, count]) => (count / n) * ((second.get(name) ?? 0) / n)));
  return expected === 1 ? null : (observed - expected) / (1 - expected);
}

function countsOf(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/**
 * Fleiss' κ of any fixed number of raters (Fleiss 1971).
 *
 * @param counts - `[items, categories]`: how many raters put the item into the category; every row has the same sum, at least 2
 * @returns null when there are no items or only one category was ever used
 * @throws NumericsError when the rows differ in their number of ratings
 */
export function fleissKappa(counts: readonly (readonly number[])[]): number | null {
  const raters = sum(counts[0] ?? []);
  counts.forEach((row, i) => {
    if (row.length !== counts[0]!.length || sum(row) !== raters || raters < 2)
      throw new NumericsError(
        "fleissKappa",
        `row ${i} has ${sum(row)} ratings, expected ${raters} (2 or more).`,
      );
  });
  if (counts.length === 0) return null;
  const observed = mean(counts.map((row) => sum(row.map((k) => k * (k - 1))) / (raters * (raters - 1))));
  const shares = counts[0]!.map((_, j) => sum(counts.map((row) => row[j]!)) / (counts.length * raters));
  const expected = sum(shares.map((p) => p * p));
  return expected === 1 ? null : (observed - expected) / (1 - expected);
}

/** Share of the votes that the majority has, in [0.5, 1] (WDPO Table 4's consistency). Null without votes. */
export function majorityShare(votesForA: number, votes: number): number | null {
  return votes === 0 ? null : Math.max(votesForA, votes - votesForA) / votes;
}

/**
 * What `majorityShare` is on average for a fair coin: E[max(k, n - k)] / n, k ~ Binomial(n, 1/2); 0.623 for n = 10.
 *
 * @param votes - at least 1
 */
export function majorityChanceFloor(votes: number): number {
  if (!(Number.isInteger(votes) && votes >= 1))
    throw new NumericsError(
      "majorityChanceFloor",
      `votes is out of range, expected 1 or more, got ${votes}.`,
    );
  const terms = Array.from({ length: votes + 1 }, (_, k) => {
    return Math.exp(logChoose(votes, k) - votes * Math.LN2) * Math.max(k, votes - k);
  });
  return sum(terms) / votes;
}
