/**
 * How far stated probabilities are from what happens. An outcome is 1 (it happened) or 0, or between when it
 * is itself uncertain (a tie counts one half).
 */
import { z } from "zod";
import { massBins, widthBins } from "./bins.ts";
import { checkPaired, checkProbabilities, intervalSchema } from "./check.ts";
import { clusteredShare } from "./clustered-share.ts";
import { mean } from "./describe.ts";

/** A bin as a file holds it. */
export const reliabilityBinSchema = z.object({
  low: z.number(),
  high: z.number(),
  n: z.number(),
  meanProbability: z.number(),
  outcome: intervalSchema,
});

/** One bin of a reliability diagram; `outcome` is the observed share with its interval, whose `n` counts units. */
export type ReliabilityBin = Readonly<z.output<typeof reliabilityBinSchema>>;

/** `width`: bins of equal width over `range`; `mass`: bins of (nearly) equal numbers, equal probabilities never parted. */
export type BinOptions = {
  readonly bins?: number;
  readonly by?: "width" | "mass";
  readonly range?: readonly [number, number] | undefined;
  readonly level?: number | undefined;
  /** Which items come together (the pairs of one prompt) and count as one unit; default each by itself. */
  readonly clusters?: readonly string[];
};

/**
 * Bins of a reliability diagram (Murphy & Winkler 1977), empty ones left out. Default 10 bins of equal width over [0, 1].
 *
 * @throws NumericsError when lengths differ or a value is outside [0, 1]
 */
export function reliabilityBins(
  probabilities: readonly number[],
  outcomes: readonly number[],
  options: BinOptions = {},
): ReliabilityBin[] {
  checkBoth("reliabilityBins", probabilities, outcomes);
  const { bins = 10, by = "width", range = [0, 1], level = 0.95, clusters } = options;
  if (clusters !== undefined) checkPaired("reliabilityBins", probabilities, clusters);
  const parts = by === "width" ? widthBins(probabilities, bins, range) : massBins(probabilities, bins);
  return parts.map(({ low, high, items }) => ({
    low,
    high,
    n: items.length,
    meanProbability: mean(items.map((i) => probabilities[i]!)),
    outcome: clusteredShare(
      items.map((i) => outcomes[i]!),
      items.map((i) => clusters?.[i] ?? String(i)),
      level,
    )!,
  }));
}

/** Mean squared distance of probability and outcome (Brier 1950), in [0, 1]. Null without data. */
export function brierScore(probabilities: readonly number[], outcomes: readonly number[]): number | null {
  checkBoth("brierScore", probabilities, outcomes);
  return probabilities.length === 0 ? null : mean(probabilities.map((p, i) => (p - outcomes[i]!) ** 2));
}

/**
 * Mean of -[y log p + (1 - y) log(1 - p)], nats. Null without data; infinite when something happened that was
 * given probability 0.
 */
export function logLoss(probabilities: readonly number[], outcomes: readonly number[]): number | null {
  checkBoth("logLoss", probabilities, outcomes);
  if (probabilities.length === 0) return null;
  const term = (y: number, p: number) => (y === 0 ? 0 : -y * Math.log(p));
  const terms = probabilities.map((p, i) => term(outcomes[i]!, p) + term(1 - outcomes[i]!, 1 - p));
  return terms.includes(Number.POSITIVE_INFINITY) ? Number.POSITIVE_INFINITY : mean(terms);
}

function checkBoth(where: string, probabilities: readonly number[], outcomes: readonly number[]): void {
  checkPaired(where, probabilities, outcomes);
  checkProbabilities(where, probabilities);
  checkProbabilities(where, outcomes);
}
