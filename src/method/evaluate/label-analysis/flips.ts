/** How often the teacher flips the human label, by how sure it is (papers.md, section 3: "agreement vs |margin|"). */
import { massBins } from "../../../base/stats/bins.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { type AnalysisOptions, type JudgedPair, meanByPrompt, shareByPrompt } from "./judged-pair.ts";

/** Flip rates of the pairs with |margin| in [low, high]. */
export type FlipBin = {
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
  readonly flipRate: Interval;
  /** Mean gold gap |goldA - goldB|: whether what the teacher is unsure of is close in truth, too. */
  readonly goldGap: Interval;
};

/**
 * Flip rate by |margin| in bins of equal numbers, ascending.
 * @param options.bins - default 10 (deciles); equal margins are never parted, so there may be fewer
 */
export function flipsByMargin(
  pairs: readonly JudgedPair[],
  options: AnalysisOptions & { readonly bins?: number },
): FlipBin[] {
  const { bins = 10, ...how } = options;
  return massBins(
    pairs.map(({ margin }) => Math.abs(margin)),
    bins,
  ).map(({ low, high, items }, i) => {
    const inside = items.map((item) => pairs[item]!);
    const name = (figure: string) => `flips-${i}-${figure}`;
    return {
      low,
      high,
      pairs: inside.length,
      flipRate: shareByPrompt(inside, ({ weak, human }) => Number(weak !== human), name("rate"), how)!,
      goldGap: meanByPrompt(inside, ({ goldA, goldB }) => Math.abs(goldA - goldB), name("gap"), how)!,
    };
  });
}
