import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasEncoderFixture, textsOf, writeTinyEncoder } from "../helpers/tiny-encoder.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let file: string;
const row = (subset: string, id: number, chosen: string, rejected: string) => ({
  prompt: `say ${id}`,
  chosen,
  chosen_model: "x",
  rejected,
  rejected_model: "y",
  subset,
  id,
});
const lines = (rows: readonly object[]) => rows.map((one) => `${JSON.stringify(one)}\n`).join("");
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-bench-"));
  file = join(folder, "bench.jsonl");
  await writeFile(
    file,
    lines([
      row("alpacaeval-easy", 1, "longer", "short"),
      row("alpacaeval-easy", 2, "brief", "rather long"),
      row("math-prm", 3, "a", "b"), // as long as each other: a tie, which counts as wrong
      row("mine", 4, "yes yes", "no"),
    ]),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe("reward-bench", () => {
  test("counts per subset, per section and overall, ties as wrong", async () => {
    const outcome = await weakTeacher(["reward-bench", file, "--teacher", "longer", "--json"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    const result = JSON.parse(outcome.stdout);
    // By length: 1 right of 2, a tie, 1 right of 1: 2 of 4.
    expect(result).toMatchObject({
      pairs: 4,
      truncated: 0,
      unscored: {},
      score: null,
      overall: { estimate: 0.5, n: 4 },
    });
    expect(
      result.subsets.map((one: { subset: string; ties: number; accuracy: { estimate: number } }) => [
        one.subset,
        one.accuracy.estimate,
        one.ties,
      ]),
    ).toEqual([
      ["alpacaeval-easy", 0.5, 0],
      ["math-prm", 0, 1],
      ["mine", 1, 0],
    ]);
    expect(result.sections).toMatchObject([
      { section: "Chat", accuracy: 0.5, pairs: 2 },
      { section: "Reasoning", accuracy: 0, pairs: 1 },
    ]);
    const text = await weakTeacher(["reward-bench", file, "--teacher", "longer"]);
    expect(text.stdout).toMatch(/alpacaeval-easy +Chat/);
    expect(text.stdout).toContain("no figure to compare with published ones");
    expect(text.stdout).toMatch(/overall: 50 % \[15, 85\] of 4 pairs, n = 4 units/);
  });

  test("a share of pairs of few prompts is as uncertain as these prompts, here and in inspect", async () => {
    const clustered = join(folder, "clustered.jsonl");
    const rows = Array.from({ length: 200 }, (_, i) => {
      const [long, short] = [`a long answer ${i}`, `no ${i}`];
      const right = i % 4 < 2;
      return { prompt: `q${i % 4}?`, chosen: right ? long : short, rejected: right ? short : long };
    });
    await writeFile(clustered, lines(rows));
    const bench = await weakTeacher(["reward-bench", clustered, "--teacher", "longer", "--json"]);
    const { overall, subsets } = JSON.parse(bench.stdout);
    expect(subsets[0].pairs).toBe(200);
    const inspected = JSON.parse((await weakTeacher(["inspect", clustered, "--json"])).stdout);
    for (const share of [overall, inspected.statistics.lengths[0].chosenLonger]) {
      expect(share).toMatchObject({ estimate: 0.5, n: 4 });
      expect(share.high - share.low).toBeGreaterThan(0.7);
    }
  });

  test("takes a folder for what it is: a head, a likelihood, a policy with its reference", async () => {
    const [reward, model] = [join(folder, "reward"), join(folder, "model")];
    await writeTinyModel(reward, { family: "opt", seed: 4, task: "reward", positions: 1024 });
    await writeTinyModel(model, { family: "opt", seed: 5, positions: 1024 });
    const scorer = async (...args: string[]) => {
      const outcome = await weakTeacher(["reward-bench", file, "--json", ...args]);
      expect(outcome.code, outcome.stderr).toBe(0);
      return JSON.parse(outcome.stdout);
    };
    const byHead = await scorer("--model", reward);
    expect(byHead.scorer).toBe("reward-model");
    expect(await scorer("--teacher", "reward-head", "--model", reward)).toMatchObject({
      overall: byHead.overall,
    });
    expect((await scorer("--model", model)).scorer).toMatch(/^likelihood/);
    const other = join(folder, "other");
    await writeTinyModel(other, { family: "opt", seed: 6, positions: 1024 });
    expect((await scorer("--model", model, "--reference", other)).scorer).toMatch(/^implicit-reward/);
  });

  test.skipIf(!hasEncoderFixture)("scores with DeBERTa as transformers does", async () => {
    const { bt } = await writeTinyEncoder(join(folder, "deberta"));
    const pairs = bt.pairs.map((pair, i) => {
      const [chosen, rejected] = [textsOf(pair.chosen_ids), textsOf(pair.rejected_ids)];
      return { ...row("mine", i, chosen.response, rejected.response), prompt: chosen.prompt };
    });
    await writeFile(join(folder, "deberta.jsonl"), lines(pairs));
    const outcome = await weakTeacher([
      "reward-bench",
      join(folder, "deberta.jsonl"),
      "--model",
      join(folder, "deberta"),
      "--json",
    ]);
    // The fixture's scores: 0.06 against 0.44, wrong; -0.64 against -0.74, right.
    expect(JSON.parse(outcome.stdout)).toMatchObject({ overall: { estimate: 0.5, n: 2 } });
  });

  test("refuses what has no effect and what is missing", async () => {
    const outcome = await weakTeacher(["reward-bench", file]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain("--model: is missing");
    const replies = await weakTeacher(["reward-bench", file, "--teacher", "longer", "--replies", "x"]);
    expect(replies.code).toBe(2);
    expect(replies.stderr).toContain("--replies: has an effect with --teacher judge-chat only");
    const none = await weakTeacher(["reward-bench", join(folder, "none.jsonl"), "--teacher", "longer"]);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain("none.jsonl");
  });
});
