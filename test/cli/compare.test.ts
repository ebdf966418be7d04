import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let runs: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-compare-"));
  const at = (name: string) => join(folder, "job", name);
  const recipe = await writeTinyJob(
    join(folder, "job"),
    `{ max_new_tokens: 6, n_bootstrap: 100,
  gold: [sentiment, { type: reward-model, model: ${at("rm")}, name: rm, trained_on: [somebody/pairs] }],
  judges: [{ type: local, model: ${at("weak")}, prompt: "{prompt}|{first}|{second}" }] }`,
  );
  runs = [join(folder, "one"), join(folder, "two")];
  for (const [i, out] of runs.entries()) {
    const set = ["--set", `student.prefer.learning_rate=${i === 0 ? "1e-6" : "0.01"}`];
    const outcome = await weakTeacher(["run", recipe, "--out", out, ...set]);
    expect(outcome.code, outcome.stderr).toBe(0);
  }
});
afterAll(() => rm(folder, { recursive: true }));

type OwnCurve = { stage: string; metric: string; points: [number, number][] };
type Table = { title?: string; columns: { title: string }[]; rows: unknown[][] };

test("a run's report has its arms by every evaluator, under how many a conclusion holds, and the gap recovered", async () => {
  const report = JSON.parse(await readFile(join(runs[0]!, "report.json"), "utf8"));
  const studies = new Map<string, { finding?: string; tables: Table[] }>(
    report.studies.map((study: { id: string }) => [study.id, study]),
  );
  expect([...studies.keys()]).toEqual(expect.arrayContaining(["gap", "evaluators", "judges"]));
  const [gold, correlation, ...conclusions] = studies.get("evaluators")!.tables;
  // Three arms by two scorers; one pair of scorers; weak against sft and against human labels by three evaluators.
  expect(gold!.rows.map(([scorer, arm]) => `${scorer} ${arm}`)).toHaveLength(6);
  expect(correlation!.rows).toHaveLength(1);
  expect(conclusions.map(({ rows }) => rows.map(([evaluator]) => evaluator))).toEqual([
    ["sentiment", "rm", "pairwise-local"],
    ["sentiment", "rm", "pairwise-local"],
  ]);
  expect(studies.get("evaluators")!.finding).toMatch(
    /holds under \d of 3 evaluators \(\d of 2 that were not trained/,
  );
  expect(report.warnings).toContainEqual(
    expect.objectContaining({
      where: "gold scorer rm",
      message: expect.stringContaining("was trained on this run's dataset"),
    }),
  );
  // weak and human against sft, weak against human: eight response pairs each, all of them judged.
  const counts = studies.get("judges")!.tables[1]!.rows as number[][];
  expect(counts.map(([, , , wins, ties, losses]) => wins! + ties! + losses!)).toEqual([8, 8, 8]);
  const gap = studies.get("gap")!.tables[0]!;
  // The arm without preference training has no implicit reward.
  expect(gap.rows.map(([arm]) => arm)).toEqual(["weak"]);
  for (const [, pairs, teacher] of gap.rows as [string, number, { estimate: number; n: number }][]) {
    expect(pairs).toBeGreaterThan(0);
    expect(teacher.n).toBeLessThanOrEqual(pairs);
  }
  const metrics = new Set(
    report.arms.flatMap(({ more }: { more: { metric: string }[] }) => more.map(({ metric }) => metric)),
  );
  expect(metrics).toContain("GRA against the arm's own SFT start");
});

describe("compare", () => {
  test("puts two runs side by side", async () => {
    const out = join(folder, "comparison");
    const outcome = await weakTeacher(["compare", ...runs, "--out", out, "--resamples", "200", "--json"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const result = JSON.parse(outcome.stdout);
    expect(result.settings).toContainEqual({
      path: "student.prefer.learning_rate",
      values: ["0.000001", "0.01"],
    });
    // Three arms by two scorers, and the SFT arm is the same in both.
    expect(result.differences).toHaveLength(6);
    expect(result.testAccuracy.map(({ arm }: { arm: string }) => arm)).toEqual(["sft", "weak", "human"]);
    expect(result.testAccuracy[0]).toMatchObject({ onlyRun: 0, onlyAgainst: 0, pValue: 1 });
    for (const one of result.differences.filter(({ arm }: { arm: string }) => arm === "sft"))
      expect(one).toMatchObject({ difference: { estimate: 0, low: 0, high: 0, n: 8 }, ties: 8, adjusted: 1 });
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    expect(report.tables.map(({ title }: { title: string }) => title)).toEqual([
      "Settings that differ",
      "Arms of all runs",
      "Responses by which the later run won",
    ]);
    // Curves of both runs over each other, as their own reports have them.
    const own = await Promise.all(
      runs.map(
        async (run) => JSON.parse(await readFile(join(run, "report.json"), "utf8")).curves as OwnCurve[],
      ),
    );
    const overlaid = report.curves as (OwnCurve & { panel: string })[];
    expect(overlaid.length).toBeGreaterThan(2);
    for (const { stage, metric, panel, points } of overlaid) {
      const curves = own[["one", "two"].indexOf(metric)]!;
      expect(points).toEqual(curves.find((one) => one.stage === stage && one.metric === panel)!.points);
    }
    expect(report.headline.join("\n")).toContain("weak of two");
    expect(await readFile(join(out, "report.html"), "utf8")).toContain("Responses that changed most");
    const text = await weakTeacher(["compare", ...runs, "--out", out]);
    expect(text.stdout).toMatch(/student\.prefer\.learning_rate +0\.000001 +0\.01/);
  });

  test("says what to do with folders that have no report, all of them at once", async () => {
    const empty = join(folder, "empty");
    await mkdir(empty, { recursive: true });
    const outcome = await weakTeacher(["compare", empty, join(folder, "nowhere")]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("empty: is no run, expected a folder with report.json and recipe.yaml.");
    expect(outcome.stderr).toContain("nowhere: there is no such folder");
    const alone = await weakTeacher(["compare", empty]);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toContain("expected two runs or more, got 1");
  });
});
