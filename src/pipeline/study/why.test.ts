/** The studies of why weak labels may do, on made-up outcomes whose answer is known. */
import { beforeAll, expect, test } from "vitest";
import { type Change, studyLab } from "../../../test/helpers/study-outcomes.ts";
import type { ArmRecord } from "../../method/evaluate/arm.ts";
import { goldChoice, otherSide } from "../../method/evaluate/label-analysis/judged-pair.ts";
import { bestOf } from "./best-of.ts";
import type { CellOutcome } from "./outcomes.ts";
import { baselines } from "./studies/baselines.ts";
import { denoising } from "./studies/denoising.ts";
import { errors } from "./studies/errors.ts";
import { overOptimisation } from "./studies/over-optimisation.ts";

let studyWith: Awaited<ReturnType<typeof studyLab>>["studyWith"];
beforeAll(async () => {
  ({ studyWith } = await studyLab());
});

test("errors: kinds are compared at one number of errors, which the table says", () => {
  const level: Readonly<Record<string, number>> = { "gold-errors-random": -1, weak: -0.25 };
  const { tables, finding } = studyWith(errors, (arm, i) => (i % 3) + (level[arm] ?? 0));
  const [, gra, differences] = tables!;
  const wrong = gra!.rows.map((row) => Number(row[1]));
  expect(wrong[0]).toBe(0);
  expect(new Set(wrong.slice(1, 5)).size).toBe(1);
  expect(wrong[1]).toBeGreaterThan(0.2);
  expect(differences!.rows.map(([name, value]) => [name, (value as { estimate: number }).estimate])).toEqual([
    ["the closest calls by gold - at random", 1],
    ["where the teacher is least sure - at random", 1],
    ["the teacher's own (weak) - at random", 0.75],
    ["the teacher's own (weak) - the closest calls by gold", -0.25],
    ["no errors (gold) - at random", 1],
  ]);
  expect(finding).toContain("the closest calls by gold above at random");
});

/** On labelled pairs people side with gold on every second pair of a prompt, the teacher on all, or on none. */
const relabelled =
  (teacher: "right" | "wrong"): Change =>
  (outcome: CellOutcome) => ({
    ...outcome,
    relabelled: outcome.relabelled.map((pair, i) => {
      const gold = goldChoice(pair) as "a" | "b";
      return {
        ...pair,
        weak: teacher === "right" ? gold : otherSide(gold),
        human: i % 2 === 0 ? gold : otherSide(gold),
      };
    }),
  });

test("denoising: a teacher that gold sides with more often than with its people is told, and the other way round", () => {
  const made = studyWith(denoising, () => 0, relabelled("right"));
  const [labelled] = made.tables!;
  const of = (row: string) => labelled!.rows.find(([name]) => name === row)![1] as { estimate: number };
  expect(of("people with gold").estimate).toBeCloseTo(0.5, 2);
  expect(of("teacher with gold").estimate).toBe(1);
  expect(of("people with gold minus teacher with gold").estimate).toBeCloseTo(-0.5, 2);
  expect(made.finding!.match(/the teacher sides with gold more often than the labels/g)).toHaveLength(4);
  const worse = studyWith(denoising, () => 0, relabelled("wrong"));
  expect(worse.finding!.match(/the labels side with gold more often than the teacher/g)).toHaveLength(4);
});

/** Log-probabilities such that a student's KL is 1 / β, and words such that a second gold falls where `falls` says. */
const moved =
  (falls: (arm: string) => boolean): Change =>
  (outcome) => ({
    ...outcome,
    arms: new Map(
      [...outcome.arms].map(([name, arm]) => {
        const beta = Number(/beta-(\d+)-(\d+)/.exec(name)?.slice(1).join(".") ?? 0.1);
        const records = arm.records.map((record, i) => ({
          ...{ ...record, sftLogp: -1 - (name === "sft" ? 0 : 1 / beta) },
          response: `${falls(name) ? "sad" : "happy"} ${"word ".repeat(1 + (i % 4))}`,
        }));
        return [name, { ...arm, records }];
      }),
    ),
  });

test("over-optimisation: a second gold that falls where the first rises is told, along KL", () => {
  const rising = (arm: string, i: number) => (i % 3) + (arm === "sft" ? 0 : 1);
  const made = studyWith(
    overOptimisation,
    rising,
    moved((arm) => arm.endsWith("beta-0-02")),
  );
  const [gains] = made.tables!;
  expect(gains!.rows.map(([name, kl]) => [name, (kl as { estimate: number }).estimate])).toEqual(
    ["weak", "human"].flatMap((labels) => [
      [`${labels}, β 0.5`, 2],
      [`${labels}, β 0.2`, 5],
      [`${labels}, β 0.1`, 10],
      [`${labels}, β 0.05`, 20],
      [`${labels}, β 0.02`, 50],
    ]),
  );
  expect(gains!.rows.map((row) => (row[2] as { estimate: number }).estimate)).toEqual(Array(10).fill(1));
  expect(
    made.finding!.match(/the second gold falls where the first does not: over-optimisation/g),
  ).toHaveLength(2);
  const [picture] = made.figures!;
  expect(picture!.chart).toMatchObject({
    kind: "line",
    series: [{ name: "sentiment" }, { name: "word balance" }],
  });
  const sound = studyWith(
    overOptimisation,
    rising,
    moved(() => false),
  );
  expect(sound.finding!.match(/neither gold is shown to fall/g)).toHaveLength(2);
});

test("over-optimisation: without the start's log-probabilities there is no KL, and no picture of it", () => {
  const { tables, figures } = studyWith(overOptimisation, (_, i) => i % 3);
  expect(tables![0]!.rows.map((row) => row[1])).toEqual(Array(10).fill(null));
  for (const { chart } of figures!) expect(chart.kind === "line" && chart.series[0]!.points).toEqual([]);
});

test("best of n: the highest score among the first n, the earlier of equal ones, one without a score last", () => {
  const records = ["p", "q"].flatMap((promptId) =>
    [0, 1, 2, 3].map((sample) => ({ promptId, sample, response: `${promptId}${sample}` })),
  ) as unknown as ArmRecord[];
  const scores = [null, 2, 2, 9].map((score, sample) => ({ promptId: "p", sample, score }));
  const chosen = (n: number) =>
    bestOf(
      records,
      [...scores, ...[-1, -2, -3, -4].map((score, sample) => ({ promptId: "q", sample, score }))],
      n,
    ).map(({ response }) => response);
  expect(chosen(1)).toEqual(["p0", "q0"]);
  expect(chosen(3)).toEqual(["p1", "q0"]);
  expect(chosen(4)).toEqual(["p3", "q0"]);
});

test("baselines: weak labels against each of them; without a trained teacher there is no best of n", () => {
  const level: Readonly<Record<string, number>> = { weak: 1, "best-of-4": 0.5, human: 1.5 };
  const reward = (arm: string, i: number) => (i % 3) + (level[arm] ?? 0);
  const without = studyWith(baselines, reward);
  expect(without.notes!.join(" ")).toContain("best of n is left out");
  const { tables, notes } = studyWith(baselines, reward, (outcome) => {
    // A judge's cell has its student alone.
    const sft = outcome.arms.get("sft");
    if (sft === undefined) return outcome;
    const chosen = [4, 16].map((n) => {
      const gold = (i: number) => ({ sentiment: reward(`best-of-${n}`, i) });
      const records = sft.records.map((record, i) => ({ ...record, gold: gold(i) }));
      return [`best-of-${n}`, { ...sft, name: `best-of-${n}`, records }] as const;
    });
    return { ...outcome, arms: new Map([...outcome.arms, ...chosen]) };
  });
  expect(notes!.join(" ")).not.toContain("left out");
  const regime = tables!.find(({ title }) => title?.startsWith("The regime"))!;
  expect(regime.columns.slice(1, 3).map(({ title }) => title)).toEqual([
    "the teacher (pool)",
    "RLAIF, chat (pool)",
  ]);
  const differences = tables!.find(({ title }) => title === "Differences")!.rows;
  expect(differences.map(([name, value]) => [name, (value as { estimate: number }).estimate])).toEqual([
    ["weak (pool) - fine-tuning alone", 1],
    ["weak (pool) - best of 4 by the teacher", 0.5],
    ["weak (pool) - best of 16 by the teacher", 1],
    ["weak (pool) - human (labelled part alone)", 1],
    ["weak (pool) - human (labelled) and weak (pool)", 1],
    ["weak (pool) - human (pool)", -0.5],
    ["weak (pool) - RLAIF, chat (pool)", 0],
  ]);
});
