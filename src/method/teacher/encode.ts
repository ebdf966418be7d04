/** From candidate pairs to scores of their responses: the way that all teachers with a model of their own go. */

import { type EncodedPair, encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../data/packing.ts";
import type { CandidatePair } from "../data/rows.ts";
import type { RowScore, Scorer } from "../objective/score.ts";
import { labelFlags, type PairScore } from "./teacher.ts";

/** Token ids of many pairs. @throws ConfigError as `encodePair` */
export function encodePairs(
  tokenizer: Tokenizer,
  pairs: readonly CandidatePair[],
  limits: TokenLimits,
): EncodedPair[] {
  return pairs.map((pair) => encodePair(tokenizer, pair, limits));
}

/** What is known of a pair once it is tokenised: everything but its scores. */
export function encodedFacts(id: string, { prompt, a, b, flags }: EncodedPair) {
  return {
    id,
    lengthA: a.length,
    lengthB: b.length,
    tokens: prompt.length + a.length + b.length,
    flags: labelFlags(flags),
  } satisfies Partial<PairScore>;
}

/**
 * One number per candidate, `[a, b]` per pair. A candidate without tokens (blank, under a model without EOS) is not run and
 * gets 0; its pair is flagged `empty`, so the number becomes no label.
 *
 * Candidates go to the model in an order of their own ids, so that a pair and its mirror are one computation: not even rounding
 * can tell which was called a.
 *
 * @param pick - the numbers of a row's responses, in order
 */
export async function scoreCandidates(
  scorer: Pick<Scorer, "score">,
  pairs: readonly EncodedPair[],
  pick: (score: RowScore) => readonly number[],
): Promise<[number, number][]> {
  const rows: TokenRow[] = [];
  const plans = pairs.map(({ prompt, a, b, flags }) => {
    // Equal candidates are run once: two places in a row may differ in their rounding.
    const order = flags.includes("identical") ? [[0, 1]] : precedes(b, a) ? [[1], [0]] : [[0], [1]];
    const sides = order.filter(([side]) => [a, b][side!]!.length > 0);
    const responses = sides.map(([side]) => [a, b][side!]!);
    return { sides, row: responses.length === 0 ? -1 : rows.push({ prompt, responses }) - 1 };
  });
  const scores = await scorer.score(rows);
  return plans.map(({ sides, row }) => {
    const result: [number, number] = [0, 0];
    sides.forEach((places, i) => {
      for (const side of places) result[side] = pick(scores[row]!)[i]!;
    });
    return result;
  });
}

/** True when x comes before y: the shorter first, then by ids. */
function precedes(x: readonly number[], y: readonly number[]): boolean {
  if (x.length !== y.length) return x.length < y.length;
  const differ = x.findIndex((id, i) => id !== y[i]);
  return differ >= 0 && x[differ]! < y[differ]!;
}
