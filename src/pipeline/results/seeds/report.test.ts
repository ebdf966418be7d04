import { expect, test } from "vitest";
import type { ArmRecord, EvaluatedArm } from "../../../method/evaluate/arm.ts";
import type { TestMargins } from "../../../method/evaluate/test-accuracy.ts";
import { checkReportData } from "../../../report/check.ts";
import { headlines, verdictOf } from "../../../report/headline.ts";
import { renderMarkdown } from "../../../report/markdown.ts";
import type { ComparedRun } from "../compare/run-folder.ts";
import { REGIME_TITLE } from "../regime.ts";
import { seedsReport } from "./report.ts";

const PROMPTS = 12;

/** An arm whose rewards are a level and what belongs to the prompt. */
const answers = (name: string, level: number, first: number): EvaluatedArm => ({
  name,
  records: Array.from({ length: PROMPTS }, (_, i): ArmRecord => {
    const id = `p${first + i}`;
    return {
      ...{
        promptId: id,
        sample: 0,
        prompt: id,
        response: "r",
        gold: { sentiment: level + ((first + i) % 5) / 10 },
      },
      ...{ tokens: 1, finish: "eos", promptTruncated: false, logp: 0, sftLogp: null },
    };
  }),
});

const pairs = (right: number): TestMargins[] =>
  Array.from({ length: 10 }, (_, i) => ({
    ...{ id: `h${i}`, promptId: `h${i}`, likelihood: 0, likelihoodPerToken: 0 },
    implicit: i < right ? 1 : -1,
  }));

const ARMS = ["sft", "weak", "human"] as const;
const RECIPE = {
  name: "made-up",
  arms: [
    { name: "sft", labels: "weak", training: "sft" },
    { name: "weak", labels: "weak", training: "prefer" },
    { name: "human", labels: "human", training: "prefer" },
  ],
  eval: { parity: { share: 0.5 } },
};

/** The run of a seed: gold levels of the three arms. */
function run(seed: number, levels: readonly number[], first = 0, recipe: object = RECIPE): ComparedRun {
  return {
    ...{ name: `seed-${seed}`, folder: `/runs/seed-${seed}`, runId: `r${seed}`, version: "1", seed },
    recipe: { ...recipe, seed },
    arms: ARMS.map((name) => ({ name })),
    curves: [],
    report: {
      arms: ARMS.map((name, i) => ({ name, goldReward: { estimate: levels[i]!, low: 0, high: 1, n: 12 } })),
    },
    baseline: "sft",
    answers: ARMS.map((name, i) => answers(name, levels[i]!, first)),
    testMargins: new Map([
      ["sft", []],
      ["weak", pairs(6 + (seed % 2))],
      ["human", pairs(8)],
    ]),
  };
}

const LEVELS = [
  [0.2, 0.55, 0.6],
  [0.25, 0.6, 0.62],
  [0.22, 0.52, 0.58],
  [0.27, 0.58, 0.64],
  [0.26, 0.61, 0.63],
] as const;
const options = { version: "1", folder: "/runs" };
const five = (recipe?: object) =>
  seedsReport(
    LEVELS.map((levels, i) => run(i + 1, levels, 3 * i, recipe)),
    options,
  );

test("five seeds: levels, differences and parity, as SciPy has them", () => {
  const report = five();
  checkReportData(report);
  const gold = report.differences!.filter(({ metric }) => metric === "gold reward");
  expect(gold.map(({ a, b }) => `${a} - ${b}`)).toEqual(["weak - sft", "weak - human", "human - sft"]);
  const parity = gold[1]!;
  // Prompts add nothing to a difference here, so that these are t testFigure over the seeds (see base/stats/equivalence.test.ts).
  expect(parity.value.estimate).toBeCloseTo(-0.042, 12);
  expect(parity.parity!.pValue).toBeLessThan(0.001);
  expect(parity.parity!.smallestMargin).toBeCloseTo(0.0615386985, 6);
  expect(verdictOf(parity)).toBe("matches");
  expect(verdictOf(gold[0]!)).toBe("better");
  // Seeds have other prompts, 12 each, 3 further on: 24 in all.
  expect(parity.unit).toBe("seeds, 24 prompts");
  expect(headlines(report.differences, report.intervals)[1]).toContain(
    "weak matches human within half of what human gains over sft",
  );
  // An SFT student's implicit reward decides nothing: its start is chance.
  const testFigure = report.differences!.find(({ metric }) => metric === "test accuracy")!;
  expect(testFigure.parity).toMatchObject({ start: "chance", over: "human" });
  const markdown = renderMarkdown(report);
  expect(markdown).toContain("Over 5 seeds: gold reward");
  expect(markdown).toContain("| matches |");
  expect(report.arms![1]!.goldReward).toMatchObject({ n: 5 });
});

test("a margin of the recipe's own is a fixed difference in what leads", () => {
  const narrow = five({ ...RECIPE, eval: { parity: { share: 0.5, margin: 0.05 } } });
  const one = narrow.differences!.find(({ a, b }) => a === "weak" && b === "human")!;
  expect(one.parity).toMatchObject({ shown: false, size: 0.05 });
  expect(one.parity!.share).toBeUndefined();
  const wide = five({ ...RECIPE, eval: { parity: { share: 0.5, margin: 0.07 } } });
  expect(wide.differences!.find(({ a, b }) => a === "weak" && b === "human")!.parity!.shown).toBe(true);
});

test("three seeds whose runs differ as much as the margin cannot tell", () => {
  const apart = [
    [0.2, 0.7, 0.6],
    [0.2, 0.45, 0.62],
    [0.2, 0.62, 0.5],
  ].map((levels, i) => run(i, levels));
  const { differences } = seedsReport(apart, options);
  const one = differences!.find(({ a, b }) => a === "weak" && b === "human")!;
  expect(verdictOf(one)).toBe("cannot tell");
});

test("an arm that had fewer pairs in some seed says so in the headline, and the table has the least and the most", () => {
  const why = "the teacher abstains on the others";
  const learned = (pairs: number) => ({
    sft: { pairs: 40, steps: 5, tokens: 900 },
    prefer: { pairs, steps: Math.ceil(pairs / 8), tokens: 10 * pairs },
    why,
  });
  const runs = LEVELS.slice(0, 3).map((levels, i) => {
    const made = run(i + 1, levels);
    const pairs = [undefined, [60, 64, 62][i]!, 64];
    return {
      ...made,
      arms: made.arms.map((arm, k) => ({
        ...arm,
        learned: pairs[k] === undefined ? { sft: learned(0).sft } : learned(pairs[k]),
      })),
    };
  });
  const report = seedsReport(runs, options);
  expect(report.headlineNotes).toEqual([
    `Amount: weak learned from 60 to 64 pairs in 8 steps, human from 64 (3 seeds): ${why}. A difference between them is one of amount, too.`,
  ]);
  const markdown = renderMarkdown(report);
  expect(markdown).toContain("Amount: weak learned from 60 to 64 pairs");
  const table = report.tables!.find(({ title }) => title === "What each arm learned from")!;
  expect(table.rows.map((row) => row.slice(0, 5))).toEqual([
    ["sft", "40", "5", "900", null],
    ["weak", "40", "5", "900", "60 to 64"],
    ["human", "40", "5", "900", "64"],
  ]);
  // As many in each seed is no difference of amount.
  const even = runs.map((one) => ({
    ...one,
    arms: one.arms.map((arm) => ({ ...arm, learned: arm.name === "sft" ? {} : learned(64) })),
  }));
  expect(seedsReport(even, options).headlineNotes).toEqual([]);
});

test("runs of other recipes, of one seed twice, or one alone are refused", () => {
  const [levels] = LEVELS;
  expect(() => seedsReport([run(1, levels)], options)).toThrow("expected two runs or more, got 1");
  expect(() => seedsReport([run(1, levels), run(1, levels)], options)).toThrow("two runs have seed 1");
  const other = run(2, levels, 0, { ...RECIPE, student: { beta: 0.2 } });
  expect(() => seedsReport([run(1, levels), other], options)).toThrow(
    "the runs differ in more than their seed: student.beta (none, 0.2)",
  );
});

test("the regime of every run stands beside each other, with mean and spread", () => {
  const withRegime = (one: ComparedRun, share: number): ComparedRun => ({
    ...one,
    report: {
      ...(one.report as object),
      tables: [
        {
          title: REGIME_TITLE,
          columns: [],
          rows: [["people with gold", 9, { estimate: share, low: share, high: share, n: 9 }, 71, "assumed"]],
        },
      ],
    },
  });
  const runs = [0.7, 0.74].map((share, i) => withRegime(run(i + 1, LEVELS[i]!, 0), share));
  const table = seedsReport(runs, options).tables!.find(({ title }) => title === "Every run, %")!;
  const row = table.rows.find(([name]) => name === "regime: people with gold")!;
  expect(row[1]).toMatchObject({ estimate: 70, n: 9 });
  expect(row[3]).toBeCloseTo(72, 10);
});
