/** The audit of labels on a tiny model: planted flips are found, nothing is computed twice, and what is wrong is told. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { standingReviews } from "../../src/method/labels/audit-reviews.ts";
import { suspectsToReview, writeCorrected } from "../../src/pipeline/label/audit/review.ts";
import { runAudit } from "../../src/pipeline/label/audit/run-audit.ts";
import { auditSettings } from "../../src/pipeline/label/audit/settings.ts";
import { readTable } from "../helpers/read-table.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-audit-"));
  await writeTinyModel(at("base"), { family: "llama", seed: 1, positions: 64, vocab: 264 });
  // One rule, which a byte-level model learns from a hundred pairs: the better response ends in "!".
  const rows = Array.from({ length: 160 }, (_, i) => ({
    prompt: `p${i % 120}`,
    chosen: ` ${"abcdefgh"[i % 8]}${i}!`,
    rejected: ` ${"hgfedcba"[i % 8]}${i}?`,
  }));
  await writeFile(at("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

const audit = (out: string, ...more: string[]) =>
  weakTeacher([
    ...["audit", at("pairs.jsonl"), "--model", at("base"), "--out", at(out), "--folds", "2"],
    ...["--max-length", "48", "--max-prompt-length", "16", "--threads", "1", "--seed", "7"],
    ...[
      "--set",
      "sft.learning_rate=0.003",
      "--set",
      "prefer.learning_rate=0.01",
      "--set",
      "prefer.num_train_epochs=4",
    ],
    ...more,
  ]);

test("planted flips come first, far above chance; the judgement is made again without training", async () => {
  const outcome = await audit("planted", "--plant", "0.1", "--json");
  expect(outcome.code, outcome.stderr).toBe(0);
  const { audit: facts, steps } = JSON.parse(outcome.stdout);
  expect(steps.map(({ name }: { name: string }) => name)).toEqual([
    "audit-data",
    ...[1, 2].flatMap((fold) => ["sft", "prefer", "scores"].map((what) => `audit-fold-${fold}-${what}`)),
    "audit",
  ]);
  expect(facts).toMatchObject({
    judged: 160,
    notJudged: 0,
    folds: 2,
    plant: { planted: 16, n: 160, chance: 0.1 },
  });
  // Each fold's teacher learned from the rows of the other fold alone.
  const folderOf = (name: string) =>
    steps.find((step: { name: string }) => step.name === name).folder as string;
  const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), "utf8"));
  for (const fold of [1, 2]) {
    const scored = (await json(folderOf(`audit-fold-${fold}-scores`), "scores", "manifest.json")).pairs;
    expect(scored).toBeGreaterThan(60);
    for (const what of ["sft", "prefer"])
      expect((await json(folderOf(`audit-fold-${fold}-${what}`), "rows.json")).rows).toBe(160 - scored);
  }
  // The rule has no exceptions but the 16 flips: a teacher that learns it from the other fold, 10 % noise in it, disagrees with each.
  expect(facts.plant.auroc.low).toBeGreaterThan(0.6);
  expect(facts.plant.precisionAt[0].precision.estimate).toBeGreaterThan(3 * facts.plant.chance);
  const suspects = await readTable(at("planted", "suspects.jsonl"));
  expect(suspects).toHaveLength(160);
  const wrong = suspects.map(({ probability_wrong }) => probability_wrong as number);
  expect(wrong).toEqual(wrong.toSorted((x, y) => y - x));
  // the teacher's margin is of chosen over rejected: below 0 where it doubts the label
  for (const { margin, probability_wrong } of suspects)
    expect(Math.sign(margin as number)).toBe(-Math.sign((probability_wrong as number) - 0.5));
  for (const { line, planted, chosen, id } of suspects) {
    // a planted flip has the file's rejected response as chosen
    expect(String(chosen).endsWith(planted ? "?" : "!")).toBe(true);
    expect([typeof line, typeof id]).toEqual(["number", "string"]);
  }
  const source = (await readFile(at("pairs.jsonl"), "utf8")).trim().split("\n");
  const [first] = suspects;
  expect(JSON.parse(source[(first!.line as number) - 1]!).prompt).toBe(first!.prompt);
  for (const name of ["report.html", "report.md", "report.json", "audit.json"])
    expect((await readFile(at("planted", name), "utf8")).length).toBeGreaterThan(100);
  // Reviewed, suspects have the file's own labels, and a copy that nothing was decided of is the file.
  const own = (await suspectsToReview(at("planted"))).map(({ texts }) => [texts.chosen, texts.rejected]);
  for (const [chosen, rejected] of own)
    expect([chosen, rejected].map((text) => String(text).at(-1)).join("")).toBe("!?");
  const copy = await writeCorrected(at("planted"), "anna", standingReviews([]));
  expect(copy).toMatchObject({ rows: 160, flipped: 0, ties: 0, dropped: 0 });
  const copied = await readTable(copy.file);
  expect(copied.map(({ id: _, ...texts }) => texts)).toEqual(source.map((line) => JSON.parse(line)));
  const again = await audit("planted", "--plant", "0.1", "--set", "calibration=isotonic", "--json");
  const states = JSON.parse(again.stdout).steps.map(({ name, state }: { name: string; state: string }) => [
    name,
    state,
  ]);
  expect(states.filter(([, state]: string[]) => state !== "cached")).toEqual([["audit", "run"]]);
});

test("a reward head audits, too, and says what it found in words", async () => {
  const outcome = await weakTeacher([
    ...[
      "audit",
      at("pairs.jsonl"),
      "--model",
      at("base"),
      "--out",
      at("head"),
      "--teacher",
      "reward-head",
      "--trim",
    ],
    ...["--folds", "2", "--limit", "60", "--threads", "1", "--set", "reward.learning_rate=0.003"],
    ...["--max-length", "48", "--max-prompt-length", "16"],
  ]);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stdout).toContain(
    "60 labels judged by 2 teachers (reward-head) that had not seen them; 0 not judged",
  );
  expect(outcome.stdout).toMatch(/noise rate by confident learning: [\d.]+ % \[[\d.]+, [\d.]+\]/);
});

test("a plan runs nothing; settings without effect on the kind, and too many folds, are refused", async () => {
  const plan = await audit("plan", "--dry-run");
  expect(plan.code, plan.stderr).toBe(0);
  expect(plan.stdout).toMatch(/^audit-data {2,}runs\n/);
  const useless = await audit("x", "--teacher", "likelihood");
  expect(useless).toMatchObject({ code: 2 });
  expect(useless.stderr).toContain("prefer: unknown setting; there are sft, score, calibration.");
  const folds = await audit("y", "--folds", "500");
  expect(folds).toMatchObject({ code: 1 });
  expect(folds.stderr).toContain("expected from 2 to 120");
  const long = await audit("w", "--max-length", "300");
  expect(long).toMatchObject({ code: 2 });
  expect(long.stderr).toContain(
    "base: has 64 positions, expected at least max_length of them, got max_length 300. Set max_length",
  );
  const request = {
    ...auditSettings("likelihood", [], 1),
    ...{ file: at("pairs.jsonl"), digest: "0", read: {}, folds: 2, seed: 1, plant: undefined },
    limits: { maxLength: 65, maxPromptLength: 32 },
    model: { source: at("base"), layers: undefined, vocabulary: "keep" as const },
  };
  await expect(runAudit(request, { folder: at("w"), code: "test", mode: "plan" })).rejects.toThrow(
    "base: has 64 positions, expected at least max_length of them, got max_length 65",
  );
  const soft = await audit("z", "--set", "prefer.loss=soft");
  expect(soft).toMatchObject({ code: 2 });
  expect(soft.stderr).toContain("labels under audit have no weights");
});
