/** Bins of numbers in the form that charts take. */

import type { ReliabilityBin } from "../base/stats/reliability.ts";
import type { ReliabilityBin as ChartBin } from "./charts/spec.ts";

/** Bins of a reliability diagram, empty ones left out. */
export function chartBins(bins: readonly ReliabilityBin[]): ChartBin[] {
  return bins.flatMap(({ meanProbability, outcome, n }) =>
    n === 0
      ? []
      : [
          {
            confidence: meanProbability,
            accuracy: outcome.estimate,
            low: outcome.low,
            high: outcome.high,
            n,
          },
        ],
  );
}

/** Edges of equal bins. */
export const edgesOf = (low: number, high: number, bins: number): number[] =>
  Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);

/** How many values lie in each of equal bins; what is outside counts in the outermost. */
export function countIn(values: readonly number[], edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const [low, high] = [edges[0]!, edges.at(-1)!];
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * counts.length);
    counts[Math.min(counts.length - 1, Math.max(0, bin))]!++;
  }
  return counts;
}
