/** The papers' presets for a machine with GPUs, as far as one without can go: tiny models in place of theirs, and what is checked before anything is computed. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadRecipe } from "../../src/pipeline/recipe/parse.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { writeTinyParts } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-size-"));
  await writeTinyParts(folder);
  await writeTinyModel(join(folder, "rm"), { family: "llama", seed: 9, task: "reward", positions: 128 });
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(["tao-li-2025-gpus", "cwpo-2026-gpus"])("%s on tiny models", (preset) => {
  /** The preset with models and data that are here, and all else its own. */
  const run = async (out: string, ...more: string[]) => {
    const { gold } = (await loadRecipe(preset)).eval;
    const scorer = { ...gold[0], tokenizer: join(folder, "rm") };
    const {
      maxLength,
      maxPromptLength,
      trainedOn,
      tooLong: _,
      apiKeyEnv: __,
      ...rest
    } = scorer as Record<string, unknown>;
    const asked = {
      ...rest,
      max_length: maxLength,
      max_prompt_length: maxPromptLength,
      trained_on: trainedOn,
    };
    const set = [
      `models.weak=${join(folder, "weak")}`,
      `models.student=${join(folder, "student")}`,
      `data.source=${join(folder, "pairs.jsonl")}`,
      "data.test=null",
      "data.split={labelled: 0.5, unlabelled: 0.3, test: 0.2}",
      ...["data.test_prompts=4", "data.max_length=64", "data.max_prompt_length=63", "eval.max_new_tokens=8"],
      `eval.gold=${JSON.stringify([asked])}`,
    ];
    return weakTeacher([
      "run",
      preset,
      "--out",
      join(folder, out),
      ...set.flatMap((one) => ["--set", one]),
      ...more,
    ]);
  };

  test("is planned: every stage of teachers and students, nothing computed", async () => {
    const planned = await run("planned", "--dry-run");
    expect(planned.code, planned.stderr).toBe(0);
    const teacher = preset.startsWith("cwpo") ? "teacher-reward" : "teacher-prefer";
    for (const stage of [teacher, "weak-labels", "student-sft-weak", "student-weak", "student-human"])
      expect(planned.stdout + planned.stderr).toContain(stage);
    expect(await readdir(join(folder, "planned", "stages")).catch(() => [])).toEqual([]);
  });

  test("has batches that its two processes divide; three do not", async () => {
    const refused = await run("three", "--dry-run", "--set", "student.trainer.gpus=3");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /student\.sft\.batch_size: (32|64) rows cannot be divided over 3 processes of the trainer/,
    );
  });

  test("without its Python says so before anything is computed", async () => {
    const missing = join(folder, "no-python");
    const set = ["teacher", "student"].flatMap((who) => ["--set", `${who}.trainer.python=${missing}`]);
    const refused = await run("python", ...set);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(`${missing} is not there, expected a Python with TRL`);
    expect(await readdir(join(folder, "python", "stages")).catch(() => [])).toEqual([]);
  });
});
