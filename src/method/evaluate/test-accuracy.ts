/** Test accuracy: does a student prefer what people preferred, on labelled pairs it has not seen? */
import { z } from "zod";
import type { Rng } from "../../base/core/rng.ts";
import { rowKind } from "../../base/files/row-file.ts";
import { clusterBootstrap, SHARE } from "../../base/stats/bootstrap.ts";
import { type Interval, intervalSchema } from "../../base/stats/check.ts";
import type { Model } from "../../engine/model/model.ts";
import { encodePair, type PairFlag, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import { unitOf } from "../data/normalise.ts";
import { isTie, type PreferenceRow } from "../data/rows.ts";
import { openScorer, type RowScore } from "../objective/score.ts";
import type { EvaluateDeps } from "./simulate.ts";

const testMarginsSchema = z.strictObject({
  id: z.string(),
  /** Names the prompt, or the group of prompts that belong together: what intervals resample. */
  promptId: z.string(),
  /** (log π - log π_ref) of chosen minus of rejected: the implicit reward's margin divided by β. Null without a reference. */
  implicit: z.number().nullable(),
  /** log π(chosen) - log π(rejected). */
  likelihood: z.number(),
  /** The same per token of each response. */
  likelihoodPerToken: z.number(),
});

/** Margins of one labelled pair, chosen minus rejected, nats; above 0 the model sides with the label. */
export type TestMargins = z.output<typeof testMarginsSchema>;

/** Margins of test pairs. */
export const TEST_MARGINS = rowKind<TestMargins>({
  what: "margin of a test pair",
  schema: testMarginsSchema,
});

/** What was measured, and what was left out by reason (`tie`, or a flag of `encodePair`). */
export type ScoredTest = {
  readonly pairs: readonly TestMargins[];
  readonly leftOut: Readonly<Record<string, number>>;
};

/** What to measure. */
export type TestRequest = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** The policy's SFT start, in the same store; without it there is no implicit reward. */
  readonly reference?: Model | undefined;
  readonly rows: readonly PreferenceRow[];
  readonly limits: TokenLimits;
};

/** Flags of pairs that are no evidence of a preference. */
const BLOCKING: readonly PairFlag[] = ["truncated_a", "truncated_b", "empty_a", "empty_b", "identical"];

/** Scores labelled pairs with a student. @throws NumericsError when a score is not finite; ConfigError as `encodePair` */
export async function scoreTest({ runtime }: EvaluateDeps, request: TestRequest): Promise<ScoredTest> {
  const { model, tokenizer, reference, limits } = request;
  const leftOut: Record<string, number> = {};
  const kept = request.rows.flatMap((row) => {
    const encoded = encodePair(tokenizer, { prompt: row.prompt, a: row.chosen, b: row.rejected }, limits);
    const why = isTie(row) ? "tie" : encoded.flags.find((flag) => BLOCKING.includes(flag));
    if (why === undefined) return [{ row, encoded }];
    leftOut[why] = (leftOut[why] ?? 0) + 1;
    return [];
  });
  const tokenRows = kept.map(({ encoded: { prompt, a, b } }) => ({ prompt, responses: [a, b] }));
  const policy = await (await openScorer(runtime, model)).score(tokenRows);
  const base =
    reference === undefined ? undefined : await (await openScorer(runtime, reference)).score(tokenRows);
  const pairs = kept.map(({ row }, i) => ({
    id: row.id,
    promptId: unitOf(row),
    ...margins(policy[i]!, base?.[i]),
  }));
  return { pairs, leftOut };
}

function margins({ logps, lengths }: RowScore, base: RowScore | undefined) {
  const difference = (values: readonly number[]) => values[0]! - values[1]!;
  return {
    implicit: base === undefined ? null : difference(logps) - difference(base.logps),
    likelihood: difference(logps),
    likelihoodPerToken: difference(logps.map((logp, i) => logp / lengths[i]!)),
  };
}

/** The accuracies as a file holds them. */
export const testAccuracySchema = z.object({
  /** By implicit reward (DPO eq. 5); null without a reference or when every margin is 0, as the reference's own are. */
  implicit: intervalSchema.nullable(),
  /** By likelihood of the whole response: favours short ones. */
  likelihood: intervalSchema.nullable(),
  likelihoodPerToken: intervalSchema.nullable(),
  /** Pairs measured. */
  pairs: z.number(),
  leftOut: z.record(z.string(), z.number()),
});

/** Shares of pairs on which a student sides with the label; margins of exactly 0 are no opinion and are left out. */
export type TestAccuracy = z.output<typeof testAccuracySchema>;

/** Accuracies with bootstrap intervals over prompts; each interval's n counts prompts. */
export function testAccuracy(
  { pairs, leftOut }: ScoredTest,
  options: { readonly rng: Rng; readonly resamples?: number; readonly level?: number },
): TestAccuracy {
  const accuracy = (margin: (pair: TestMargins) => number | null): Interval | null => {
    const decided = pairs.flatMap((pair) => {
      const value = margin(pair);
      return value === null || value === 0 ? [] : [{ right: value > 0, promptId: pair.promptId }];
    });
    return clusterBootstrap(
      decided,
      decided.map((pair) => pair.promptId),
      (sample) => sample.filter(({ right }) => right).length / sample.length,
      { ...options, range: SHARE },
    );
  };
  return {
    implicit: accuracy((pair) => pair.implicit),
    likelihood: accuracy((pair) => pair.likelihood),
    likelihoodPerToken: accuracy((pair) => pair.likelihoodPerToken),
    pairs: pairs.length,
    leftOut,
  };
}
