/** How well a score puts the positives first. */
import { NumericsError } from "../core/errors.ts";
import { checkPaired } from "./check.ts";
import { ranks } from "./correlation.ts";
import { sum } from "./describe.ts";

/**
 * Area under the ROC curve: the probability that a positive scores above a negative, ties one half
 * (Mann & Whitney 1947; Hanley & McNeil 1982). Null unless both classes are present.
 */
export function auroc(scores: readonly number[], positive: readonly boolean[]): number | null {
  checkPaired("auroc", scores, positive);
  const positives = positive.filter(Boolean).length;
  const negatives = positive.length - positives;
  if (positives === 0 || negatives === 0) return null;
  const rankSum = sum(ranks(scores).filter((_, i) => positive[i]));
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Share of positives among the k highest scores. Where equal scores straddle place k, the expected share over their orders.
 * Null when k is 0 or there are fewer than k scores.
 */
export function precisionAtK(
  scores: readonly number[],
  positive: readonly boolean[],
  k: number,
): number | null {
  checkPaired("precisionAtK", scores, positive);
  if (!(Number.isInteger(k) && k >= 0))
    throw new NumericsError("precisionAtK", `k is out of range, expected 0 or more, got ${k}.`);
  if (k === 0 || k > scores.length) return null;
  const cut = [...scores].sort((a, b) => b - a)[k - 1]!;
  const above = positive.filter((_, i) => scores[i]! > cut);
  const at = positive.filter((_, i) => scores[i] === cut);
  const hitsAt = (at.filter(Boolean).length / at.length) * (k - above.length);
  return (above.filter(Boolean).length + hitsAt) / k;
}
