import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { keyOf, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { ARM_RECORDS, type ArmRecord, evaluateArm, promptMeans } from "./arm.ts";
import type { GoldScorer } from "./gold.ts";

let folder: string;
let runtime: Runtime;
let tokenizer: Tokenizer;
let model: Model;
let uniform: Model;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "arm-"));
  runtime = openRuntime({ threads: 1 });
  const path = join(folder, "model");
  await writeTinyModel(path, { family: "llama", seed: 1 });
  model = await loadModel(runtime, path);
  uniform = await loadModel(runtime, path, { id: "uniform" });
  const head = "lm_head.weight";
  const shape = uniform.parameters.get(head)!;
  await runtime.store.set(keyOf(uniform, head), shape, new Float32Array(shape[0]! * shape[1]!));
  tokenizer = await loadTokenizer(path);
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const length: GoldScorer = {
  name: "length",
  digest: "",
  trainedOn: [],
  score: async (items) => items.map(({ response }) => String(response).length),
  close: async () => {},
};
const prompts = ["The cat", "A dog sat"];
const generation = { maxNewTokens: 5, temperature: 1, seed: 3, perPrompt: 2 };
const request = () => ({ model, tokenizer, prompts, generation, gold: [length] });

describe("evaluateArm", () => {
  it("records each sample with its scores, by prompt and sample", async () => {
    const records = await evaluateArm({ runtime }, request());
    expect(records.map(({ prompt, sample }) => [prompt, sample])).toEqual([
      ["The cat", 0],
      ["The cat", 1],
      ["A dog sat", 0],
      ["A dog sat", 1],
    ]);
    for (const { response, gold, tokens, sftLogp } of records) {
      expect(gold).toEqual({ length: response.length });
      expect(tokens).toBeLessThanOrEqual(5);
      expect(sftLogp).toBeNull();
    }
  });

  it("has a log-probability of -ln 258 for each token, EOS included, under a model that finds all equally likely", async () => {
    const long = { ...generation, maxNewTokens: 200, perPrompt: 4 };
    const records = await evaluateArm({ runtime }, { ...request(), model: uniform, generation: long });
    // About half of the responses end by EOS: 1 - (257/258)^200 = 0.54.
    expect(new Set(records.map(({ finish }) => finish))).toEqual(new Set(["eos", "length"]));
    for (const { tokens, finish, logp } of records)
      expect(logp).toBeCloseTo(-(tokens + (finish === "eos" ? 1 : 0)) * Math.log(258), 1);
  });

  it("finds no distance of a model from itself", async () => {
    const records = await evaluateArm({ runtime }, { ...request(), sft: model });
    expect(records.every(({ logp, sftLogp }) => logp === sftLogp && logp < 0)).toBe(true);
  });

  it("finds a distance above 0 on average from another model, since the samples are its own", async () => {
    const many = { ...generation, perPrompt: 16 };
    const records = await evaluateArm({ runtime }, { ...request(), generation: many, sft: uniform });
    const mean = records.reduce((total, { logp, sftLogp }) => total + logp - sftLogp!, 0) / records.length;
    expect(mean).toBeGreaterThan(0);
  });

  it("writes records that read back as they were", async () => {
    const file = join(folder, "arm.jsonl");
    const records = await evaluateArm({ runtime }, { ...request(), sft: uniform, file });
    expect(await ARM_RECORDS.read(file)).toEqual(records);
  });

  it("refuses two scorers of one name and a prompt that comes twice", async () => {
    await expect(evaluateArm({ runtime }, { ...request(), gold: [length, length] })).rejects.toThrow(
      ConfigError,
    );
    await expect(evaluateArm({ runtime }, { ...request(), prompts: ["a", "a"] })).rejects.toThrow(
      /comes twice/,
    );
  });
});

describe("ARM_RECORDS.read", () => {
  it("names the line and the member that is wrong", async () => {
    const file = join(folder, "bad.jsonl");
    await writeFile(file, '{"promptId": "p", "sample": -1}\n');
    await expect(ARM_RECORDS.read(file)).rejects.toThrow(DataError);
    await expect(ARM_RECORDS.read(file)).rejects.toThrow(
      /bad.jsonl:1: is no arm record: "sample" is wrong, expected at least 0, got -1/,
    );
  });
});

describe("promptMeans", () => {
  it("averages the samples of a prompt, and has no log ratio where one sample has none", () => {
    const record = (
      promptId: string,
      gold: number,
      tokens: number,
      sftLogp: number | null,
      sample = 0,
    ): ArmRecord => ({
      promptId,
      sample,
      prompt: "",
      response: "",
      gold: { g: gold },
      tokens,
      finish: "eos",
      promptTruncated: false,
      logp: -3,
      sftLogp,
    });
    const records = [record("p", 1, 4, -5), record("q", 7, 1, null), record("p", 2, 8, -6, 1)];
    expect(Object.fromEntries(promptMeans({ name: "x", records }, "g"))).toEqual({
      p: {
        gold: 1.5,
        samples: new Map([
          [0, 1],
          [1, 2],
        ]),
        tokens: 6,
        logRatio: 2.5,
      }, // (2 + 3) / 2
      q: { gold: 7, samples: new Map([[0, 7]]), tokens: 1, logRatio: null },
    });
  });
});
