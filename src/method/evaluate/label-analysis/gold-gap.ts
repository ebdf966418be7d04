/** Gold rewards of what labels call chosen and rejected (WDPO Table 2, analysis A4). */
import type { Interval } from "../../../base/stats/check.ts";
import { type AnalysisOptions, goldOf, type JudgedPair, meanByPrompt, otherSide } from "./judged-pair.ts";

/** Which pairs, and whose word is chosen: people on all; the teacher on all, where both agree, and where they differ. */
export const GOLD_GAP_SETS = ["human", "weak", "match", "mismatch"] as const;

/** Mean gold rewards of one set of labels; null when it has no pairs. */
export type GoldGapRow = {
  readonly set: (typeof GOLD_GAP_SETS)[number];
  readonly pairs: number;
  readonly chosen: Interval | null;
  readonly rejected: Interval | null;
  /** chosen - rejected of the same pairs. */
  readonly difference: Interval | null;
};

/**
 * The table: four rows, in the order of `GOLD_GAP_SETS`. With a the share of pairs on which both agree, its means are mixtures:
 *
 *   weak.chosen  = a · match.chosen + (1 - a) · mismatch.chosen
 *   human.chosen = a · match.chosen + (1 - a) · mismatch.rejected
 */
export function goldGapTable(pairs: readonly JudgedPair[], options: AnalysisOptions): GoldGapRow[] {
  const match = pairs.filter(({ weak, human }) => weak === human);
  const mismatch = pairs.filter(({ weak, human }) => weak !== human);
  return [
    gapRow("human", pairs, ({ human }) => human, options),
    gapRow("weak", pairs, ({ weak }) => weak, options),
    gapRow("match", match, ({ weak }) => weak, options),
    gapRow("mismatch", mismatch, ({ weak }) => weak, options),
  ];
}

function gapRow(
  set: GoldGapRow["set"],
  pairs: readonly JudgedPair[],
  chosen: (pair: JudgedPair) => "a" | "b",
  options: AnalysisOptions,
): GoldGapRow {
  const up = (pair: JudgedPair) => goldOf(pair, chosen(pair));
  const down = (pair: JudgedPair) => goldOf(pair, otherSide(chosen(pair)));
  const mean = (name: string, figure: (pair: JudgedPair) => number) =>
    meanByPrompt(pairs, figure, `gold-gap-${name}`, options);
  return {
    set,
    pairs: pairs.length,
    chosen: mean("chosen", up),
    rejected: mean("rejected", down),
    difference: mean("difference", (pair) => up(pair) - down(pair)),
  };
}
