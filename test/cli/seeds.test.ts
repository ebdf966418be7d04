/** One recipe with several seeds, in processes of its own: runs, the report over them, kill -9, what is refused. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { nodeArguments, weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-seeds-"));
  recipe = await writeTinyRecipe(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const run = (out: string, ...more: string[]) =>
  weakTeacher(["run", recipe, "--out", join(folder, out), "--json", ...more]);

type Report = {
  arms: { name: string; goldReward: { n: number; low: number; high: number } }[];
  differences: {
    scope: string;
    a: string;
    b: string;
    metric: string;
    unit: string;
    value: { n: number };
    parity?: { share: number; shown: boolean; over: string; start: string };
  }[];
  headline: string[];
  tables: { title: string; rows: unknown[][] }[];
  environment: { seed: string };
};
const reportOf = async (out: string): Promise<Report> =>
  JSON.parse(await readFile(join(folder, out, "report.json"), "utf8"));

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

test("two seeds are two runs and one report, go on after kill -9, and a second time compute nothing", async () => {
  const plan = await run("two", "--seeds", "2", "--dry-run");
  expect(plan.code, plan.stderr).toBe(0);
  expect(existsSync(join(folder, "two"))).toBe(false);
  expect(JSON.parse(plan.stdout).runs.map(({ seed }: { seed: number }) => seed)).toEqual([22, 23]);

  const killed = await killedWhen("two", /seed 23: run 2 of 2[\s\S]*stage teacher-prefer: starts/);
  expect(killed.code, killed.stderr).not.toBe(0);
  const done = [...killed.stderr.matchAll(/stage (\S+): done/g)].map(([, name]) => name);
  const first = await run("two", "--seeds", "2");
  expect(first.code, first.stderr).toBe(0);
  // The first seed was finished before.
  const [before] = first.stderr.split("seed 23: run 2 of 2");
  expect(before).not.toContain(": starts");
  expect(done).toContain("test-accuracy-human");

  // What does not depend on the seed is made once: the student's base is imported or trimmed by no seed, data by each.
  const stages = (await readdir(join(folder, "two", "stages"))).filter((name) => !name.startsWith("."));
  expect(stages.filter((name) => name.startsWith("data-"))).toHaveLength(2);
  expect(await readlink(join(folder, "two", "seed-23", "stages"))).toBe(join("..", "stages"));
  const again = await run("two", "--seeds", "2");
  expect(again.stderr).not.toContain(": starts");

  const report = await reportOf("two");
  expect(report.environment.seed).toBe("22, 23");
  expect(report.arms.map(({ name, goldReward }) => [name, goldReward.n])).toEqual([
    ["sft", 2],
    ["weak", 2],
    ["human", 2],
  ]);
  const gold = report.differences.filter(({ metric }) => metric === "gold reward");
  expect(gold.map(({ a, b }) => `${a} - ${b}`)).toEqual(["weak - sft", "weak - human", "human - sft"]);
  for (const { scope, value, unit } of report.differences) {
    expect([scope, value.n]).toEqual(["methods", 2]);
    expect(unit).toMatch(/^seeds, \d+ prompts$/);
  }
  expect(gold[1]!.parity).toMatchObject({ share: 0.5, shown: false, over: "human", start: "sft" });
  expect(report.differences.find(({ metric }) => metric === "test accuracy")?.parity?.start).toBe("chance");
  // Random weights learn nothing: two seeds cannot tell.
  expect(report.headline.join("\n")).toContain("cannot tell weak from human");
  expect(report.headline.join("\n")).not.toContain("these two models");
  expect(report.tables.map(({ title }) => title)).toEqual([
    "Over 2 seeds: gold reward",
    "How far runs differ",
    "What each arm learned from",
    "Every run, %",
    "Every run",
  ]);
  // Each is a run of its own, whose words are of two models.
  const own = JSON.parse(await readFile(join(folder, "two", "seed-23", "report.json"), "utf8"));
  expect(own.environment.seed).toBe(23);
  expect(own.headline.join("\n")).toContain("these two models");
  const alone = await weakTeacher(["report", join(folder, "two", "seed-23"), "--json"]);
  expect(alone.code, alone.stderr).toBe(0);
});

test("data of one seed is drawn once, and a run alone gives the seed's numbers", async () => {
  const set = ["--set", "data.seed=7"];
  const both = await run("same", "--seeds", "3,9", ...set);
  expect(both.code, both.stderr).toBe(0);
  expect(count(both.stderr, /stage data: starts/g)).toBe(1);
  const one = await run("nine", "--set", "seed=9", ...set);
  expect(one.code, one.stderr).toBe(0);
  const strip = async (path: string) => {
    const { times: _, ...rest } = JSON.parse(await readFile(join(folder, path, "report.json"), "utf8"));
    return rest;
  };
  expect(await strip(join("same", "seed-9"))).toEqual(await strip("nine"));
  // All seeds answer the same prompts.
  const report = await reportOf("same");
  expect(report.differences[0]!.unit).toBe("seeds, 4 prompts");
  const words = await weakTeacher(["report", join(folder, "same")]);
  expect(words.code, words.stderr).toBe(0);
  expect(words.stdout).toContain("Over 2 seeds: gold reward");
  expect(words.stdout).toContain("report over the seeds: ");
  expect((await lstat(join(folder, "same", "seed-3", "stages"))).isSymbolicLink()).toBe(true);
  const compared = await weakTeacher([
    "compare",
    "--seeds",
    join(folder, "same", "seed-3"),
    join(folder, "nine"),
    "--out",
    join(folder, "over"),
  ]);
  expect(compared.code, compared.stderr).toBe(0);
  expect(compared.stdout).toContain("Over 2 seeds: gold reward");
  // Runs of two recipes are no seeds of one.
  const other = await weakTeacher([
    "compare",
    "--seeds",
    join(folder, "same", "seed-3"),
    join(folder, "two", "seed-22"),
  ]);
  expect(other.code).toBe(2);
  expect(other.stderr).toContain("seeds: the runs differ in more than their seed: data.seed (7, none)");
  const whole = await weakTeacher([
    "export",
    join(folder, "same"),
    "--to",
    "trl",
    "--out",
    join(folder, "x"),
  ]);
  expect(whole.code).toBe(2);
  expect(whole.stderr).toContain("holds the runs of 2 seeds, expected one run. Name one of them: ");
  const status = await weakTeacher(["status", join(folder, "same", "seed-9"), "--json"]);
  const stages = JSON.parse(status.stdout).stages as { name: string; state: string }[];
  expect(new Set(stages.map(({ name }) => name)).size).toBe(stages.length);
  expect(stages.every(({ state }) => state === "done")).toBe(true);
});

test("what has no effect or no meaning is refused", async () => {
  const twice = await run("twice", "--seeds", "4,4");
  expect(twice.code).toBe(2);
  expect(twice.stderr).toContain("expected each seed once");
  expect((await run("one", "--seeds", "1")).stderr).toContain("seeds");
  expect((await run("jobs", "--jobs", "2")).stderr).toContain("--jobs: has no effect on one run");
  const both = await run("both", "--seeds", "3,9", "--set", "data.seed=7");
  expect(both.code, both.stderr).toBe(0);
  const whole = await weakTeacher([
    "export",
    join(folder, "both"),
    "--to",
    "trl",
    "--out",
    join(folder, "x"),
  ]);
  expect(whole.code).toBe(2);
  expect(whole.stderr).toContain("holds the runs of 2 seeds, expected one run. Name one of them: ");
}, 300_000);

/** Starts two seeds and kills the process once its messages match. */
async function killedWhen(out: string, at: RegExp): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(
    process.execPath,
    [...nodeArguments, "run", recipe, "--out", join(folder, out), "--seeds", "2"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
    if (at.test(stderr)) child.kill("SIGKILL");
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, stderr };
}
