import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { CandidatePair } from "../data/rows.ts";
import { labelFromScores } from "../labels/label.ts";
import { openExplainer } from "./explain.ts";
import { openImplicitReward } from "./implicit-reward.ts";
import { DEFAULT_JUDGE_PROMPT } from "./judge.ts";
import { openLocalJudge } from "./judge-local.ts";
import { openLikelihood } from "./likelihood.ts";
import { openRewardHead } from "./reward-head.ts";
import type { Teacher } from "./teacher.ts";

const limits = { maxLength: 96, maxPromptLength: 48 };
const pairs: CandidatePair[] = [
  { id: "1", prompt: "Once there was", a: " a cat.", b: " a dog who sang." },
  { id: "2", prompt: "He said", a: " no.", b: " yes!" },
  { id: "3", prompt: "x", a: " one", b: " one" },
];
const swapped = pairs.map((pair) => ({ ...pair, a: pair.b, b: pair.a }));

let runtime: Runtime;
let root: string;
let policy: string;
let reference: string;
let head: string;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  root = await mkdtemp(join(tmpdir(), "teachers-"));
  policy = await writeTinyFolder(root, "policy", { seed: 1 });
  reference = await writeTinyFolder(root, "reference", { seed: 2 });
  head = await writeTinyFolder(root, "head", { seed: 3, task: "reward" });
});
afterAll(async () => {
  await runtime.close();
  await rm(root, { recursive: true, force: true });
});

const judgeLimits = { maxLength: 400, maxPromptLength: 390 };
const short = "Q {prompt}\n1: {first}\n2: {second}\nBetter=";
const openers: Record<string, () => Promise<Teacher>> = {
  likelihood: () => openLikelihood(runtime, { model: policy, limits }),
  "reward head": () => openRewardHead(runtime, { model: head, limits }),
  "local judge": () => openLocalJudge(runtime, { model: policy, limits: judgeLimits, prompt: short }),
};

describe.each(Object.keys(openers))("a %s", (name) => {
  test("tells candidates apart, mirrors to the last bit, and calls equal candidates equal", async () => {
    const teacher = await openers[name]!();
    const [forward, backward] = [await teacher.scorePairs(pairs), await teacher.scorePairs(swapped)];
    forward.forEach(({ scoreA, scoreB, lengthA, lengthB, flags, tokens }, i) => {
      expect(backward[i]).toMatchObject({ scoreA: scoreB, scoreB: scoreA, lengthA: lengthB, tokens, flags });
      expect(backward[i]!.lengthB).toBe(lengthA);
    });
    expect(forward[0]!.scoreA).not.toBe(forward[0]!.scoreB);
    expect(forward[2]!.scoreA).toBe(forward[2]!.scoreB);
    expect(forward[2]!.flags).toContain("identical");
    await teacher.close();
  });
});

test("a likelihood is the policy's part of an implicit reward's scores", async () => {
  const implicit = await openImplicitReward(runtime, { model: policy, reference, beta: 0.5, limits });
  const likelihood = await openLikelihood(runtime, { model: policy, limits });
  const parts = (await implicit.scorePairs(pairs)).map((score) => score.parts?.policy);
  expect((await likelihood.scorePairs(pairs)).map(({ scoreA, scoreB }) => [scoreA, scoreB])).toEqual(parts);
});

test("a language model is no reward head, and a head that was never trained cannot be opened", async () => {
  await expect(openRewardHead(runtime, { model: policy, limits })).rejects.toThrow(
    "is the wrong kind of model for a reward head, expected a reward model (a scalar head), got a language model",
  );
});

describe("a local judge", () => {
  test("has the probabilities of 1 and 2 in both orders, averaged", async () => {
    const judge = await openLocalJudge(runtime, { model: policy, limits: judgeLimits, prompt: short });
    const [score] = await judge.scorePairs(pairs);
    const [[a1, a2], [b1, b2]] = [score!.parts!.aFirst!, score!.parts!.bFirst!];
    const share = (own: number, other: number) => Math.exp(own) / (Math.exp(own) + Math.exp(other));
    const ofA = (share(a1, a2) + share(b2, b1)) / 2;
    expect(Math.exp(score!.scoreA)).toBeCloseTo(ofA, 10);
    expect(Math.exp(score!.scoreB)).toBeCloseTo(1 - ofA, 10);
    // The margin is the log-odds, so the uncalibrated label's probability is the judge's own.
    expect(labelFromScores({ ...score!, teacher: "t" }).pA).toBeCloseTo(ofA, 10);
    expect(score!.flags.includes("position-flip")).toBe(a1 > a2 === b1 > b2);
  });

  test("has no opinion on a question that it did not see whole", async () => {
    const judge = await openLocalJudge(runtime, {
      model: policy,
      limits: { maxLength: 40, maxPromptLength: 30 },
    });
    const [score] = await judge.scorePairs(pairs);
    expect(labelFromScores({ ...score!, teacher: "t" })).toMatchObject({ preferred: "abstain" });
    expect(score!.flags).toContain("truncated");
  });

  test("keeps its question in the manifest, and asks through the chat template where there is one", async () => {
    const chatTemplate =
      "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    const chatty = await writeTinyFolder(root, "chatty", { seed: 1, chatTemplate });
    const roomy = { maxLength: 500, maxPromptLength: 490 };
    const judge = await openLocalJudge(runtime, { model: chatty, limits: roomy, prompt: short });
    const plain = await openLocalJudge(runtime, { model: chatty, limits: roomy, prompt: short, chat: false });
    expect(judge.manifest.settings).toMatchObject({ prompt: short, chat: true });
    const [asked] = await judge.scorePairs(pairs);
    const [bare] = await plain.scorePairs(pairs);
    expect(asked!.tokens).toBeGreaterThan(bare!.tokens);
  });

  test("refuses a question without its places", async () => {
    const open = (prompt: string) => openLocalJudge(runtime, { model: policy, limits, prompt });
    await expect(open("Which? {first} {second}")).rejects.toThrow("got another number of {prompt}");
    await expect(open(`${DEFAULT_JUDGE_PROMPT}{first}`)).rejects.toThrow("got another number of {first}");
  });
});

describe("explanations", () => {
  test("give every token its part, and the parts add up to the score", async () => {
    const teacher = await openImplicitReward(runtime, { model: policy, reference, beta: 0.5, limits });
    const explainer = await openExplainer(teacher);
    const scores = await teacher.scorePairs(pairs);
    for (const [i, pair] of pairs.entries()) {
      const explained = await explainer.explain(pair);
      const total = (tokens: readonly { value: number }[]) =>
        tokens.reduce((sum, { value }) => sum + value, 0);
      expect(total(explained.a)).toBeCloseTo(scores[i]!.scoreA, 4);
      expect(total(explained.b)).toBeCloseTo(scores[i]!.scoreB, 4);
      expect(explained.a.map(({ text }) => text).join("")).toBe(`${pair.a as string}</s>`);
      expect(explained.prompt.join("")).toBe(`<s>${pair.prompt as string}`);
    }
  });
});
