import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  RUN_BETA,
  RUN_LIMITS,
  RUN_PAIRS,
  writeTinyLabelledRun,
} from "../../../test/helpers/tiny-labelled-run.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { openImplicitReward } from "../../method/teacher/implicit-reward.ts";
import { poolScoresIn } from "../job/label-stages.ts";
import { openTokens } from "./label-tokens.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "wt-tokens-"));
});
afterAll(() => rm(root, { recursive: true }));
const pairOf = ({ id, prompt, response_a: a, response_b: b }: (typeof RUN_PAIRS)[number]) => ({
  id,
  prompt,
  a,
  b,
});

test("tokens are the run's own where it kept them; else they add up to what the run's teacher scores", async () => {
  const labels = await writeTinyLabelledRun(join(root, "run"));
  const stages = join(root, "run", "stages");
  const reader = await openTokens(labels);
  const [first, second] = RUN_PAIRS.map(pairOf);
  expect(await reader.read(second!)).toEqual({
    ...{ a: [{ text: " yes", value: 0.5 }], b: [{ text: " a", value: -1 }], kept: true },
  });
  const computed = await reader.read(first!);
  await reader.close();
  const runtime = openRuntime({ threads: 1 });
  const [model, reference] = ["policy", "reference"].map((name) =>
    join(stages, `${name}-0123456789ab`, "model"),
  );
  const teacher = await openImplicitReward(runtime, {
    ...{ model: model!, reference: reference!, beta: RUN_BETA, limits: RUN_LIMITS },
  });
  const [score] = await teacher.scorePairs([first!]);
  await runtime.close();
  const total = (tokens: readonly { value: number }[]) => tokens.reduce((sum, { value }) => sum + value, 0);
  expect(computed.kept).toBe(false);
  expect(total(computed.a)).toBeCloseTo(score!.scoreA, 4);
  expect(total(computed.b)).toBeCloseTo(score!.scoreB, 4);
  expect(score!.scoreA).not.toBeCloseTo(score!.scoreB, 2);
});

test("labels of several teachers have none, and those of earlier versions name their scores otherwise", () => {
  expect(poolScoresIn({ data: "d", pools0: "p", heldOut0: "h" })).toBe("p");
  expect(poolScoresIn({ data: "d", pool: "p", heldOut: "h" })).toBe("p");
  expect(poolScoresIn({ data: "d", pools0: "p", pools1: "q", ensemble: "e" })).toBeUndefined();
});

test("where tokens have no numbers, or nothing to compute them with is there, it is said why", async () => {
  const head = await openTokens(await writeTinyLabelledRun(join(root, "head"), "reward-head"));
  await expect(head.read(pairOf(RUN_PAIRS[0]!))).rejects.toThrow(
    "of the kind reward-head gives a response one number",
  );
  const gone = await writeTinyLabelledRun(join(root, "gone"));
  await rm(join(root, "gone", "stages", "reference-0123456789ab"), { recursive: true });
  const reader = await openTokens(gone);
  await expect(reader.read(pairOf(RUN_PAIRS[0]!))).rejects.toMatchObject({ code: "tokens" });
  expect((await reader.read(pairOf(RUN_PAIRS[1]!))).kept).toBe(true);
  await expect(openTokens(join(root, "gone"))).rejects.toThrow("do not say where their teacher lies");
});
