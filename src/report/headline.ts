/**
 * Sentences about differences, worded by rule from the interval: nobody writes a headline by hand, so none claims more
 * than its interval. "Above" and "below" need an interval that excludes 0, at least two units, and, where a correction
 * for many comparisons was made, a corrected p below 1 - level.
 */
import { isMeasured } from "./charts/spec.ts";
import type { Difference, IntervalMethod } from "./data.ts";
import { formatCount, formatInterval, formatPEquation } from "./format.ts";

/** What a difference shows. `corrected away`: the interval excludes 0, the corrected test does not. */
export type Reading = "above" | "below" | "not shown" | "corrected away" | "too few";

/** Level assumed when `ReportData.intervals` is missing. */
export const DEFAULT_LEVEL = 0.95;

/** Reads one difference at a level in (0, 1). An interval that touches 0 includes it. */
export function readDifference({ value, pAdjusted }: Difference, level = DEFAULT_LEVEL): Reading {
  if (value.n < 2) return "too few";
  if (value.low <= 0 && value.high >= 0) return "not shown";
  if (pAdjusted !== undefined && pAdjusted >= 1 - level) return "corrected away";
  return value.low > 0 ? "above" : "below";
}

/** One sentence per difference marked `headline`; those without a measurement are left out. */
export function headlines(differences: readonly Difference[] = [], intervals?: IntervalMethod): string[] {
  return differences
    .filter((difference) => difference.headline === true && isMeasured(difference.value))
    .map((difference) => differenceSentence(difference, intervals?.level));
}

/** "Gold reward: weak labels above SFT start by 0.31 [0.22, 0.40] (n = 200 prompts)." */
export function differenceSentence(difference: Difference, level = DEFAULT_LEVEL): string {
  const { a, b, metric, value, unit, format = "number", pAdjusted, moreIsBetter = true } = difference;
  const about = `${metric.charAt(0).toUpperCase()}${metric.slice(1)}${moreIsBetter ? "" : " (less is better)"}`;
  const size = `(n = ${formatCount(value.n)} ${unit})`;
  const signed = formatInterval(value, { format, signed: true });
  const corrected =
    pAdjusted === undefined
      ? ""
      : `, ${formatPEquation(pAdjusted)} after correction${difference.correction === undefined ? "" : ` (${difference.correction})`}`;
  const reading = readDifference(difference, level);
  switch (reading) {
    case "above":
      return `${about}: ${a} above ${b} by ${formatInterval(value, { format })} ${size}${corrected}.`;
    case "below":
      return `${about}: ${a} below ${b}, ${signed} ${size}${corrected}.`;
    case "not shown":
      return `${about}: no difference shown between ${a} and ${b}, ${signed} ${size}; the interval says how large one may still be.`;
    case "corrected away":
      return `${about}: ${a} against ${b} ${signed} ${size}, but not significant${corrected}.`;
    case "too few":
      return `${about}: ${a} against ${b} cannot be compared on ${formatCount(value.n)} ${unit}.`;
    default:
      return reading satisfies never;
  }
}
