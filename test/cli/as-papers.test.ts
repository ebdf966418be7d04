/** What the papers' presets ask for, on tiny models: rows over the length left out, teachers without SFT and with adapters, a gold model with too little room. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let recipe: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-papers-"));
  recipe = await writeTinyRecipe(folder);
  await writeTinyModel(join(folder, "rm"), { family: "llama", seed: 9, task: "reward", positions: 32 });
  const rows = Array.from({ length: 120 }, (_, i) => ({
    prompt: i % 6 === 1 ? `a prompt that is too long ${i}` : `p${i}`,
    chosen: i % 6 === 0 ? ` a very long and winding answer ${i}` : ` day ${i % 7}`,
    rejected: ` end ${i % 5}`,
  }));
  await writeFile(join(folder, "pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

const run = (out: string, settings: readonly string[], ...more: string[]) =>
  weakTeacher([
    "run",
    recipe,
    "--out",
    join(folder, out),
    ...settings.flatMap((one) => ["--set", one]),
    ...more,
  ]);

const LENGTHS = ["data.max_length=20", "data.max_prompt_length=19", "data.over_length=drop"];
const REWARD = "{ teacher: { kind: reward-head, sft: null, reward: { batch_size: 8 } } }";
const LORA = "{ r: 2, alpha: 4, target_modules: [q_proj] }";
const IMPLICIT = `{ teacher: { kind: implicit-reward, sft: null, prefer: { batch_size: 8 }, lora: ${LORA} } }`;

describe("a run as the papers'", () => {
  test("leaves out rows over the length before the split; teachers start at the base and learn from all labelled pairs", async () => {
    const outcome = await run("whole", [
      ...LENGTHS,
      `teacher={ kind: ensemble, members: [${REWARD}, ${IMPLICIT}] }`,
      "label.held_out=null",
      "label={ calibration: none, calibration_folds: 2 }",
      `student.sft.lora=${LORA}`,
      "arms=[sft, weak, human]",
      "eval.gold=[]",
    ]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const out = join(folder, "whole");
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8"));
    const { findings, splits } = report.dataQuality[0];
    // Of 120 rows a sixth has a long prompt and a sixth a long response.
    expect(findings).toContainEqual({ kind: "pairs left out: over the length limit", count: 40 });
    expect(splits.map(({ rows }: { rows: number }) => rows)).toEqual([40, 24, 16]);
    const stages = await readdir(join(out, "stages"));
    const stage = (name: string) => {
      const found = stages.find((one) => one.replace(/-[0-9a-f]{12}$/, "") === name);
      return found === undefined ? undefined : join(out, "stages", found);
    };
    expect(stages.filter((name) => /^teacher.*sft/.test(name))).toEqual([]);
    const used = async (name: string) =>
      JSON.parse(await readFile(join(stage(name)!, "rows.json"), "utf8")).used;
    expect([await used("teacher-reward"), await used("teacher-fold-1-reward")]).toEqual([40, 20]);
    expect(existsSync(join(stage("teacher-2-prefer")!, "adapter", "adapter_model.safetensors"))).toBe(true);
    expect(existsSync(join(stage("student-sft-weak")!, "adapter", "adapter_model.safetensors"))).toBe(true);
    const amounts = report.tables.find(
      ({ title }: { title: string }) => title === "What each arm learned from",
    );
    expect(amounts.notes[0]).toBe("All arms draw from the same 24 of 24 unlabelled pairs.");
  });

  test("whose gold model has too little room for prompts and responses says so before anything is trained", async () => {
    const gold = (more: string) =>
      `eval={ max_new_tokens: 30, gold: [{ type: reward-model, model: ${join(folder, "rm")}${more} }] }`;
    const refused = await run("room", [gold("")]);
    expect(refused.code, refused.stderr).toBe(2);
    expect(refused.stderr).toMatch(
      /rm: takes 32 tokens, 16 of them a prompt's, expected all of 4 test prompts to fit/,
    );
    expect(refused.stderr).not.toContain("teacher-sft: starts");
    const narrow = await run("room", [gold(", too_long: cut-prompt, max_length: 20")]);
    expect(narrow.stderr).toMatch(/takes 20 tokens, expected room for a prompt beside responses/);
  });
});
