import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { openExplainer } from "./explain.ts";
import { type ImplicitRewardTeacher, openImplicitReward } from "./implicit-reward.ts";

let folder: string;
let runtime: Runtime;
let teacher: ImplicitRewardTeacher;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-explain-"));
  runtime = openRuntime({ threads: 1 });
  const policy = await writeTinyFolder(folder, "policy", { seed: 1 });
  const reference = await writeTinyFolder(folder, "reference", { seed: 2 });
  const limits = { maxLength: 96, maxPromptLength: 32 };
  teacher = await openImplicitReward(runtime, { model: policy, reference, beta: 0.3, limits });
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});

const pair = { id: "x", prompt: "tell me", a: " a <b>long</b> story — naïve", b: " no" };
const total = (tokens: readonly { value: number }[]) => tokens.reduce((sum, { value }) => sum + value, 0);

test("the tokens' values add up to the very scores of the label, and their texts to the response", async () => {
  const explained = await (await openExplainer(teacher)).explain(pair);
  const [label] = await teacher.scorePairs([pair]);
  expect(total(explained.a)).toBeCloseTo(explained.scoreA, 4);
  expect(total(explained.b)).toBeCloseTo(explained.scoreB, 4);
  expect(explained.scoreA).toBeCloseTo(label!.scoreA, 4);
  expect(explained.scoreB).toBeCloseTo(label!.scoreB, 4);
  // ï has two bytes and — three: five tokens make two characters
  expect(explained.a.length).toBe(label!.lengthA - 3);
  // random models: no token is without a value, and a larger beta would scale all of them
  expect(explained.a.every(({ value }) => value !== 0)).toBe(true);
  expect(explained.a.map(({ text }) => text).join("")).toBe(`${pair.a}</s>`);
});

test("swapping the candidates swaps the explanation", async () => {
  const explainer = await openExplainer(teacher);
  const there = await explainer.explain(pair);
  const back = await explainer.explain({ ...pair, a: pair.b, b: pair.a });
  expect(back.scoreA).toBeCloseTo(there.scoreB, 4);
  expect(back.b.map(({ text }) => text)).toEqual(there.a.map(({ text }) => text));
});
