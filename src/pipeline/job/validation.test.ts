/** Validation inside a job: which pairs are set aside, whose labels they carry, and that the numbers are those of the saved models. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { releaseModel } from "../../engine/model/model.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import { openScorer } from "../../method/objective/score.ts";
import { setAside } from "../../method/split/set-aside.ts";
import type { ValidationResult } from "../../method/train/validation.ts";
import type { StageStep } from "../stages/steps.ts";
import { encodeRows } from "./training-rows.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
});
afterAll(() => jobs.close());

const SEED = 22;
const rule = "validation: { share: 0.25, steps: 1 }";
const training = `batch_size: 4, learning_rate: 0.01, num_train_epochs: 2, ${rule}`;
const sections = `
teacher: { sft: { ${training} }, prefer: { ${training} } }
label: { held_out: 0.3, calibration: platt }
student: { sft: { ${training} }, prefer: { ${training}, beta: 0.5 } }
arms: [weak, human]
`;
const limits = { maxLength: 64, maxPromptLength: 32 };

let steps: readonly StageStep[];
beforeAll(async () => {
  steps = await jobs.train(sections, "validated");
}, 120_000);

const at = (stage: string, ...parts: string[]) =>
  [steps.find(({ name }) => name === stage)!.folder!, ...parts].join("/");
const json = async <T>(...path: [string, ...string[]]): Promise<T> =>
  JSON.parse(await readFile(at(...path), "utf8"));
async function records<T>(...path: [string, ...string[]]): Promise<T[]> {
  const all: T[] = [];
  for await (const { value } of readRecords(at(...path))) all.push(value as T);
  return all;
}

/** DPO's loss of a model against another, worked from the scorer's log-probabilities. */
async function dpoLoss(model: string, reference: string, rows: readonly PreferenceRow[], beta: number) {
  const runtime = openRuntime({ threads: 1 });
  try {
    const logps: number[][][] = [];
    for (const [id, folder] of Object.entries({ model, reference })) {
      const loaded = await loadModel(runtime, folder, { id });
      const { tokenRows } = encodeRows(await loadTokenizer(folder), rows, limits);
      logps.push(
        (await (await openScorer(runtime, loaded)).score(tokenRows)).map((score) => [...score.logps]),
      );
      await releaseModel(runtime, loaded);
    }
    const [policy, start] = logps as [number[][], number[][]];
    const margins = policy.map(([c, r], i) => beta * (c! - start[i]![0]! - (r! - start[i]![1]!)));
    return margins.reduce((sum, margin) => sum + Math.log1p(Math.exp(-margin)), 0) / margins.length;
  } finally {
    await runtime.close();
  }
}

describe("in a job", () => {
  test("the weak arm's pairs set aside carry weak labels: the value is that of the saved model on them, and not on people's", async () => {
    const pool = new Set(
      (await records<{ id: string }>("arm-pairs", "pool", "pool.jsonl")).map(({ id }) => id),
    );
    const weak = (await records<PreferenceRow>("weak-labels", "training.jsonl")).filter(({ id }) =>
      pool.has(id),
    );
    const { validation } = setAside(weak, { share: 0.25, seed: SEED, where: "test" });
    const found = await json<ValidationResult>("student-weak", "validation.json");
    expect(found.rows).toBe(validation.length);
    const loss = (rows: readonly PreferenceRow[]) =>
      dpoLoss(at("student-weak", "model"), at("student-sft-weak", "model"), rows, 0.5);
    expect(await loss(validation)).toBeCloseTo(found.best.value, 5);
    const people = new Map(
      (await records<{ id: string; preferred: string }>("arm-pairs", "hidden", "human-labels.jsonl")).map(
        ({ id, preferred }) => [id, preferred],
      ),
    );
    const pairs = await records<{ id: string; response_a: string; response_b: string }>(
      "arm-pairs",
      "pool",
      "pool.jsonl",
    );
    const peoples = validation.map((row) => {
      const { response_a, response_b } = pairs.find(({ id }) => id === row.id)!;
      const [chosen, rejected] =
        people.get(row.id) === "a" ? [response_a, response_b] : [response_b, response_a];
      return { ...row, chosen, rejected };
    });
    expect(Math.abs((await loss(peoples)) - found.best.value)).toBeGreaterThan(1e-3);
    expect(await readFile(at("student-weak", "log", "metrics.jsonl"), "utf8")).toContain(
      `"eval_loss":${found.best.value}`,
    );
  });

  test("both arms set the same pairs aside, none of them of the test", async () => {
    const [weak, human] = await Promise.all(
      ["student-weak", "student-human"].map((stage) =>
        json<{ used: number; validation: number; rows: number }>(stage, "rows.json"),
      ),
    );
    expect(weak).toEqual(human);
    expect(weak!.used + weak!.validation).toBe(weak!.rows);
    const lines = async (...path: [string, ...string[]]) =>
      (await records<{ prompt: string }>(...path)).map(({ prompt }) => prompt);
    const test = new Set(await lines("data", "test.jsonl"));
    expect((await lines("weak-labels", "training.jsonl")).filter((prompt) => test.has(prompt))).toEqual([]);
  });

  test("every training says what came of it, and its curves hold every measurement", async () => {
    for (const stage of ["teacher-sft", "teacher-prefer", "student-sft-weak", "student-human"]) {
      const { best, last, kept, planned, ended } = await json<ValidationResult>(stage, "validation.json");
      expect(ended).toBe("steps");
      expect(last.step).toBe(planned);
      expect(kept).toBe(best.step);
      const curve = (await records<{ eval_loss?: number }>(stage, "log", "metrics.jsonl")).flatMap(
        (line) => line.eval_loss ?? [],
      );
      expect(curve).toHaveLength(planned);
      expect(best.value).toBe(Math.min(...curve));
    }
  });

  test("without it every row is trained on, and stages are those they were", async () => {
    const plain = await jobs.train(sections.replaceAll(`, ${rule}`, ""), "plain");
    const folder = plain.find(({ name }) => name === "student-weak")!.folder!;
    const rows = JSON.parse(await readFile(`${folder}/rows.json`, "utf8"));
    expect(rows).not.toHaveProperty("validation");
    expect(rows.used).toBe(rows.rows);
    const { identity } = JSON.parse(await readFile(`${folder}/stage.json`, "utf8"));
    expect(identity.config.settings).not.toHaveProperty("validation");
  });
});
