/**
 * Sentences about differences, worded by rule from the interval: nobody writes a headline by hand, so none claims more
 * than its interval. Two models of one run each are called two models: an interval over prompts says nothing of other runs.
 * Of methods is spoken only where several seeds were trained, and that they are equal only where a test says so.
 */
import { isMeasured, type NumberFormat } from "./charts/spec.ts";
import type { Difference, IntervalMethod, Parity } from "./data.ts";
import { formatCount, formatInterval, formatNumber, formatPEquation } from "./format.ts";

/** What a difference shows. `corrected away`: the interval excludes 0, the corrected test does not. */
export type Reading = "above" | "below" | "not shown" | "corrected away" | "too few";

/** What several seeds say of two methods. `matches`: equal within the margin, by test. */
export type Verdict = "matches" | "better" | "worse" | "cannot tell";

/** Level assumed when `ReportData.intervals` is missing. */
export const DEFAULT_LEVEL = 0.95;

/** Reads one difference at a level in (0, 1). An interval that touches 0 includes it. */
export function readDifference({ value, pAdjusted }: Difference, level = DEFAULT_LEVEL): Reading {
  if (value.n < 2) return "too few";
  if (value.low <= 0 && value.high >= 0) return "not shown";
  if (pAdjusted !== undefined && pAdjusted >= 1 - level) return "corrected away";
  return value.low > 0 ? "above" : "below";
}

/** What a difference of methods says: parity by its own test, else a direction that holds after correction, else nothing. */
export function verdictOf(difference: Difference, level = DEFAULT_LEVEL): Verdict {
  if (difference.parity?.shown === true) return "matches";
  const reading = readDifference(difference, level);
  if (reading !== "above" && reading !== "below") return "cannot tell";
  return (reading === "above") === (difference.moreIsBetter ?? true) ? "better" : "worse";
}

/** One sentence per difference marked `headline`; those without a measurement are left out. */
export function headlines(differences: readonly Difference[] = [], intervals?: IntervalMethod): string[] {
  return differences
    .filter((difference) => difference.headline === true && isMeasured(difference.value))
    .map((difference) => differenceSentence(difference, intervals?.level));
}

/** "Gold reward: these two models differ, weak above sft by 0.31 [0.22, 0.40] (n = 200 prompts)." */
export function differenceSentence(difference: Difference, level = DEFAULT_LEVEL): string {
  const { metric, moreIsBetter = true, scope = "models" } = difference;
  const about = `${metric.charAt(0).toUpperCase()}${metric.slice(1)}${moreIsBetter ? "" : " (less is better)"}`;
  return `${about}: ${scope === "models" ? ofModels(difference, level) : ofMethods(difference, level)}`;
}

const sizeOf = ({ value, unit }: Difference): string => `(n = ${formatCount(value.n)} ${unit})`;

const correctedOf = ({ pAdjusted, correction }: Difference): string =>
  pAdjusted === undefined
    ? ""
    : `, ${formatPEquation(pAdjusted)} after correction${correction === undefined ? "" : ` (${correction})`}`;

function ofModels(difference: Difference, level: number): string {
  const { a, b, value, unit, format = "number" } = difference;
  const [size, corrected] = [sizeOf(difference), correctedOf(difference)];
  const signed = formatInterval(value, { format, signed: true });
  const reading = readDifference(difference, level);
  switch (reading) {
    case "above":
      return `these two models differ, ${a} above ${b} by ${formatInterval(value, { format })} ${size}${corrected}.`;
    case "below":
      return `these two models differ, ${a} below ${b}, ${signed} ${size}${corrected}.`;
    case "not shown":
      return `these two models cannot be told apart, ${a} against ${b} ${signed} ${size}; the interval says how large a difference may still be.`;
    case "corrected away":
      return `these two models cannot be told apart, ${a} against ${b} ${signed} ${size}, not significant${corrected}.`;
    case "too few":
      return `${a} against ${b} cannot be compared on ${formatCount(value.n)} ${unit}.`;
    default:
      return reading satisfies never;
  }
}

function ofMethods(difference: Difference, level: number): string {
  const { a, b, value, format = "number", parity } = difference;
  const [size, corrected] = [sizeOf(difference), correctedOf(difference)];
  const found = `${formatInterval(value, { format, signed: true })} ${size}`;
  const verdict = verdictOf(difference, level);
  switch (verdict) {
    case "matches":
      return `${a} matches ${b} within ${marginInWords(parity!, format)}, ${found}, ${formatPEquation(parity!.pValue)} by the test of equivalence. ${smallestInWords(parity!, format)}`;
    case "better":
    case "worse":
      return `${a} is ${verdict} than ${b}, ${found}${corrected}.${parityMissed(parity, format)}`;
    case "cannot tell":
      return `cannot tell ${a} from ${b}, ${found}${corrected}.${parityMissed(parity, format)}`;
    default:
      return verdict satisfies never;
  }
}

/** "half of what human gains over sft (0.21)". */
export function marginInWords({ share, over, start, size }: Parity, format: NumberFormat = "number"): string {
  const shown = size === null ? "" : formatNumber(size, { format });
  if (share === undefined) return `a margin of ${shown}`;
  const part = share === 0.5 ? "half" : formatNumber(share, { format: "percent", digits: 0 });
  return `${part} of what ${over} gains over ${start}${shown === "" ? "" : ` (${shown})`}`;
}

const parityMissed = (parity: Parity | undefined, format: NumberFormat): string =>
  parity === undefined
    ? ""
    : ` Parity within ${marginInWords(parity, format)} is not shown. ${smallestInWords(parity, format)}`;

/** From which margin on equivalence would be shown. */
function smallestInWords({ smallestShare, smallestMargin }: Parity, format: NumberFormat): string {
  const share =
    smallestShare === null
      ? "no share of that gain, which is not shown itself,"
      : `${formatNumber(smallestShare, { format: "percent", digits: 0 })} of that gain`;
  return `The smallest margins that would do: ${share} or ${formatNumber(smallestMargin, { format })}.`;
}
