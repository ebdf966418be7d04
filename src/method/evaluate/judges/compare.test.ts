import { expect, test } from "vitest";
import { createRng } from "../../../base/core/rng.ts";
import { lengthControlledWinRate } from "../../../base/stats/win-rate.ts";
import type { ArmRecord } from "../arm.ts";
import { compareByJudge, type JudgeRecord, judgeItems, pointsOf } from "./compare.ts";
import type { PairVotes } from "./judge.ts";

const names = { judge: "j", arm: "weak", baseline: "sft" };
const options = { rng: createRng("judges"), resamples: 200 };

/** One record per prompt, with lengths 10 + i and 10. */
const records = (verdicts: readonly PairVotes[]): JudgeRecord[] =>
  verdicts.map((verdict, i) => ({
    ...verdict,
    promptId: `p${i}`,
    sample: 0,
    tokens: 10 + i,
    baselineTokens: 10,
  }));

const seven: PairVotes[] = [
  { votes: ["a", "a"] }, // won in both orders
  { votes: ["a", "a"] },
  { votes: ["b", "b"] }, // lost in both
  { votes: ["a", "b"] }, // turned with the order: a tie
  { votes: ["a", "tie"] }, // one order undecided: won, and not consistent
  { votes: ["tie", "tie"], why: "identical" },
  { votes: ["a", null], why: "malformed" },
];

test("rates are as counted by hand", () => {
  const result = compareByJudge(names, records(seven), options);
  // Judged: six. Won 3 (two sure, one by ¾), lost 1, ties 2: rate (3 + 2/2) / 6.
  expect(result).toMatchObject({
    judged: 6,
    wins: 3,
    ties: 2,
    losses: 1,
    malformed: 1,
    tooLong: 0,
    identical: 1,
  });
  expect(result.winRate).toMatchObject({ estimate: 4 / 6, n: 6 });
  // Three pairs name one response in both orders, two of them the arm's.
  expect(result.consistentWinRate).toMatchObject({ estimate: 2 / 3, n: 3 });
  // Of the five pairs that were asked, one turned.
  expect(result.flipRate).toMatchObject({ estimate: 1 / 5, n: 5 });
  // Sign test of 3 prompts against 1: 2 (1 + 4) / 16.
  expect(result.signTest).toBeCloseTo(10 / 16, 12);
  // Points less one half: ½ ½ -½ 0 ¼ 0. Of 16 sign patterns of (½ ½ ½ ¼), |sum| >= ¾ in: all of ½½½ alike (4 patterns: 1.25, 1.75),
  // and two alike one other with ¼ on the side of the two: 3 + 3 patterns of exactly ¾.
  expect(result.permutationTest).toBeCloseTo(10 / 16, 12);
  expect(result.lengthControlled!.estimate).toBe(
    lengthControlledWinRate([1, 1, 0, 0.5, 1, 0.5], [10, 11, 12, 13, 14, 15], Array(6).fill(10))
      .lengthControlled,
  );
});

test("shares of the orders are points: a judge that turns with the order may still lean to one side", () => {
  const leaning: PairVotes[] = [
    { votes: ["a", "b"], shares: [0.9, 0.4] },
    { votes: ["a", "b"], shares: [0.7, 0.2] },
    { votes: ["a", "b"] },
  ];
  expect(leaning.map((one) => pointsOf(one).toFixed(2))).toEqual(["0.65", "0.45", "0.50"]);
  const result = compareByJudge(names, records(leaning), options);
  expect(result).toMatchObject({ wins: 1, ties: 1, losses: 1 });
  expect(result.flipRate).toMatchObject({ estimate: 1 });
});

test("an arm and its baseline change places: rates mirror, turns stay", () => {
  const mirrored = seven.map(
    ({ votes, ...rest }): PairVotes => ({
      ...rest,
      votes: votes.map((vote) => (vote === "a" ? "b" : vote === "b" ? "a" : vote)),
    }),
  );
  const [one, other] = [seven, mirrored].map((verdicts) => compareByJudge(names, records(verdicts), options));
  expect(other!.winRate!.estimate).toBeCloseTo(1 - one!.winRate!.estimate, 12);
  expect(other!.consistentWinRate!.estimate).toBeCloseTo(1 - one!.consistentWinRate!.estimate, 12);
  expect(other!.flipRate!.estimate).toBe(one!.flipRate!.estimate);
});

test("samples of one prompt are one unit", () => {
  const twice = records(seven.slice(0, 2)).map((record) => ({ ...record, promptId: "p" }));
  expect(compareByJudge(names, twice, options).winRate).toMatchObject({ estimate: 1, n: 1 });
});

test("what cannot be said is null", () => {
  const result = compareByJudge(names, records([{ votes: [null, null], why: "too-long" }]), options);
  expect(result).toMatchObject({
    judged: 0,
    tooLong: 1,
    winRate: null,
    flipRate: null,
    lengthControlled: null,
    signTest: 1,
  });
  // A judge that rates responses one by one has no orders.
  const apart = compareByJudge(names, records([{ votes: ["a"] }, { votes: ["b"] }]), options);
  expect(apart).toMatchObject({ flipRate: null, consistentWinRate: null, wins: 1, losses: 1 });
});

test("points are the mean over the orders", () => {
  expect(pointsOf({ votes: ["a", "tie"] })).toBe(0.75);
  expect(pointsOf({ votes: ["b"] })).toBe(0);
});

const record = (promptId: string, response: string, tokens: number): ArmRecord => ({
  promptId,
  sample: 0,
  prompt: promptId.toUpperCase(),
  response,
  gold: {},
  tokens,
  finish: "eos",
  promptTruncated: false,
  logp: 0,
  sftLogp: null,
});

test("responses meet those of the same prompt, in whatever order they stand", () => {
  const arm = { name: "weak", records: [record("x", "wx", 1), record("y", "wy", 2)] };
  const sft = { name: "sft", records: [record("y", "sy", 3), record("x", "sx", 4)] };
  expect(judgeItems(arm, sft)).toEqual({
    items: [
      { prompt: "X", a: "wx", b: "sx" },
      { prompt: "Y", a: "wy", b: "sy" },
    ],
    facts: [
      { promptId: "x", sample: 0, tokens: 1, baselineTokens: 4 },
      { promptId: "y", sample: 0, tokens: 2, baselineTokens: 3 },
    ],
  });
  expect(() => judgeItems(arm, { name: "sft", records: [] })).toThrow(
    "arm sft has no response 0 to prompt x",
  );
});
