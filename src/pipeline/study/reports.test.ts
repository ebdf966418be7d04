/** What every study's report says of made-up outcomes: sound tables whatever came out, and nothing found where there is nothing. */
import { beforeAll, expect, test } from "vitest";
import { type Rewards, studyLab } from "../../../test/helpers/study-outcomes.ts";
import { createRng } from "../../base/core/rng.ts";
import { checkReportData } from "../../report/check.ts";
import type { ReportData, Study } from "../../report/data.ts";
import { renderMarkdown } from "../../report/markdown.ts";
import type { StudyContext } from "./context.ts";
import { EVERY_STUDY } from "./studies/index.ts";

let context: StudyContext;
let studyWith: Awaited<ReturnType<typeof studyLab>>["studyWith"];
beforeAll(async () => {
  ({ context, studyWith } = await studyLab());
});

const reportOf = (studies: Study[]): ReportData => ({
  ...{ title: "t", runId: "r", recipe: { yaml: "", digest: "d" }, environment: { version: "0", seed: 1 } },
  studies,
});

const noisy: Rewards = (arm, i) => createRng(arm).fork(String(i)).normal();
const named = (name: string) => EVERY_STUDY.find((study) => study.name === name)!;

test.each(EVERY_STUDY.map((study) => [study.name, study] as const))(
  "%s: tables are whole, sentences end, nothing is NaN",
  (_, study) => {
    const made = studyWith(study, noisy);
    checkReportData(reportOf([made]));
    expect(made.tables?.length).toBeGreaterThan(0);
    expect(JSON.stringify(made)).not.toMatch(/undefined|NaN/);
    expect(renderMarkdown(reportOf([made]))).toContain(study.title);
    for (const text of [made.finding ?? ".", ...(made.notes ?? [])]) expect(text).toMatch(/\.\)?$/);
  },
);

test.each(EVERY_STUDY.map((study) => [study.name, study] as const))(
  "%s: students that are all alike are not told apart",
  (_, study) => {
    const { finding = "" } = studyWith(study, (_, i) => i % 3);
    expect(finding).not.toMatch(/\b[1-9]\d* (is|are) significant|[1-9]\d* puts? weak/);
    expect(finding).not.toMatch(/Gold reward: [^.]* (above|below) /);
  },
);

test("the student on human labels is in no row another student", () => {
  const { tables } = studyWith(named("teacher-size"), (arm, i) => (i % 3) + (arm === "human" ? 5 : 0));
  const { columns, rows } = tables![0]!;
  const at = columns.findIndex(({ title }) => title === "student on human labels");
  expect(rows.length).toBe(2);
  for (const row of rows) expect(row[at]).toMatchObject({ estimate: 6 });
  // The question is the teachers': their students are compared, too, not with the human one alone.
  const differences = tables!.find(({ title }) => title === "Differences")!.rows.map(([name]) => name);
  expect(differences.at(-1)).toBe("student of two - student of one");
});

test("an arm that stands in two rows is not compared with itself", () => {
  const { tables } = studyWith(named("labelled-fraction"), noisy);
  const differences = tables!.find(({ title }) => title === "Differences")!.rows.map(([name]) => name);
  expect(differences).toContain("weak: all - 1/8");
  expect(differences).not.toContain("human, whole pool: all - 1/8");
  expect(differences).toContain("1/8: weak - human, as few pairs");
});

test("what weights add to weak labels is compared with what they add to human ones, prompt by prompt", () => {
  // Weights add 1 to weak labels and 1/4 to human ones: 3/4, on prompts that differ much among each other.
  const added: Readonly<Record<string, number>> = { "weak-cw": 1, "human-cw": 0.25 };
  const { tables } = studyWith(named("easier-pairs"), (arm, i) => 10 * (i % 5) + (added[arm] ?? 0));
  const rows = tables!.find(({ title }) => title === "Differences")!.rows;
  const [name, value] = rows.at(-1)!;
  expect(name).toBe("what weights add to weak labels - what they add to human labels");
  expect(value).toMatchObject({ n: 30 });
  expect((value as { estimate: number }).estimate).toBeCloseTo(0.75, 12);
});

test("scorers are one family: p-values are corrected over all of them", () => {
  const rows = studyWith(named("gold-models"), noisy).tables![0]!.rows;
  expect(rows.length).toBe(6);
  const least = rows.map((row) => Number(row[2])).sort((x, y) => x - y)[0]!;
  const adjusted = Math.min(...rows.map((row) => Number(row[3])));
  expect(adjusted).toBeCloseTo(Math.min(1, 6 * least), 12);
});

test("win rates say how many of their tests hold, and which way", () => {
  const { finding } = studyWith(named("win-rate"), (arm, i) => (i % 3) - (arm === "human" ? 1 : 0));
  expect(finding).toBe(
    "Of 7 sign tests between two models each, 2 are significant after Holm's correction: weak - human (30 won, 0 lost: above); weak weighted - human (30 won, 0 lost: above).",
  );
});

test("the study of seeds tests parity over them, and calls one run each two models", () => {
  const made = studyWith(
    named("seeds"),
    (arm, i) => (i % 3) + (arm === "human" ? 1 : arm === "weak" ? 0.9 : 0),
  );
  // Rewards do not depend on the seed here: the variance of prompts is none, so that weak lacks a tenth of the gain exactly.
  expect(made.finding).toContain("weak matches human within half of what human gains over sft (0.50), −0.10");
  expect(made.finding).toContain("(n = 3 seeds, 30 prompts)");
  const apart = studyWith(
    named("seeds"),
    (arm, i) => (i % 3) + (arm === "human" ? 1 : arm === "weak" ? 0.2 : 0),
  );
  expect(apart.finding).toContain("weak is worse than human, −0.80");
  expect(apart.finding).toContain("Parity within half of what human gains over sft (0.50) is not shown.");
  // Runs that differ by more than the margin can tell nothing.
  const noisyRuns = studyWith(named("seeds"), noisy);
  expect(noisyRuns.finding).toContain("cannot tell weak from human");
});

test("the demo compares weak labels with people's teacher by teacher, on people's students trained once", () => {
  const level: Readonly<Record<string, number>> = { human: 1, weak: 0.25 };
  const { tables, finding } = studyWith(named("demo"), (arm, i) => (i % 3) + (level[arm] ?? 0));
  const [students, differences, regime] = tables!;
  expect(students!.rows.map(([name]) => name)).toEqual([
    "people at 71 %, implicit reward",
    "people at 71 %, reward head",
    "clean people, implicit reward",
    "clean people, reward head",
  ]);
  for (const row of students!.rows)
    expect(row.slice(1)).toMatchObject([1, 1.25, 2, 1].map((estimate) => ({ estimate })));
  expect(differences!.rows.map(([name]) => name)).toEqual([
    ...students!.rows.flatMap(([name]) => [`${name}: weak - human`, `${name}: weak - sft`]),
    "implicit reward: weak - human, people at 71 % - clean people",
    "reward head: weak - human, people at 71 % - clean people",
  ]);
  expect(differences!.rows[0]![1]).toMatchObject({ estimate: -0.75 });
  // What people's noise changes: nothing here, where both worlds have the same students.
  for (const row of differences!.rows.slice(-2)) expect(row[1]).toMatchObject({ estimate: 0 });
  expect(finding!.match(/weak below human/g)).toHaveLength(4);
  expect(regime!.columns).toHaveLength(7);
  // Students on people's labels stand in one cell of each people, that on random labels in one of all.
  const arms = named("demo")
    .cells(context)
    .map((cell) => cell.arms.map(({ name }) => name));
  expect(arms).toEqual([
    ["sft", "weak", "human", "random"],
    ["sft", "weak"],
    ["sft", "weak", "human"],
    ["sft", "weak"],
  ]);
});

test("the map forecasts each cell from other people's cells, and says whether agreements told", () => {
  const made = studyWith(named("crossover"), (arm, i) => (i % 3) + (arm === "weak" ? -0.5 : 0));
  const [map, cells] = made.tables!;
  expect(map!.rows.map(([name]) => name)).toEqual(
    [60, 65, 71, 80, 90].map((share) => `people at ${share} %`),
  );
  for (const row of map!.rows) expect(row.slice(1)).toMatchObject(Array(4).fill({ estimate: -0.5 }));
  expect(cells!.rows).toHaveLength(20);
  expect(made.finding).toContain("worse 20, cannot tell 0");
  const { chart } = made.figures![0]!;
  expect(chart).toMatchObject({ kind: "scatter", diagonal: true });
  const series = chart.kind === "scatter" ? chart.series : [];
  expect(series.map(({ name, points }) => [name, points.length])).toEqual([
    ["weak worse", 20],
    ["HH-RLHF in the paper (people's share assumed)", 1],
  ]);
  expect(series.at(-1)!.points).toEqual([{ x: 0.71, y: 0.67 }]);
});
