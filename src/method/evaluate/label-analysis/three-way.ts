/** Who stands with whom when teacher, person and gold scorer judge the same pairs (papers.md, section 3). */
import type { Interval } from "../../../base/stats/check.ts";
import { type AnalysisOptions, goldChoice, type JudgedPair, shareByPrompt } from "./judged-pair.ts";

/** Of two sides three judges can only all agree, or leave one alone. */
export const STANDINGS = ["all agree", "weak alone", "human alone", "gold alone"] as const;

/** A standing: how many pairs, and their share of the decided ones. */
export type StandingRow = {
  readonly standing: (typeof STANDINGS)[number];
  readonly pairs: number;
  readonly share: Interval | null;
};

/** The confusion of three judges; rows in the order of `STANDINGS`, their counts add up to `pairs - goldTies`. */
export type ThreeWayTable = {
  readonly pairs: number;
  readonly goldTies: number;
  readonly rows: readonly StandingRow[];
};

/** Counts the standings; pairs with equal gold rewards are counted and left out. */
export function threeWayTable(pairs: readonly JudgedPair[], options: AnalysisOptions): ThreeWayTable {
  const decided = pairs.filter((pair) => goldChoice(pair) !== "tie");
  return {
    pairs: pairs.length,
    goldTies: pairs.length - decided.length,
    rows: STANDINGS.map((standing) => {
      const here = (pair: JudgedPair) => Number(standingOf(pair) === standing);
      return {
        standing,
        pairs: decided.filter(here).length,
        share: shareByPrompt(decided, here, `three-way-${standing}`, options),
      };
    }),
  };
}

function standingOf(pair: JudgedPair): (typeof STANDINGS)[number] {
  const gold = goldChoice(pair);
  if (pair.weak === pair.human) return pair.weak === gold ? "all agree" : "gold alone";
  return pair.weak === gold ? "human alone" : "weak alone";
}
