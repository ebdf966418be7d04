/** From two models' log-probabilities to implicit rewards: the same arithmetic wherever the models run. */
import type { EncodedPair } from "../../engine/text/pair.ts";
import { encodedFacts } from "./encode.ts";
import type { PairScore } from "./teacher.ts";

/** Log-probabilities of one pair's candidates a and b, summed, nats. */
export type CandidateLogps = readonly [number, number];

/**
 * β (log π(y | x) - log π_ref(y | x)) of both candidates of each pair (papers.md 1.2, Tao & Li Eq. 5).
 * @param policy - one entry per pair, and `reference` the same
 */
export function implicitRewards(
  ids: readonly string[],
  encoded: readonly EncodedPair[],
  { policy, reference, beta }: ImplicitLogps,
): PairScore[] {
  return ids.map((id, i) => {
    const [trained, base] = [policy[i]!, reference[i]!];
    return {
      ...encodedFacts(id, encoded[i]!),
      scoreA: beta * (trained[0] - base[0]),
      scoreB: beta * (trained[1] - base[1]),
      parts: { policy: trained, reference: base },
    };
  });
}

/** What an implicit reward is made of. */
export type ImplicitLogps = {
  readonly policy: readonly CandidateLogps[];
  readonly reference: readonly CandidateLogps[];
  readonly beta: number;
};

/** Scores of pairs that are one number per candidate: a likelihood, a reward. */
export function plainScores(
  ids: readonly string[],
  encoded: readonly EncodedPair[],
  numbers: readonly CandidateLogps[],
): PairScore[] {
  return ids.map((id, i) => {
    const [scoreA, scoreB] = numbers[i]!;
    return { ...encodedFacts(id, encoded[i]!), scoreA, scoreB };
  });
}
