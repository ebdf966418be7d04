/**
 * A pair that a weak teacher, a person and a gold scorer have all judged: what the analyses of WDPO section 4 are made of. Pairs
 * of one group (one prompt) are not independent, so every interval here resamples whole groups.
 */
import { type BootstrapOptions, clusterBootstrap, SHARE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";

/** One pair. `goldA`, `goldB`: gold rewards of the two responses; `margin`: the teacher's score of a minus its score of b. */
export type JudgedPair = {
  readonly id: string;
  /** Names the prompt. */
  readonly group: string;
  readonly weak: "a" | "b";
  readonly human: "a" | "b";
  readonly goldA: number;
  readonly goldB: number;
  readonly margin: number;
};

/** How intervals are made: `rng` is forked, never advanced; `resamples` default 2000; `level` default 0.95. */
export type AnalysisOptions = Omit<BootstrapOptions, "range">;

/** Gold reward of a side. */
export const goldOf = (pair: JudgedPair, side: "a" | "b"): number => (side === "a" ? pair.goldA : pair.goldB);

/** The response that is not this one. */
export const otherSide = (side: "a" | "b"): "a" | "b" => (side === "a" ? "b" : "a");

/** The side with the higher gold reward, "tie" when they are equal. */
export function goldChoice({ goldA, goldB }: JudgedPair): "a" | "b" | "tie" {
  return goldA > goldB ? "a" : goldA < goldB ? "b" : "tie";
}

/**
 * Mean of a figure over pairs, with an interval over prompts (`n` of the interval counts prompts). Null without pairs.
 * @param name - forks the random numbers, so that two figures do not share their draws by accident of order
 */
export function meanByPrompt<P extends Pick<JudgedPair, "group">>(
  pairs: readonly P[],
  figure: (pair: P) => number,
  name: string,
  { rng, ...options }: BootstrapOptions,
): Interval | null {
  return clusterBootstrap(
    pairs.map(figure),
    pairs.map(({ group }) => group),
    (values) =>
      values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length,
    { rng: rng.fork(name), ...options },
  );
}

/** The same for a figure that is a share of each pair: 0 or 1, or between. */
export function shareByPrompt<P extends Pick<JudgedPair, "group">>(
  pairs: readonly P[],
  figure: (pair: P) => number,
  name: string,
  options: AnalysisOptions,
): Interval | null {
  return meanByPrompt(pairs, figure, name, { ...options, range: SHARE });
}
