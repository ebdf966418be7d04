/** What `weak-teacher inspect` tells of a set of rows: counts, lengths, and whether length gives the preference away. */
import type { Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { mean, quantileOfSorted } from "../../base/stats/describe.ts";
import { unitOf } from "../data/normalise.ts";
import { isTie, type PreferenceRow, plainText, promptId, type Text } from "../data/rows.ts";
import { type ValidationReport, validateRows } from "./validate.ts";

/** Lengths of one text of all rows. */
export type LengthStatistics = {
  readonly mean: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
};

/** Lengths of a set in one unit, and the chosen response's against the rejected one's. */
export type PairLengths = {
  readonly unit: "characters" | "tokens";
  readonly prompt: LengthStatistics;
  readonly chosen: LengthStatistics;
  readonly rejected: LengthStatistics;
  /** Mean of length(chosen) - length(rejected). */
  readonly meanGap: number;
  /** Share of rows where one response is at least twice as long as the other; 95 % interval over units (`n`): prompts, or groups of them. */
  readonly largeGap: Interval | null;
  /** Share of rows with the longer response chosen, among those of unequal length; 95 % interval over units. 0.5: length tells nothing. */
  readonly chosenLonger: Interval | null;
  readonly equalLength: number;
};

/** Everything about a set of rows. Lengths are of strict preferences only; ties are counted. */
export type DataStatistics = {
  readonly rows: number;
  readonly preferences: number;
  readonly ties: number;
  readonly prompts: number;
  readonly groups: number;
  readonly subsets: Readonly<Record<string, number>>;
  /** Null when there are no strict preferences; in tokens too when a counter was given. */
  readonly lengths: readonly PairLengths[];
  readonly validation: ValidationReport;
};

/**
 * Describes rows.
 * @param countTokens - tokens of one text under some tokenizer; without it lengths are in characters (code points) only
 */
export function describeRows(
  rows: readonly PreferenceRow[],
  countTokens?: (text: Text) => number,
): DataStatistics {
  const preferences = rows.filter((row) => !isTie(row));
  const lengths =
    preferences.length === 0
      ? []
      : [pairLengths(preferences, "characters", (text) => [...plainText(text)].length)];
  if (countTokens !== undefined && preferences.length > 0)
    lengths.push(pairLengths(preferences, "tokens", countTokens));
  return {
    rows: rows.length,
    preferences: preferences.length,
    ties: rows.length - preferences.length,
    prompts: new Set(rows.map((row) => promptId(row.prompt))).size,
    groups: new Set(rows.flatMap((row) => row.meta?.group ?? [])).size,
    subsets: countBy(rows.flatMap((row) => row.meta?.subset ?? [])),
    lengths,
    validation: validateRows(rows),
  };
}

/** Lengths in one unit. `rows` are strict preferences, at least one. */
export function pairLengths(
  rows: readonly PreferenceRow[],
  unit: PairLengths["unit"],
  lengthOf: (text: Text) => number,
): PairLengths {
  const of = (part: "prompt" | "chosen" | "rejected") => rows.map((row) => lengthOf(row[part]));
  const [prompt, chosen, rejected] = [of("prompt"), of("chosen"), of("rejected")];
  const gaps = chosen.map((length, i) => length - rejected[i]!);
  const units = rows.map(unitOf);
  const large = gaps.map(
    (gap, i) => gap !== 0 && Math.max(chosen[i]!, rejected[i]!) >= 2 * Math.min(chosen[i]!, rejected[i]!),
  );
  const unequal = gaps.flatMap((gap, i) => (gap === 0 ? [] : [{ longer: gap > 0, unit: units[i]! }]));
  return {
    unit,
    prompt: lengthStatistics(prompt),
    chosen: lengthStatistics(chosen),
    rejected: lengthStatistics(rejected),
    meanGap: mean(gaps),
    largeGap: clusteredShare(large, units),
    chosenLonger: clusteredShare(
      unequal.map(({ longer }) => longer),
      unequal.map(({ unit }) => unit),
    ),
    equalLength: rows.length - unequal.length,
  };
}

function lengthStatistics(lengths: readonly number[]): LengthStatistics {
  const sorted = Float64Array.from(lengths).sort();
  const at = (p: number) => quantileOfSorted(sorted, p);
  return { mean: mean(lengths), median: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
