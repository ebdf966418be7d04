/** Several sources wherever one is taken: on the command line, in a recipe, through all that follows. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const limits = ["--max-length", "64", "--max-prompt-length", "32", "--threads", "1"];

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const pairs = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    prompt: `${name} ${i}?`,
    chosen: ` Yes, ${i}.`,
    rejected: i % 2 === 0 ? " No." : " No, no, no.",
  }));
const pool = (name: string, count: number) =>
  pairs(name, count).map(({ id, prompt, chosen, rejected }) => ({
    id,
    prompt,
    ...{ response_a: chosen, response_b: rejected },
  }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-sources-"));
  await writeTinyFolder(folder, "model", { seed: 1 });
  await writeFile(at("a.jsonl"), lines(pairs("apple", 24)));
  await writeFile(at("b.jsonl"), lines(pairs("pear", 8)));
  await writeFile(
    at("b.csv"),
    `question,good,bad\n${Array.from({ length: 8 }, (_, i) => `pear ${i}?, Yes., No.\n`).join("")}`,
  );
  await writeFile(at("p1.jsonl"), lines(pool("plum", 6)));
  await writeFile(at("p2.jsonl"), lines(pool("peach", 4)));
  await mkdir(at("asked"));
  await writeFile(at("asked", "one.jsonl"), lines([{ prompt: "x" }, { prompt: 3 }]));
  await writeFile(at("asked", "two.jsonl"), lines([{ prompt: "y" }, { prompt: "x" }]));
});
afterAll(() => rm(folder, { recursive: true }));

const works = async (args: readonly string[]) => {
  const { code, stderr, stdout } = await weakTeacher([...args]);
  expect(code, stderr).toBe(0);
  return { stderr, stdout };
};

test("inspect prints a row for each source, with what a mixture takes of it", async () => {
  const two = [at("a.jsonl"), at("b.jsonl")];
  const all = await works(["inspect", ...two]);
  expect(all.stdout).toMatch(/a\.jsonl +trl: 24 of 24 pairs\n.*b\.jsonl +trl: 8 of 8 pairs\n/);
  const mixed = await works(["inspect", ...two, "--mix", "1,1", "--json"]);
  const { report } = JSON.parse(mixed.stdout);
  expect(report.rows).toBe(16);
  expect(report.sources.map(({ taken }: { taken: number }) => taken)).toEqual([8, 8]);
  const refused = await weakTeacher(["inspect", ...two, "--mix", "1,2,3"]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("--mix: expected a weight for each of the 2 sources, got 3");
  const twice = await weakTeacher(["inspect", two[0]!, two[0]!]);
  expect(twice.stderr).toMatch(/names .*a\.jsonl twice/);
});

test("training on a mixture names it by files and weights: another weight is another training", async () => {
  const args = (mix: string) => [
    ...["sft", at("a.jsonl"), at("b.jsonl"), "--mix", mix, "--model", at("model"), ...limits],
    ...["--set", "max_steps=1", "--out", at("sft")],
  ];
  await works(args("1,1"));
  expect((await works(args("1,1"))).stdout).toContain("kept from before");
  expect((await weakTeacher(args("2,1"))).stderr).toContain(
    "holds another result of sft: input rows differs",
  );
  const other = await works([...args("2,1"), "--fresh"]);
  expect(other.stderr).toMatch(/a\.jsonl +trl: 16 of 24 pairs, weight 2 \(66\.7 %\)/);
});

test("a pool of several files is labelled, asked about and combined; its ids stay apart", async () => {
  const label = (out: string, seed: string) => [
    ...["label", at("p1.jsonl"), at("p2.jsonl"), "--teacher", "random", "--seed", seed, "--out", at(out)],
    ...["--calibrate", at("a.jsonl"), "--calibrate", at("b.jsonl"), ...limits],
  ];
  await works(label("l1", "1"));
  const labels = (await readFile(at("l1", "labels.jsonl"), "utf8")).trim().split("\n");
  expect(labels.map((line) => JSON.parse(line).id)).toEqual([
    ...["1", "2", "3", "4", "5", "6"],
    ...["2:1", "2:2", "2:3", "2:4"],
  ]);
  const two = ["--pool", at("p1.jsonl"), "--pool", at("p2.jsonl")];
  const asked = ["ask", at("l1"), "--budget", "4", "--among", "all", "--out", at("questions")];
  await works([...asked, ...two]);
  const other = await weakTeacher(["ask", at("l1"), "--pool", at("p1.jsonl"), "--out", at("q2")]);
  expect(other.stderr).toContain("is not the pool that was labelled");
  const third = ["label", at("p1.jsonl"), at("p2.jsonl"), "--teacher", "longer", "--seed", "1"];
  await works([...third, "--calibrate", at("a.jsonl"), ...limits, "--out", at("l2")]);
  await works([
    ...["combine", at("p1.jsonl"), at("l1"), at("l2"), "--pool", at("p2.jsonl")],
    ...["--seed", "1", "--out", at("both")],
  ]);
});

test("audit tells suspects by file and line", async () => {
  const { stdout } = await works([
    ...[
      "audit",
      at("a.jsonl"),
      at("b.jsonl"),
      "--model",
      at("model"),
      "--teacher",
      "likelihood",
      "--folds",
      "2",
    ],
    ...["--set", "sft.max_steps=1", ...limits, "--out", at("audit")],
  ]);
  expect(stdout).toMatch(/likeliest errors \(place, P\(wrong\), chosen/);
  expect(stdout).toMatch(/ [ab]\.jsonl:\d+ /);
  const suspects = (await readFile(at("audit", "suspects.jsonl"), "utf8")).trim().split("\n");
  const files = new Set(suspects.map((line) => JSON.parse(line).file));
  expect(files).toEqual(new Set([at("a.jsonl"), at("b.jsonl")]));
});

test("init writes how its sources are read, and the recipe runs with both in every part's split", async () => {
  await works([
    ...["init", at("one.yaml"), "--data", at("b.csv"), "--map", "prompt=question,chosen=good,rejected=bad"],
    ...["--header", "yes", "--weak", at("model"), "--student", at("model")],
  ]);
  expect(await readFile(at("one.yaml"), "utf8")).toMatch(
    /source: \{ file: ".*b\.csv", map: "prompt=question,chosen=good,rejected=bad", header: "yes" \}/,
  );
  await works([
    ...[
      "init",
      at("two.yaml"),
      "--data",
      at("a.jsonl"),
      "--data",
      at("b.jsonl"),
      "--mix",
      "2,1",
      "--format",
      "trl",
    ],
    ...["--weak", at("model"), "--student", at("model")],
  ]);
  expect(await readFile(at("two.yaml"), "utf8")).toMatch(
    /source:\n {4}- \{ file: ".*a\.jsonl", weight: 2, format: "trl" \}\n {4}- \{ file: ".*b\.jsonl", weight: 1, format: "trl" \}/,
  );
  const steps = ["teacher.sft", "teacher.prefer", "student.sft", "student.prefer"];
  await works([
    ...["run", at("two.yaml"), "--out", at("run"), "--set", "label.calibration=none", "--set", "threads=1"],
    ...["--set", "data.max_length=64", "--set", "data.max_prompt_length=32", "--set", "arms=[weak,human]"],
    ...steps.flatMap((step) => ["--set", `${step}.max_steps=1`]),
  ]);
  const stage = (await readdir(at("run", "stages"))).find((name) => name.startsWith("data-"))!;
  const facts = JSON.parse(await readFile(at("run", "stages", stage, "facts.json"), "utf8"));
  expect(facts.sources).toEqual([
    { source: "a.jsonl", format: "trl", weight: 2, pairs: 24, taken: 16 },
    { source: "b.jsonl", format: "trl", weight: 1, pairs: 8, taken: 8 },
  ]);
  expect(facts.rows).toBe(24);
  expect(Object.keys(facts.columns)).toEqual(["a.jsonl", "b.jsonl"]);
  expect(await readFile(at("run", "report.md"), "utf8")).toMatch(
    /\| .*b\.jsonl \| trl \| +8 \| +1\.?0* \| +8 \|/,
  );
});

test("generate reads folders and globs, and skips bad prompts when asked", async () => {
  const args = (...more: string[]) => [
    ...[
      "generate",
      ...more,
      "--model",
      at("model"),
      "--out",
      at("written"),
      "--set",
      "max_new_tokens=2",
      "--threads",
      "1",
    ],
  ];
  const stopped = await weakTeacher(args(at("asked")));
  expect(stopped.code).not.toBe(0);
  expect(stopped.stderr).toMatch(/one\.jsonl:2: column "prompt": expected text, got 3/);
  const { stdout, stderr } = await works(args(at("asked", "*.jsonl"), "--on-bad-row", "skip"));
  expect(stderr).toMatch(/1 bad rows are skipped: .*one\.jsonl:2/);
  expect(stdout).toMatch(/2 responses to 2 prompts/);
});
