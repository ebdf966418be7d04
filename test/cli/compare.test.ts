import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-compare-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("compare", () => {
  test("puts two runs side by side", async () => {
    const recipe = await writeTinyJob(
      join(folder, "job"),
      `{ max_new_tokens: 6, n_bootstrap: 100, gold: [sentiment, { type: reward-model, model: ${join(folder, "job", "rm")}, name: rm }] }`,
    );
    const runs = [join(folder, "one"), join(folder, "two")];
    for (const [i, out] of runs.entries()) {
      const set = ["--set", `student.prefer.learning_rate=${i === 0 ? "1e-6" : "0.01"}`];
      const outcome = await weakTeacher(["run", recipe, "--out", out, ...set]);
      expect(outcome.code, outcome.stderr).toBe(0);
    }
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
    for (const one of result.differences.filter(({ arm }: { arm: string }) => arm === "sft"))
      expect(one).toMatchObject({ difference: { estimate: 0, low: 0, high: 0, n: 8 }, ties: 8, adjusted: 1 });
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    expect(report.tables.map(({ title }: { title: string }) => title)).toEqual([
      "Settings that differ",
      "Arms of all runs",
      "Prompts won by the later run",
    ]);
    expect(report.headline.join("\n")).toContain("weak of two");
    expect(await readFile(join(out, "report.html"), "utf8")).toContain("Responses that changed most");
    const text = await weakTeacher(["compare", ...runs, "--out", out]);
    expect(text.stdout).toMatch(/student\.prefer\.learning_rate +0\.000001 +0\.01/);
  }, 120_000);

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
