import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mirrorLabel } from "../../../test/helpers/mirror-label.ts";
import { scoreRounding } from "../../../test/helpers/rounding.ts";
import { writeTinyFolder } from "../../../test/helpers/tiny-folder.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { encodePair } from "../../engine/text/pair.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import type { CandidatePair } from "../data/rows.ts";
import { labelFromScores } from "../labels/label.ts";
import { openScorer, type RowScore } from "../objective/score.ts";
import { encodePairs, scoreCandidates } from "./encode.ts";
import { type ImplicitRewardTeacher, openImplicitReward } from "./implicit-reward.ts";
import { teacherDigest } from "./teacher.ts";

const limits = { maxLength: 64, maxPromptLength: 32 };
const pairs: CandidatePair[] = [
  { id: "1", prompt: "Once there was", a: " a cat.", b: " a dog who sang." },
  { id: "2", prompt: "He said", a: " no.", b: " yes!" },
  { id: "same", prompt: "x", a: " one", b: " one" },
  { id: "empty", prompt: "x", a: "  ", b: " one" },
  { id: "long", prompt: "x", a: ` ${"very ".repeat(20)}`, b: " short" },
  { id: "long prompt", prompt: "p".repeat(40), a: " yes", b: " no" },
];

let runtime: Runtime;
let root: string;
let policy: string;
let reference: string;
let teacher: ImplicitRewardTeacher;
const open = (options: Partial<Parameters<typeof openImplicitReward>[1]> = {}) =>
  openImplicitReward(runtime, { model: policy, reference, beta: 0.1, limits, ...options });

beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  root = await mkdtemp(join(tmpdir(), "implicit-"));
  policy = await writeTinyFolder(root, "policy", { seed: 1 });
  reference = await writeTinyFolder(root, "reference", { seed: 2 });
  teacher = await open();
});
afterAll(async () => {
  await runtime.close();
  await rm(root, { recursive: true, force: true });
});

describe("scores", () => {
  test("are β times the difference of both models' log-probabilities, as the trainer's scoring function has them", async () => {
    const scores = await teacher.scorePairs(pairs);
    const tokenizer = await loadTokenizer(policy);
    const scorers = await Promise.all(
      [policy, reference].map(async (path, i) =>
        openScorer(runtime, await loadModel(runtime, path, { id: `direct-${i}` })),
      ),
    );
    for (const [i, pair] of pairs.entries()) {
      const { prompt, a, b } = encodePair(tokenizer, pair, limits);
      const [trained, base] = await Promise.all(
        scorers.map((scorer) => scorer.score([{ prompt, responses: [a, b] }])),
      );
      const reward = (k: number) => 0.1 * (trained![0]!.logps[k]! - base![0]!.logps[k]!);
      const close = (k: number) => 0.1 * scoreRounding([trained![0]!.logps[k]!, base![0]!.logps[k]!]);
      expect(Math.abs(scores[i]!.scoreA - reward(0))).toBeLessThan(close(0));
      expect(Math.abs(scores[i]!.scoreB - reward(1))).toBeLessThan(close(1));
      expect(scores[i]).toMatchObject({ id: pair.id, lengthA: a.length, lengthB: b.length });
      expect(scores[i]!.tokens).toBe(prompt.length + a.length + b.length);
    }
    expect(Math.abs(scores[0]!.scoreA - scores[0]!.scoreB)).toBeGreaterThan(1e-3);
  });

  test("turn round with the candidates, to the last bit", async () => {
    const forward = await teacher.scorePairs(pairs);
    const swapped = await teacher.scorePairs(pairs.map((pair) => ({ ...pair, a: pair.b, b: pair.a })));
    for (const [i, { scoreA, scoreB, lengthA, lengthB, flags, ...score }] of forward.entries()) {
      expect(swapped[i]).toMatchObject({
        scoreA: scoreB,
        scoreB: scoreA,
        lengthA: lengthB,
        lengthB: lengthA,
      });
      const label = labelFromScores({ ...score, scoreA, scoreB, flags, teacher: "t" });
      expect(labelFromScores({ ...swapped[i]!, teacher: "t" })).toEqual(mirrorLabel(label));
    }
  });

  test("of empty, identical and truncated candidates make no label; a shortened prompt is only noted", async () => {
    const labels = (await teacher.scorePairs(pairs)).map((score) =>
      labelFromScores({ ...score, teacher: "t" }),
    );
    expect(labels.map(({ flags }) => flags)).toEqual([
      [],
      [],
      ["identical"],
      ["empty"],
      ["truncated"],
      ["truncated-prompt"],
    ]);
    expect(labels.slice(2, 5).every(({ preferred }) => preferred === "abstain")).toBe(true);
    expect(labels[5]!.preferred).not.toBe("abstain");
  });

  test("are all ties when the policy is its own reference, so nothing can be trained on", async () => {
    const equal = await open({ reference: policy, allowEqual: true });
    for (const score of await equal.scorePairs(pairs))
      expect(["tie", "abstain"]).toContain(labelFromScores({ ...score, teacher: "t" }).preferred);
  });

  test("do not depend on the batch: a model is its own reference at step 0", async () => {
    // β 0.1, and no response here is below -400 nats
    expect(await checkStepZero(teacher, pairs)).toBeLessThan(0.1 * scoreRounding([400]));
  });
});

describe("opening", () => {
  test("refuses a policy that is its own reference, and says why", async () => {
    await expect(open({ reference: policy })).rejects.toThrow(
      /are the same model .* every pair would be a tie/,
    );
  });

  test("refuses a reference with another tokenizer or chat template", async () => {
    const merged = await writeTinyFolder(root, "merged", { seed: 2, merge: "t h" });
    await expect(open({ reference: merged })).rejects.toThrow(
      /is no reference of .*: its tokenizer gives other ids, the id of "th" is 260, expected none/,
    );
    const chatTemplate = "{{ messages[0].content }}";
    const chatty = await writeTinyFolder(root, "chatty", { seed: 2, chatTemplate });
    await expect(open({ reference: chatty })).rejects.toThrow("its chat template differs, expected none");
  });

  test("takes a reference whose tokenizer.json says the same in other bytes", async () => {
    const again = await writeTinyFolder(root, "again", { seed: 2 });
    const file = join(again, "tokenizer.json");
    const json = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ version: "1.0", truncation: null, padding: null, ...json }));
    await (await open({ reference: again })).close();
  });

  test.each(["policy", "reference", "tokenizer", "template"] as const)(
    "refuses a %s that is not the one the teacher was saved with",
    async (what) => {
      const { policy, reference, tokenizer, template } = teacher.manifest;
      const digests = { policy, reference, tokenizer, template } as Record<string, string | null>;
      const again = await open({ expected: digests });
      expect(teacherDigest(again.manifest)).toBe(teacherDigest(teacher.manifest));
      await again.close();
      await expect(open({ expected: { ...digests, [what]: "0".repeat(64) } })).rejects.toThrow(
        `is not the ${what} that the teacher was saved with, expected 0000000000000000`,
      );
    },
  );

  test("refuses a reward model, limits beyond the model's positions, and a β that is not above 0", async () => {
    const head = await writeTinyFolder(root, "head", { seed: 3, task: "reward" });
    await expect(open({ model: head })).rejects.toThrow(
      "is the wrong kind of model for a policy, expected a language model, got a reward model",
    );
    await expect(open({ limits: { maxLength: 513, maxPromptLength: 32 } })).rejects.toThrow(
      "has 512 positions, expected at least max_length of them, got max_length 513",
    );
    await expect(open({ beta: 0 })).rejects.toThrow("expected above 0, got 0");
  });
});

/**
 * The largest reward that the policy gets with itself as the reference, in the teacher's unit: 0 up to rounding, or scores depend on
 * their batch. Scores the pairs together and one by one.
 */
async function checkStepZero(
  { policy, runtime, beta, manifest }: ImplicitRewardTeacher,
  pairs: readonly CandidatePair[],
): Promise<number> {
  const scorer = await openScorer(runtime, policy.model);
  const encoded = encodePairs(policy.tokenizer, pairs, manifest.limits!);
  const pick = ({ logps }: RowScore) => logps;
  const together = await scoreCandidates(scorer, encoded, pick);
  let largest = 0;
  for (const [i, pair] of encoded.entries()) {
    const [alone] = await scoreCandidates(scorer, [pair], pick);
    for (const side of [0, 1] as const)
      largest = Math.max(largest, beta * Math.abs(together[i]![side] - alone![side]));
  }
  return largest;
}
