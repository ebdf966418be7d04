/** People in the loop, on a tiny teacher: label, ask, answer, merge, ask again. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTable } from "../helpers/read-table.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const limits = ["--max-length", "64", "--max-prompt-length", "32", "--threads", "1"];
const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Runs the command and wants it to succeed; gives its value. */
async function done(...args: string[]): Promise<Record<string, unknown>> {
  const outcome = await weakTeacher([...args, "--json"]);
  expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-ask-"));
  await writeTinyModel(at("base"), { family: "llama", seed: 1, positions: 128, vocab: 264 });
  const rows = Array.from({ length: 60 }, (_, i) => ({
    prompt: `question ${i % 45}`,
    chosen: i % 3 === 0 ? ` yes indeed ${i}` : ` good ${i}`,
    rejected: i % 2 === 0 ? " no" : " bad day",
  }));
  // People who disagree with the rule now and then: no teacher is right on all of these.
  const judged = rows.map((row, i) =>
    i % 7 === 0 ? { ...row, chosen: row.rejected, rejected: row.chosen } : row,
  );
  await writeFile(at("judged.jsonl"), lines(judged));
  const pool = rows.map(({ prompt, chosen, rejected }, i) => ({
    id: `r${i}`,
    prompt,
    response_a: chosen,
    response_b: rejected,
  }));
  await writeFile(at("pool.jsonl"), lines(pool));
  await done("prefer", at("judged.jsonl"), "--model", at("base"), "--out", at("policy"), ...limits);
  const teacher = ["--model", at("policy", "model"), "--reference", at("base")];
  const keep = ["--calibrate", at("judged.jsonl"), "--set", "select.kind=top", "--set", "select.percent=50"];
  await done("label", at("pool.jsonl"), ...teacher, ...keep, "--out", at("labels"), ...limits);
});
afterAll(() => rm(folder, { recursive: true }));

test("questions are asked, answers come back into labels and calibration, and the next round goes on", async () => {
  const pool = ["--pool", at("pool.jsonl")];
  const asked = await done("ask", at("labels"), ...pool, "--budget", "12", "--out", at("questions"));
  expect(asked).toMatchObject({ questions: 12, random: 3, eligible: 30, excluded: 0 });
  const questions = await readTable(at("questions", "questions.csv"));
  const labels = await readTable(at("labels", "labels.jsonl"));
  const abstained = new Set(labels.filter(({ preferred }) => preferred === "abstain").map(({ id }) => id));
  expect(questions.map(({ drawn }) => drawn)).toEqual([
    ...Array(3).fill("random"),
    ...Array(9).fill("useful"),
  ]);
  expect(questions.slice(3).every(({ id }) => abstained.has(id))).toBe(true);
  expect(questions.every(({ response_b }) => response_b === " no" || response_b === " bad day")).toBe(true);

  // the person prefers what stands first, is undecided once and skips one
  const filled = questions.map((row, i) => ({ ...row, answer: i === 0 ? "tie" : i === 1 ? "skip" : "a" }));
  await writeFile(at("answers.jsonl"), lines(filled));
  const merge = ["ask", at("labels"), ...pool, "--answers", at("answers.jsonl"), "--out", at("labels-2")];
  const merged = await done(...merge);
  expect(merged.next).toEqual([expect.stringContaining("weak-teacher ask")]);
  expect(merged).toMatchObject({
    state: "run",
    answers: { total: 11, new: 11, ties: 1, skipped: 1, blank: 0 },
    // Of the three drawn at random one is a tie and one was skipped.
    calibration: { refitted: true, heldOut: 60, answered: 1, notRandom: 9, unanswered: 1 },
    counts: { pairs: 60, tie: 1 },
  });
  const training = await readTable(at("labels-2", "training.jsonl"));
  const human = training.filter(({ label_source }) => label_source === "human");
  expect(human).toHaveLength(10);
  expect(human.every(({ chosen_index, weight }) => chosen_index === 0 && weight === 1)).toBe(true);
  const labelled = await readTable(at("labels-2", "labelled.jsonl"));
  expect(labelled.filter(({ asked: why }) => why === "random")).toHaveLength(1);
  expect(labelled.filter(({ asked: why }) => why === "useful")).toHaveLength(9);
  expect(labelled.map(({ id }) => id).sort()).toEqual(human.map(({ id }) => id).sort());
  expect(Object.keys(labelled[0]!).slice(0, 4)).toEqual(["prompt", "chosen", "rejected", "id"]);
  const facts = JSON.parse(await readFile(at("labels-2", "facts.json"), "utf8"));
  expect(facts.settings.calibrator).toMatchObject({ method: "temperature", n: 61 });
  // Units are prompts.
  expect(facts.teacherOnAnswered.n).toBe(new Set(labelled.map(({ prompt }) => prompt)).size);
  expect(await done(...merge)).toMatchObject({ state: "cached" });

  // a second round asks nothing twice, and fits on the answers of both
  await done("ask", at("labels-2"), ...pool, "--budget", "99", "--out", at("more"));
  const more = await readTable(at("more", "questions.jsonl"));
  const answered = new Set(filled.filter((_, i) => i !== 1).map((row) => (row as { id?: unknown }).id));
  expect(more.some(({ id }) => answered.has(id))).toBe(false);
  await writeFile(at("second.jsonl"), lines(more.slice(0, 5).map(({ id }) => ({ id, answer: "b" }))));
  const third = ["ask", at("labels-2"), ...pool, "--answers", at("second.jsonl"), "--out", at("labels-3")];
  expect(await done(...third)).toMatchObject({
    answers: { total: 16, new: 5 },
    // The pair that was skipped comes first again: the sample is whole.
    calibration: { answered: 2, unanswered: 0 },
  });

  // when all that was undecided is answered, no further round is named
  await writeFile(at("all.jsonl"), lines([...abstained].map((id) => ({ id, answer: "tie" }))));
  const last = ["ask", at("labels"), ...pool, "--answers", at("all.jsonl"), "--out", at("labels-4")];
  expect(await done(...last)).toMatchObject({ counts: { abstain: 0 }, next: [] });
});

test("an ensemble's disagreement beside the labels comes first; a line that is none is told with its place", async () => {
  const labels = await readTable(at("labels", "labels.jsonl"));
  const { id } = labels.findLast(({ preferred }) => preferred === "abstain")!;
  const file = at("labels", "uncertainty.jsonl");
  await writeFile(
    file,
    lines([{ id, members: 2, agreement: 0.5, total: 0.69, expected: 0, mutualInformation: 0.69 }]),
  );
  const ask = ["ask", at("labels"), "--pool", at("pool.jsonl"), "--budget", "2", "--random", "0", "--out"];
  await done(...ask, at("ensemble"));
  const [first, second] = await readTable(at("ensemble", "questions.jsonl"));
  // 0.69 of ln 2 = 0.693 nats
  expect(first).toMatchObject({ id, disagreement: 0.69 / Math.LN2 });
  expect(second).toMatchObject({ disagreement: 0 });
  await writeFile(
    file,
    lines([
      { id, mutualInformation: 0.1 },
      { id: "nobody", mutualInformation: 0.1 },
    ]),
  );
  const stray = await weakTeacher([...ask, at("stray")]);
  await rm(file);
  expect(stray).toMatchObject({ code: 1 });
  expect(stray.stderr).toContain('uncertainty.jsonl:2: id "nobody" has no label beside it');
});

test("answered pairs never come back as held-out pairs: --calibrate leaves them out and says so, combine takes no merged labels", async () => {
  const teacher = ["--model", at("policy", "model"), "--reference", at("base")];
  const both = [
    await readFile(at("judged.jsonl"), "utf8"),
    await readFile(at("labels-2", "labelled.jsonl"), "utf8"),
  ];
  await writeFile(at("both.jsonl"), both.join(""));
  const promise = ["--max-disagreement", "0.9", "--level", "0.5"];
  const label = (file: string, out: string) =>
    weakTeacher([
      "label",
      at("pool.jsonl"),
      ...teacher,
      "--calibrate",
      at(file),
      ...promise,
      "--out",
      at(out),
      ...limits,
      "--json",
    ]);
  const mixed = await label("both.jsonl", "mixed");
  expect(mixed.stderr).toContain("10 of 70 pairs were chosen by ask (column asked)");
  const alone = await label("judged.jsonl", "alone");
  const heldOut = async (out: string) =>
    (await readTable(at(out, "held-out.jsonl"))).map(({ preferred }) => preferred);
  expect(await heldOut("mixed")).toHaveLength((await heldOut("alone")).length);
  const promised = (stdout: string) =>
    (JSON.parse(stdout) as { promise: { heldOut: { n: number } } }).promise.heldOut.n;
  expect(promised(mixed.stdout)).toBe(promised(alone.stdout));
  const combined = await weakTeacher([
    "combine",
    at("pool.jsonl"),
    at("labels"),
    at("labels-2"),
    "--out",
    at("combined"),
  ]);
  expect(combined.code).toBe(2);
  expect(combined.stderr).toContain("is no folder that label wrote");
});

test("answers are merged into training data that trains", async () => {
  const out = ["--out", at("again"), ...limits, "--set", "max_steps=1"];
  await done("prefer", at("labels-2", "labelled.jsonl"), "--model", at("base"), ...out);
});

test("what is wrong is told: another pool, answers that do not fit, flags without effect, a folder with answers", async () => {
  await writeFile(at("other.jsonl"), lines([{ id: "r0", prompt: "p", response_a: "x", response_b: "y" }]));
  const other = await weakTeacher(["ask", at("labels"), "--pool", at("other.jsonl"), "--out", at("q")]);
  expect(other).toMatchObject({ code: 2 });
  expect(other.stderr).toContain("is not the pool that was labelled");
  const pool = ["--pool", at("pool.jsonl")];
  await writeFile(at("wrong.csv"), "id,answer\nr0,c\nnobody,a\n");
  const wrong = await weakTeacher([
    "ask",
    at("labels"),
    ...pool,
    "--answers",
    at("wrong.csv"),
    "--out",
    at("q"),
  ]);
  expect(wrong).toMatchObject({ code: 1 });
  expect(wrong.stderr).toContain("wrong.csv:2: ");
  expect(wrong.stderr).toContain("wrong.csv:3: ");
  const flags = await weakTeacher([
    "ask",
    at("labels"),
    ...pool,
    "--answers",
    at("wrong.csv"),
    "--budget",
    "3",
  ]);
  expect(flags).toMatchObject({ code: 2 });
  expect(flags.stderr).toContain("--budget: has no effect with --answers");
  expect(flags.stderr).toContain("--out: is missing");
  const taken = await weakTeacher(["ask", at("labels"), ...pool, "--out", at("questions")]);
  expect(taken).toMatchObject({ code: 2 });
  expect(taken.stderr).toContain("may hold answers");
});
