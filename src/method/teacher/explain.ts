/**
 * Why this label: what each token of the two candidates adds to an implicit reward, β (log π_t - log π_ref,t). The
 * values of a candidate add up to its score.
 */
import { DataError } from "../../base/core/errors.ts";
import { encodePair } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { CandidatePair } from "../data/rows.ts";
import { openScorer } from "../objective/score.ts";
import type { ImplicitRewardTeacher } from "./implicit-reward.ts";
import { labelFlags } from "./teacher.ts";

/** One token and what it adds; tokens that only together make a character are one, and add what they add together. */
export type TokenValue = { readonly text: string; readonly value: number };

/** A pair explained, as data for a heat map. */
export type PairExplanation = {
  readonly id: string;
  /** Pieces of the prompt, which has no part in the score. */
  readonly prompt: readonly string[];
  readonly a: readonly TokenValue[];
  readonly b: readonly TokenValue[];
  readonly scoreA: number;
  readonly scoreB: number;
  readonly flags: readonly string[];
};

/** Explains pairs. */
export interface Explainer {
  /** @throws DataError when a candidate has no tokens */
  explain(pair: CandidatePair): Promise<PairExplanation>;
}

/** Compiles both models of a teacher for scores by token. */
export async function openExplainer(teacher: ImplicitRewardTeacher): Promise<Explainer> {
  const { runtime, policy, reference, beta, manifest } = teacher;
  const [ofPolicy, ofReference] = await Promise.all(
    [policy, reference].map(({ model }) => openScorer(runtime, model, { perToken: true })),
  );
  const { tokenizer } = policy;
  return {
    async explain(pair) {
      const { prompt, a, b, flags } = encodePair(tokenizer, pair, manifest.limits!);
      if (a.length === 0 || b.length === 0)
        throw new DataError(
          "explain",
          0,
          `a candidate of pair "${pair.id}" has no tokens, expected at least one.`,
        );
      const row = { prompt, responses: [a, b] };
      const [trained] = await ofPolicy!.score([row]);
      const [base] = await ofReference!.score([row]);
      const values = (side: 0 | 1) =>
        Array.from(trained!.perToken![side]!, (logp, t) => beta * (logp - base!.perToken![side]![t]!));
      const tokens = (ids: readonly number[], side: 0 | 1) => wholeCharacters(tokenizer, ids, values(side));
      const score = (side: 0 | 1) => beta * (trained!.logps[side]! - base!.logps[side]!);
      return {
        id: pair.id,
        prompt: tokenizer.pieces(prompt),
        a: tokens(a, 0),
        b: tokens(b, 1),
        scoreA: score(0),
        scoreB: score(1),
        flags: labelFlags(flags),
      };
    },
  };
}

/** Stands in a token's text for a piece of a character. */
const BROKEN = "\ufffd";
/** A character has at most four bytes, and so at most as many byte tokens; some tokenizers put a neighbour into one. */
const LONGEST = 6;

/** Tokens with their values, those of one character joined; what is broken in itself stays as it is. */
function wholeCharacters(
  tokenizer: Tokenizer,
  ids: readonly number[],
  values: readonly number[],
): TokenValue[] {
  const pieces = tokenizer.pieces(ids);
  const tokens: TokenValue[] = [];
  for (let start = 0; start < ids.length; ) {
    const end = characterEnd(tokenizer, ids, pieces, start);
    const text = end === start + 1 ? pieces[start]! : tokenizer.decode(ids.slice(start, end));
    tokens.push({ text, value: values.slice(start, end).reduce((total, value) => total + value, 0) });
    start = end;
  }
  return tokens;
}

function characterEnd(
  tokenizer: Tokenizer,
  ids: readonly number[],
  pieces: readonly string[],
  start: number,
): number {
  if (!pieces[start]!.includes(BROKEN)) return start + 1;
  for (let end = start + 2; end <= Math.min(ids.length, start + LONGEST); end++)
    if (!tokenizer.decode(ids.slice(start, end)).includes(BROKEN)) return end;
  return start + 1;
}
