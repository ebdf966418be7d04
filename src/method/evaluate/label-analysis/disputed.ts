/** Where weak teacher and person differ ("W≠H"): whom the gold scorer sides with, and by how much (WDPO section 4, analysis A5). */
import type { Interval } from "../../../base/stats/check.ts";
import { quantile } from "../../../base/stats/describe.ts";
import {
  type AnalysisOptions,
  goldChoice,
  goldOf,
  type JudgedPair,
  meanByPrompt,
  shareByPrompt,
} from "./judged-pair.ts";

/** What is found on the pairs that teacher and person choose differently in. */
export type Disputed = {
  readonly pairs: number;
  /** Pairs in dispute, those with equal gold rewards included. */
  readonly disputed: number;
  /** Equal gold rewards: on nobody's side and in neither share. */
  readonly goldTies: number;
  /** Share of decided disputes in which gold prefers the weak choice (WDPO: 44.3 %), and the human one: they add up to 1. */
  readonly withWeak: Interval | null;
  readonly withHuman: Interval | null;
  /** Gold reward of the weak choice minus that of the human choice, over all disputes. */
  readonly gap: GapDistribution | null;
};

/** A distribution of gold gaps, in the gold scorer's unit. */
export type GapDistribution = {
  readonly mean: Interval;
  readonly min: number;
  readonly q25: number;
  readonly median: number;
  readonly q75: number;
  readonly max: number;
  /** Every gap, in the order of the pairs: for a histogram. */
  readonly values: readonly number[];
};

/** The W≠H table. Shares and mean have intervals by prompt; without disputes they are null. */
export function disputedPairs(pairs: readonly JudgedPair[], options: AnalysisOptions): Disputed {
  const disputed = pairs.filter(({ weak, human }) => weak !== human);
  const decided = disputed.filter((pair) => goldChoice(pair) !== "tie");
  const share = (side: "weak" | "human") =>
    shareByPrompt(decided, (pair) => Number(goldChoice(pair) === pair[side]), "disputed-share", options);
  return {
    pairs: pairs.length,
    disputed: disputed.length,
    goldTies: disputed.length - decided.length,
    withWeak: share("weak"),
    withHuman: share("human"),
    gap: gapDistribution(disputed, options),
  };
}

function gapDistribution(disputed: readonly JudgedPair[], options: AnalysisOptions): GapDistribution | null {
  const gap = (pair: JudgedPair) => goldOf(pair, pair.weak) - goldOf(pair, pair.human);
  const mean = meanByPrompt(disputed, gap, "disputed-gap", options);
  if (mean === null) return null;
  const values = disputed.map(gap);
  const at = (p: number) => quantile(values, p);
  return { mean, min: at(0), q25: at(0.25), median: at(0.5), q75: at(0.75), max: at(1), values };
}
