/** A reward model behind this project's own server as a teacher: the scores, labels and refusals of a local reward head. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import type { CandidatePair } from "../../src/method/data/rows.ts";
import { openRewardTeacher } from "../../src/method/teacher/remote/reward-teacher.ts";
import { openRewardHead } from "../../src/method/teacher/reward-head.ts";
import { readScores } from "../../src/method/teacher/scores-folder.ts";
import type { PairScore } from "../../src/method/teacher/teacher.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import { openTinyJobs } from "../helpers/tiny-labels.ts";
import { type ServedReward, serveTinyReward, TINY_TEMPLATE, tinyServer } from "../helpers/tiny-server.ts";

const limits = { maxLength: 96, maxPromptLength: 48 };
const pairs: CandidatePair[] = Array.from({ length: 30 }, (_, i) => ({
  id: `r${i}`,
  prompt: i % 4 === 0 ? [{ role: "user", content: `Question ${i}?` }] : `p${i}`.repeat(1 + i),
  a: i % 9 === 0 ? "same" : `answer ${"a".repeat(3 * i)}`,
  b: i % 9 === 0 ? "same" : i % 7 === 0 ? "" : `other ${i}`,
}));

let opened: ServedReward;
let { runtime, folders, server, memory } = {} as ServedReward;
beforeAll(async () => {
  opened = await serveTinyReward();
  ({ runtime, folders, server, memory } = opened);
});
afterAll(() => opened.close());

const remote = (options: Partial<Parameters<typeof openRewardTeacher>[0]> = {}) =>
  openRewardTeacher({
    ...{ url: `${server.url}/v1`, model: "reward", tokenizer: folders.reward, limits },
    memory: join(memory, "one"),
    ...options,
  });

test("scores, lengths and flags are those of the reward head that lies here", async () => {
  const [far, near] = [await remote(), await openRewardHead(runtime, { model: folders.reward, limits })];
  const [there, here] = [await far.scorePairs(pairs), await near.scorePairs(pairs)];
  there.forEach(({ scoreA, scoreB, ...facts }, i) => {
    expect(here[i]).toMatchObject(facts);
    // Texts of at most 96 tokens through two tiny layers in float32, packed otherwise.
    expect(Math.abs(scoreA - here[i]!.scoreA)).toBeLessThan(1e-5);
    expect(Math.abs(scoreB - here[i]!.scoreB)).toBeLessThan(1e-5);
  });
  expect(new Set(there.map(({ scoreA }) => scoreA)).size).toBeGreaterThan(25);
  const { policy, tokenizer, template } = near.manifest;
  expect(far.manifest).toMatchObject({ kind: "remote", policy, tokenizer, template });
  expect(far.manifest.settings).toEqual({ gives: "rewards", version: "1.2.3", model: "reward" });
  expect(JSON.stringify(far.manifest)).not.toContain(server.url);
  await near.close();
});

test("another model of that name, and a language model, are met before anything is scored", async () => {
  await remote();
  const other = await writeTinyFolder(join(folders.root, "later"), "reward", {
    ...{ seed: 8, task: "reward", chatTemplate: TINY_TEMPLATE },
  });
  // A runtime of its own: arrays of two models of one name would be one another's.
  const elsewhere = openRuntime({ threads: 1 });
  const changed = await tinyServer(elsewhere, { model: other });
  const words = await tinyServer(runtime, { model: folders.base });
  try {
    await expect(remote({ url: changed.url })).rejects.toThrow(
      /reward is not the model it was when its first scores were made: it gives .* for texts that got/,
    );
    await expect(remote({ url: words.url, model: "base" })).rejects.toThrow(
      /gives no scores of texts: \/pooling answered 400: .*has no reward head/,
    );
    await expect(remote({ model: "gold" })).rejects.toThrow("does not serve gold, expected one of reward");
    await expect(remote({ limits: { maxLength: 513, maxPromptLength: 48 } })).rejects.toThrow(
      "remote teacher: reward has room for 512 tokens",
    );
  } finally {
    await changed.close();
    await elsewhere.close();
    await words.close();
  }
});

test("label takes rewards, and refuses what acts on log-probabilities alone", async () => {
  const pool = join(folders.root, "pool.jsonl");
  const plain = pairs.filter(({ prompt }) => typeof prompt === "string");
  const rows = plain.map(({ id, prompt, a, b }) => ({ id, prompt, response_a: a, response_b: b }));
  await writeFile(pool, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const out = join(folders.root, "labels");
  const limited = ["--max-length", "96", "--max-prompt-length", "48"];
  const served = ["--teacher", "remote", "--url", server.url, "--model", "reward", "--gives", "rewards"];
  const args = ["label", pool, ...served, "--tokenizer", folders.reward, ...limited, "--out", out];
  const near = join(folders.root, "near");
  const local = ["--teacher", "reward-head", "--model", folders.reward, ...limited, "--out", near];
  const labelled = async (given: string[], folder: string) => {
    const { code, stderr } = await weakTeacher(given);
    expect(code, stderr).toBe(0);
    const scores: PairScore[] = [];
    for await (const score of readScores(join(folder, "scores"))) scores.push(score);
    return scores;
  };
  const [there, here] = [await labelled(args, out), await labelled(["label", pool, ...local], near)];
  expect(there.length).toBe(plain.length);
  there.forEach(({ scoreA, scoreB, ...facts }, i) => {
    expect(here[i]).toMatchObject(facts);
    expect(Math.abs(scoreA - here[i]!.scoreA)).toBeLessThan(1e-5);
    expect(Math.abs(scoreB - here[i]!.scoreB)).toBeLessThan(1e-5);
  });
  expect(await readFile(join(out, "scores", "manifest.json"), "utf8")).toContain('"gives": "rewards"');

  const wrong = await weakTeacher([...args, "--reference", "base", "--beta", "2", "--server", "vllm"]);
  expect(wrong.code).toBe(2);
  for (const flag of ["--reference", "--beta", "--server"])
    expect(wrong.stderr).toContain(`${flag}: has no effect with --gives rewards. Leave it out.`);
});

test("a recipe's labels come from the served reward model, a second run asks nothing", async () => {
  const jobs = await openTinyJobs();
  const reward = await writeTinyFolder(folders.root, "rm", {
    ...{ seed: 3, task: "reward", chatTemplate: TINY_TEMPLATE },
  });
  const own = await tinyServer(runtime, { model: reward });
  const sections = (more: string) =>
    `models: { student: ${jobs.at("student")} }\nteacher: { kind: remote, url: "${own.url}", model: rm, gives: rewards, tokenizer: ${reward}${more} }\nlabel: { calibration: none }\n`;
  try {
    await expect(jobs.label(sections(", beta: 0.5"))).rejects.toThrow(
      "teacher.beta: has no effect with gives rewards",
    );
    const { labels, facts, folder } = await jobs.label(sections(""));
    expect(facts.teachers[0]!.kind).toBe("remote");
    expect(labels.length).toBeGreaterThan(10);
    expect(new Set(labels.map(({ preferred }) => preferred)).size).toBeGreaterThan(1);
    await own.close();
    const again = await jobs.label(sections(""));
    expect(again.folder.digest).toBe(folder.digest);
    expect(new Set(again.steps.map(({ state }) => state))).toEqual(new Set(["cached"]));
  } finally {
    await jobs.close();
  }
});
