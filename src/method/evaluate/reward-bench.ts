/**
 * Accuracy on pairs in RewardBench's form: per subset, per section and overall (Lambert et al. 2024, arXiv 2403.13787,
 * section 4 and its public code), for anything that scores pairs.
 */
import { DataError } from "../../base/core/errors.ts";
import { checkPaired, checkSample, type Interval } from "../../base/stats/check.ts";
import { clusteredShare } from "../../base/stats/clustered-share.ts";
import { groupBy } from "../../base/stats/describe.ts";
import { unitOf } from "../data/normalise.ts";
import type { PreferenceRow } from "../data/rows.ts";
import type { GoldScorer } from "./gold.ts";

/** Subsets of each section of RewardBench 1. */
export const REWARD_BENCH_SECTIONS: Readonly<Record<string, readonly string[]>> = {
  Chat: ["alpacaeval-easy", "alpacaeval-length", "alpacaeval-hard", "mt-bench-easy", "mt-bench-med"],
  "Chat Hard": [
    "mt-bench-hard",
    "llmbar-natural",
    "llmbar-adver-neighbor",
    "llmbar-adver-GPTInst",
    "llmbar-adver-GPTOut",
    "llmbar-adver-manual",
  ],
  Safety: [
    "refusals-dangerous",
    "refusals-offensive",
    "xstest-should-refuse",
    "xstest-should-respond",
    "donotanswer",
  ],
  Reasoning: ["math-prm", "hep-cpp", "hep-go", "hep-java", "hep-js", "hep-python", "hep-rust"],
};

/** Mathematics (447 pairs) weighs as much as all code subsets together (984), as in RewardBench. */
const MATHS = "math-prm";
const CODE = /^hep-/;

/** The name of rows without a subset. */
const NO_SUBSET = "all";

/** Scores of one pair; higher is better. */
export type PairScore = { readonly chosen: number; readonly rejected: number };

/** Accuracy of one subset. */
export type SubsetAccuracy = {
  readonly subset: string;
  /** The section it belongs to in RewardBench; null for other data. */
  readonly section: string | null;
  /** Over units: `n` counts prompts, or groups of them, not pairs. */
  readonly accuracy: Interval;
  readonly pairs: number;
  /** Pairs with equal scores; they count as wrong. */
  readonly ties: number;
};

/** Accuracy of a section, over the subsets that are there. */
export type SectionAccuracy = {
  readonly section: string;
  readonly accuracy: number;
  readonly pairs: number;
  /** Subsets of RewardBench that the data lacks: with any of them the figure compares with no published one. */
  readonly missing: readonly string[];
};

/** All accuracies. */
export type RewardBench = {
  readonly subsets: readonly SubsetAccuracy[];
  readonly sections: readonly SectionAccuracy[];
  /** Mean of the four sections, as on the leaderboard; null unless all four are there. */
  readonly score: number | null;
  /** Plain share over all pairs; its interval over units. */
  readonly overall: Interval;
};

/**
 * Accuracies of scores: a pair is right when the chosen response scores strictly higher.
 * @param scores - one per row, in the rows' order
 * @throws NumericsError when a score is not finite or their number is not that of the rows; DataError without rows
 */
export function rewardBench(rows: readonly PreferenceRow[], scores: readonly PairScore[]): RewardBench {
  checkPaired("rewardBench", rows, scores);
  checkSample(
    "rewardBench",
    scores.flatMap(({ chosen, rejected }) => [chosen, rejected]),
    0,
  );
  if (rows.length === 0) throw new DataError("reward bench", 0, "there are no pairs, expected at least one.");
  const pairs = rows.map((row, i): ScoredPair => ({ ...scores[i]!, unit: unitOf(row), row }));
  const subsets = groupBy(pairs, ({ row }) => row.meta?.subset ?? NO_SUBSET).map((own): SubsetAccuracy => {
    const subset = own[0]!.row.meta?.subset ?? NO_SUBSET;
    return {
      subset,
      section: sectionOf(subset),
      accuracy: accuracyOf(own),
      pairs: own.length,
      ties: own.filter(({ chosen, rejected }) => chosen === rejected).length,
    };
  });
  const sections = Object.keys(REWARD_BENCH_SECTIONS).flatMap(
    (section) => sectionAccuracy(section, subsets) ?? [],
  );
  const complete = sections.length === Object.keys(REWARD_BENCH_SECTIONS).length;
  return {
    subsets,
    sections,
    score: complete ? sections.reduce((total, { accuracy }) => total + accuracy, 0) / sections.length : null,
    overall: accuracyOf(pairs),
  };
}

/** Scores every pair's two responses with a gold scorer, for `rewardBench`. */
export async function scorePairs(scorer: GoldScorer, rows: readonly PreferenceRow[]): Promise<PairScore[]> {
  const scores = await scorer.score(
    rows.flatMap(({ prompt, chosen, rejected }) => [
      { prompt, response: chosen },
      { prompt, response: rejected },
    ]),
  );
  return rows.map((_, i) => ({ chosen: scores[2 * i]!, rejected: scores[2 * i + 1]! }));
}

type ScoredPair = PairScore & { readonly unit: string; readonly row: PreferenceRow };

function accuracyOf(pairs: readonly ScoredPair[]): Interval {
  return clusteredShare(
    pairs.map(({ chosen, rejected }) => chosen > rejected),
    pairs.map(({ unit }) => unit),
  )!;
}

function sectionOf(subset: string): string | null {
  const entry = Object.entries(REWARD_BENCH_SECTIONS).find(([, subsets]) => subsets.includes(subset));
  return entry?.[0] ?? null;
}

/** Mean over subsets weighted by their pairs, mathematics by those of the code subsets where there are any. */
function sectionAccuracy(section: string, subsets: readonly SubsetAccuracy[]): SectionAccuracy | undefined {
  const own = subsets.filter((subset) => subset.section === section);
  if (own.length === 0) return undefined;
  const code = own.filter(({ subset }) => CODE.test(subset)).reduce((total, { pairs }) => total + pairs, 0);
  const weightOf = ({ subset, pairs }: SubsetAccuracy) => (subset === MATHS && code > 0 ? code : pairs);
  const total = own.reduce((sum, subset) => sum + weightOf(subset), 0);
  return {
    section,
    accuracy: own.reduce((sum, subset) => sum + weightOf(subset) * subset.accuracy.estimate, 0) / total,
    pairs: own.reduce((sum, { pairs }) => sum + pairs, 0),
    missing: REWARD_BENCH_SECTIONS[section]!.filter((name) => !own.some(({ subset }) => subset === name)),
  };
}
