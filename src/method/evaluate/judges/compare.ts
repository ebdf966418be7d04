/** What a judge says of an arm against another: rates over response pairs, with intervals that resample prompts. */
import { z } from "zod";
import { AlignError } from "../../../base/core/errors.ts";
import type { Rng } from "../../../base/core/rng.ts";
import { rowKind } from "../../../base/files/row-file.ts";
import { clusterBootstrap, SHARE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { groupBy, mean } from "../../../base/stats/describe.ts";
import { pairedPermutationTest, signTest } from "../../../base/stats/hypothesis.ts";
import { lengthControlledInterval, lengthControlledWinRate } from "../../../base/stats/win-rate.ts";
import type { EvaluatedArm } from "../arm.ts";
import { type JudgeItem, type PairVotes, pairVotesSchema } from "./judge.ts";

const judgeRecordSchema = pairVotesSchema.extend({
  promptId: z.string(),
  sample: z.number(),
  /** Tokens of the arm's response and of the baseline's. */
  tokens: z.number(),
  baselineTokens: z.number(),
});

/** One response of an arm against the baseline's of the same prompt and number, as it was judged. */
export type JudgeRecord = z.output<typeof judgeRecordSchema>;

/** A judge's verdicts. */
export const JUDGE_RECORDS = rowKind<JudgeRecord>({ what: "verdict", schema: judgeRecordSchema });

/** The pairs to judge; `a` is the arm's response. @throws AlignError "data" when the baseline lacks one of the arm's prompts */
export function judgeItems(
  arm: EvaluatedArm,
  baseline: EvaluatedArm,
): { items: JudgeItem[]; facts: Omit<JudgeRecord, keyof PairVotes>[] } {
  const keyOf = ({ promptId, sample }: { promptId: string; sample: number }) => `${promptId}/${sample}`;
  const others = new Map(baseline.records.map((record) => [keyOf(record), record]));
  const pairs = arm.records.map((record) => {
    const other = others.get(keyOf(record));
    if (other === undefined)
      throw new AlignError(
        "data",
        `judges: arm ${baseline.name} has no response ${record.sample} to prompt ${record.promptId} of arm ${arm.name}.`,
      );
    return { record, other };
  });
  return {
    items: pairs.map(({ record, other }) => ({
      prompt: record.prompt,
      a: record.response,
      b: other.response,
    })),
    facts: pairs.map(({ record: { promptId, sample, tokens }, other }) => ({
      promptId,
      sample,
      tokens,
      baselineTokens: other.tokens,
    })),
  };
}

/** An arm against a baseline in a judge's eyes. Rates are null where nothing defines them. */
export type JudgeComparison = {
  readonly judge: string;
  readonly arm: string;
  readonly baseline: string;
  /** Response pairs: those with an opinion, and the others by reason. */
  readonly judged: number;
  readonly malformed: number;
  readonly tooLong: number;
  /** Of the judged ones, those with equal texts, which are ties nobody was asked about. */
  readonly identical: number;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Share won, ties counting half; n counts prompts, here and below. */
  readonly winRate: Interval | null;
  /** Share won of the pairs for which both orders name the same response; null where there are no orders. */
  readonly consistentWinRate: Interval | null;
  /** Share of the asked pairs whose winner turned with the order (a coin: 0.5). */
  readonly flipRate: Interval | null;
  /** Win rate at equal length (AlpacaEval 2's regression without difficulty). */
  readonly lengthControlled: Interval | null;
  /** Two-sided tests over prompts: more prompts won than lost, and mean points off one half. */
  readonly signTest: number;
  readonly permutationTest: number;
};

/** How intervals are made. */
export type JudgeIntervals = { readonly rng: Rng; readonly resamples?: number | undefined };

/**
 * Rates of one arm against one baseline.
 * @param names - of judge, arm and baseline
 */
export function compareByJudge(
  names: Pick<JudgeComparison, "judge" | "arm" | "baseline">,
  records: readonly JudgeRecord[],
  { rng, resamples }: JudgeIntervals,
): JudgeComparison {
  const judged = records.filter(({ votes }) => !votes.includes(null));
  const asked = judged.filter(({ why, votes }) => why !== "identical" && votes.length === 2);
  const rate = (
    label: string,
    list: readonly JudgeRecord[],
    statistic: (sample: readonly JudgeRecord[]) => number | null,
  ) =>
    clusterBootstrap(
      list,
      list.map(({ promptId }) => promptId),
      (sample) => (sample.length === 0 ? null : statistic(sample)),
      {
        rng: rng.fork("judge", names.judge, names.arm, names.baseline, label),
        range: SHARE,
        resamples,
      },
    );
  const share = (list: readonly JudgeRecord[], is: (record: JudgeRecord) => boolean) =>
    list.length === 0 ? null : list.filter(is).length / list.length;
  const consistent = asked.filter(
    (record) => record.votes[0] === record.votes[1] && record.votes[0] !== "tie",
  );
  const count = (is: (record: JudgeRecord) => boolean) => records.filter(is).length;
  const points = groupBy(judged, ({ promptId }) => promptId).map((group) => mean(group.map(pointsOf)));
  const winRate = rate("win rate", judged, (sample) => mean(sample.map(winOf)));
  return {
    ...names,
    judged: judged.length,
    malformed: count(({ why }) => why === "malformed"),
    tooLong: count(({ why }) => why === "too-long"),
    identical: count(({ why }) => why === "identical"),
    wins: judged.filter((record) => pointsOf(record) > 0.5).length,
    ties: judged.filter((record) => pointsOf(record) === 0.5).length,
    losses: judged.filter((record) => pointsOf(record) < 0.5).length,
    winRate,
    consistentWinRate: rate("consistent", consistent, (sample) =>
      share(sample, ({ votes }) => votes[0] === "a"),
    ),
    flipRate: rate("flips", asked, (sample) => share(sample, isFlip)),
    lengthControlled: lengthControlledOf(judged, winRate),
    signTest: signTest(points.filter((p) => p > 0.5).length, points.filter((p) => p < 0.5).length),
    permutationTest:
      points.length === 0
        ? 1
        : pairedPermutationTest(
            points.map((p) => p - 0.5),
            { rng: rng.fork("judge-test", names.judge, names.arm) },
          ),
  };
}

/** Points of the arm: the mean over the orders of its share, or of 1 for a vote, ½ for a tie, 0 for a vote against. */
export function pointsOf({ votes, shares }: Pick<PairVotes, "votes" | "shares">): number {
  if (shares !== undefined) return mean(shares);
  return mean(votes.map((vote) => (vote === "a" ? 1 : vote === "b" ? 0 : 0.5)));
}

/** 1, ½ or 0: who has more votes. */
const winOf = (record: JudgeRecord) => (Math.sign(pointsOf(record) - 0.5) + 1) / 2;

/** True when the two orders name different responses. */
const isFlip = ({ votes }: JudgeRecord) => votes.includes("a") && votes.includes("b");

/** Where all answers differ equally in length, or no comparison from the others, the plain rate; null where all go one way. */
function lengthControlledOf(judged: readonly JudgeRecord[], winRate: Interval | null): Interval | null {
  if (judged.length < 2) return null;
  const parts = [
    judged.map(winOf),
    judged.map(({ tokens }) => tokens),
    judged.map(({ baselineTokens }) => baselineTokens),
  ] as const;
  const { lengthControlled: estimate } = lengthControlledWinRate(...parts);
  if (estimate === null) return null;
  const clusters = judged.map(({ promptId }) => promptId);
  return lengthControlledInterval(...parts, { clusters }) ?? (winRate && { ...winRate, estimate });
}
