/** Studies on tiny models, in processes of their own: run, shared work, kill -9, plans, and what cannot be run. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { writeTinyParts } from "../helpers/tiny-recipe.ts";
import { nodeArguments, type Outcome, weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-study-"));
  recipe = join(folder, "tiny.yaml");
  await writeTinyParts(folder);
  await writeFile(
    recipe,
    `version: 1
threads: 1
models: { weak: ${join(folder, "weak")}, student: ${join(folder, "student")} }
data:
  source: ${join(folder, "pairs.jsonl")}
  split: { labelled: 0.5, unlabelled: 0.3, test: 0.2 }
  test_prompts: 4
  max_length: 64
  max_prompt_length: 32
teacher:
  sft: { batch_size: 8 }
  prefer: { batch_size: 4 }
label: { held_out: 0.3 }
student:
  sft: { batch_size: 8 }
  prefer: { batch_size: 8, save_steps: 1 }
eval: { max_new_tokens: 4, gold: [sentiment], n_bootstrap: 100 }
`,
  );
});
// A helper whose parent was killed may still be ending.
afterAll(() => rm(folder, { recursive: true, maxRetries: 10, retryDelay: 200 }));

const args = (out: string, ...more: string[]) => [
  "study",
  ...more,
  ...["--recipe", recipe, "--out", join(folder, out), "--json"],
];
const study = (out: string, ...more: string[]) => weakTeacher(args(out, ...more));

type Result = {
  studies: { name: string; finding: string | null }[];
  leftOut: { name: string; why: string }[];
  variants: { arms: string[]; studies: string[]; open: number; settings: Record<string, unknown> }[];
  steps: { name: string; state: string }[];
  report: { json: string } | null;
};
function resultOf({ code, stdout, stderr }: Outcome): Result {
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Result;
}

const computed = ({ steps }: Result) =>
  steps.filter(({ state }) => state !== "cached").map(({ name }) => name);

/** Digest of every finished stage, by folder. */
async function digests(out: string): Promise<Record<string, string>> {
  const stages = join(folder, out, "stages");
  const names = (await readdir(stages)).filter((name) => !name.startsWith(".")).sort();
  const records = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(stages, name, "stage.json"), "utf8"))),
  );
  return Object.fromEntries(names.map((name, i) => [name, records[i].digest]));
}

test("a study is planned, run, reported beside the paper's numbers, and not computed twice; another takes over its work", async () => {
  const plan = resultOf(await study("whole", "purify", "gold-gap", "--dry-run"));
  expect(existsSync(join(folder, "whole"))).toBe(false);
  // Both need the base only, so there is one variant.
  expect(plan.variants).toHaveLength(1);
  expect(plan.variants[0]).toMatchObject({ studies: ["purify", "gold-gap"] });
  const first = resultOf(await study("whole", "purify", "gold-gap"));
  expect(computed(first)).toEqual(
    expect.arrayContaining([
      "student-weak-match",
      "student-weak-mismatch",
      "student-human",
      "pool-gold",
      "generate-base",
    ]),
  );
  expect(plan.variants[0]!.open).toBe(first.steps.length);
  const report = JSON.parse(await readFile(first.report!.json, "utf8"));
  const [purify, gap] = report.studies;
  expect(purify.id).toBe("purify");
  const [table] = purify.tables;
  expect(table.columns.at(-1)).toMatchObject({ source: "paper" });
  expect(table.rows.map((row: unknown[]) => [row[0], row.at(-1)])).toEqual([
    ["all", 4.84],
    ["match", 4.78],
    ["mismatch", 4.01],
    ["human", 4.63],
    ["the base", 2.22],
  ]);
  // Every pair is a match or a mismatch.
  const [, weak, match, mismatch] = gap.tables[0].rows.map((row: unknown[]) => row[1]);
  expect(match + mismatch).toBe(weak);

  const again = resultOf(await study("whole", "purify", "gold-gap"));
  expect(computed(again)).toEqual([]);
  const changed = ["--set", "eval.gold=[ sentiment ]"];
  const other = resultOf(await study("whole", "noise-control", "agreement", ...changed));
  expect(
    computed(other)
      .filter((name) => name.startsWith("student-"))
      .sort(),
  ).toEqual(
    [
      "student-noise",
      "student-noise-match",
      "student-noise-mismatch",
      "student-sft-human-flip-teacher",
      "student-sft-human-match-flip-teacher",
      "student-sft-human-mismatch-flip-teacher",
    ].sort(),
  );
  const { studies } = JSON.parse(await readFile(other.report!.json, "utf8"));
  expect(studies[0].notes.at(-1)).toBe(
    `Made with: weak-teacher study agreement --scale small --recipe ${recipe} --set 'eval.gold=[ sentiment ]'; 1 cell, seed 22.`,
  );
});

test("the teacher chooses among responses of the SFT student, and a prompted model labels, beside students", async () => {
  const model = join(folder, "judge");
  const shape = { family: "llama", task: "language-model", vocab: 264, positions: 1024 } as const;
  await writeTinyModel(model, { ...shape, seed: 3 });
  // Bytes are tokens, so that the question is short here.
  const asked = JSON.stringify({ kind: "judge-local", model, prompt: "{prompt}: {first} or {second}? " });
  const made = resultOf(await study("baselines", "baselines", "--judge", asked));
  expect(computed(made)).toEqual(expect.arrayContaining(["generate-best-of", "best-of-scores"]));
  const { studies } = JSON.parse(await readFile(made.report!.json, "utf8"));
  const [table] = studies[0].tables;
  expect(table.rows.map((row: unknown[]) => row[0])).toContain("best of 16 by the teacher");
  // Of the best of sixteen every prompt has one, whose gold is one of the sixteen's.
  const of = (label: string) => table.rows.find((row: unknown[]) => row[0] === label)[1];
  expect(of("best of 16 by the teacher").n).toBe(of("fine-tuning alone").n);
  expect(of("RLAIF, judge (pool)").n).toBe(of("fine-tuning alone").n);
  const judge = {
    teacher: { kind: "judge-local", prompt: "{prompt}: {first} or {second}? " },
    "models.weak.source": model,
  };
  expect(made.variants.map(({ settings }) => settings)).toEqual([{}, expect.objectContaining(judge)]);
  const idle = await study("none", "purify", "--judge", "models/chat", "--dry-run");
  expect(idle.code).toBe(2);
  expect(idle.stderr).toContain("--judge: has no effect on these studies");
});

test("pairs that people judged need no gold: teachers and students are held against what they said", async () => {
  const made = resultOf(await study("people", "people", "--seeds", "2", "--set", "eval.gold=[]"));
  const { studies } = JSON.parse(await readFile(made.report!.json, "utf8"));
  const [teachers, students, differences] = studies[0].tables;
  expect(teachers.rows).toHaveLength(3);
  for (const row of teachers.rows) expect(row[1]).toMatchObject({ n: 2 });
  expect(students.rows).toHaveLength(5);
  for (const row of students.rows) expect(row[2].estimate).toBeGreaterThanOrEqual(0);
  expect(differences.rows).toHaveLength(4);
  expect(computed(made).some((name) => name.startsWith("generate-"))).toBe(false);
});

test("killed with kill -9 it goes on, with the same results and no finished stage repeated", async () => {
  const finished = new Set<string>();
  let kills = 0;
  for (const at of [/stage teacher-prefer: starts/, /stage student-weak-mismatch: (starts|goes on)/]) {
    const { code, stderr } = await killedWhen("killed", at);
    expect([null, 0], stderr).toContain(code);
    if (code === null) kills++;
    for (const name of finished) expect(stderr).not.toMatch(new RegExp(`stage ${name}: (starts|goes on)`));
    for (const [, name] of stderr.matchAll(/stage (\S+): done/g)) finished.add(name!);
  }
  expect(kills).toBeGreaterThan(0);
  expect(finished.size).toBeGreaterThan(3);
  const last = await study("killed", "purify");
  resultOf(last);
  for (const name of finished) expect(last.stderr).not.toMatch(new RegExp(`stage ${name}: (starts|goes on)`));
  resultOf(await study("fresh", "purify"));
  expect(await digests("killed")).toEqual(await digests("fresh"));
});

test("two processes share the variants: the same results, none computed twice, nobody left behind", async () => {
  const sizes = ["labelled-fraction", "poisoning"];
  const one = resultOf(await study("one", ...sizes));
  expect(one.variants.length).toBeGreaterThan(3);
  const both = await study("both", ...sizes, "--jobs", "2");
  const result = resultOf(both);
  // Who is waited for is said with the command that it was started by.
  expect(both.stderr.replaceAll("--as-helper", "")).not.toContain("helper");
  const helper = await readFile(join(folder, "both", "helper-1.log"), "utf8");
  const done = [both.stderr, helper].map((text) => [...text.matchAll(/stage (\S+): done/g)].length);
  // Each did something, and together they did what one does alone.
  expect(Math.min(...done)).toBeGreaterThan(3);
  expect(done[0]! + done[1]!).toBe(computed(one).length);
  expect(computed(result)).toHaveLength(done[0]!);
  expect(await digests("both")).toEqual(await digests("one"));
  const leftovers = (await readdir(join(folder, "both", "stages"))).filter((name) => name.startsWith("."));
  expect(leftovers).toEqual([]);
  const [first, second] = await Promise.all(
    [one, result].map(async ({ report }) => JSON.parse(await readFile(report!.json, "utf8"))),
  );
  expect(first.studies).toEqual(second.studies);
});

test("a helper stops when the process that started it is killed", async () => {
  const child = spawn(process.execPath, [...nodeArguments, ...args("orphan", "poisoning"), "--jobs", "2"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = join(folder, "orphan", "helper-1.log");
  const said = async (what: RegExp) => what.test(await readFile(log, "utf8").catch(() => ""));
  await expect.poll(() => said(/stage \S+: (starts|kept)/), { timeout: 300_000 }).toBe(true);
  child.kill("SIGKILL");
  await expect.poll(() => said(/stopping; what is in hand/), { timeout: 300_000 }).toBe(true);
});

test("all leaves out what cannot be run and says why; by name it is an error", async () => {
  const plan = resultOf(await study("none", "all", "--dry-run"));
  expect(plan.leftOut.map(({ name }) => name)).toEqual([
    "errors",
    "denoising",
    "votes",
    "student-size",
    "teacher-size",
    "family",
    "over-optimisation",
    "gold-models",
  ]);
  expect(plan.studies.length).toBeGreaterThan(20);
  const votes = await study("none", "votes");
  expect(votes.code).toBe(2);
  expect(votes.stderr).toContain(
    "study votes: asks simulated people again, so it needs a recipe with data.world.",
  );
  const unknown = await weakTeacher(["study", "agrement"]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('there is no such study; did you mean "agreement"?');
  const nowhere = await weakTeacher(["study", "purify", "--recipe", recipe, "--out", "/dev/null/studies"]);
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toMatch(/^error: \/dev\/null\/studies: .*ENOTDIR/m);
});

test("list names every study with what it stands beside", async () => {
  const outcome = await weakTeacher(["study", "list"]);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toMatch(/^agreement +A1: .*WDPO Table 1/m);
  expect(outcome.stdout.trim().split("\n").length).toBe(35);
});

test("the demo's study runs both teachers with both kinds of people, each student once", async () => {
  const world = await writeWorld();
  const run = ["study", "demo", "--recipe", world, "--seeds", "2", "--out", join(folder, "demo"), "--json"];
  const result = resultOf(await weakTeacher(run));
  expect(result.variants.map(({ arms }) => arms.length)).toEqual([4, 4, 2, 2, 3, 3, 2, 2]);
  const names = computed(result);
  const times = (name: string) => names.filter((one) => one === name).length;
  // Two seeds each: candidates once, worlds of two people, students on their labels once each, one on random labels.
  expect([times("candidates"), times("world"), times("student-human"), times("student-random")]).toEqual([
    2, 4, 4, 2,
  ]);
  expect([times("student-weak"), times("teacher-sft")]).toEqual([8, 4]);
  const report = JSON.parse(await readFile(result.report!.json, "utf8"));
  expect(report.studies[0].tables.map(({ title }: { title: string }) => title).slice(0, 3)).toEqual([
    "Students: gold reward",
    "Differences",
    "The regime in four numbers",
  ]);
  expect(report.environment.seed).toBe("22, 23");
  expect(computed(resultOf(await weakTeacher(run)))).toEqual([]);
});

test("the map runs twenty cells on one student of each people's labels, with the recipe's own seed", async () => {
  const out = join(folder, "map");
  const run = ["study", "crossover", "--recipe", await writeWorld(), "--out", out, "--json"];
  const result = resultOf(await weakTeacher(run));
  expect(result.variants).toHaveLength(20);
  const names = computed(result);
  const times = (name: string) => names.filter((one) => one === name).length;
  expect(result.variants.filter(({ arms }) => arms.includes("human"))).toHaveLength(5);
  // People of two noises may say the same of so few pairs; what is the same is trained once.
  expect([times("candidates"), times("world")]).toEqual([1, 5]);
  expect([2, 3, 4, 5]).toContain(times("student-human"));
  const report = JSON.parse(await readFile(result.report!.json, "utf8"));
  expect(report.environment.seed).toBe(22);
  expect(report.studies[0].tables[0].rows).toHaveLength(5);
  expect(result.studies[0]!.finding).toMatch(/20 cells, of two models each, one run of either: matches 0, /);
});

/** A made-up world of the tiny models, whose gold is length. */
async function writeWorld(): Promise<string> {
  const world = join(folder, "world.yaml");
  const prompts = Array.from({ length: 40 }, (_, i) => `p${i}`);
  await writeFile(join(folder, "prompts.json"), JSON.stringify(prompts));
  await writeFile(join(folder, "gold.js"), "export default (prompt, response) => response.length;\n");
  await writeFile(
    world,
    `version: 1
extends: tiny.yaml
data:
  world: { prompts: ${join(folder, "prompts.json")}, pairs_per_prompt: 3, max_new_tokens: 4, labelled: 0.5, test: 0.3, gold: { type: programmatic, module: ${join(folder, "gold.js")} } }
`,
  );
  return world;
}

/** Starts a study and kills it once its messages match. */
async function killedWhen(out: string, at: RegExp): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [...nodeArguments, ...args(out, "purify")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  let sent = false;
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
    if (sent || !at.test(stderr)) return;
    sent = true;
    setTimeout(() => child.kill("SIGKILL"), 60);
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, stderr };
}
