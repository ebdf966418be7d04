import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { InterruptedError } from "../../base/core/errors.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import type { Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { sampleCandidates, sampleResponses, scoreCandidates } from "./simulate.ts";

let folder: string;
let runtime: Runtime;
let model: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "simulate-"));
  runtime = openRuntime({ threads: 1 });
  const path = join(folder, "model");
  await writeTinyModel(path, { family: "llama", seed: 1 });
  model = await loadModel(runtime, path);
  tokenizer = await loadTokenizer(path);
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const settings = { maxNewTokens: 6, temperature: 1, seed: 5 };
const prompts = ["The cat", "A dog sat", "Rain"];

describe("sampleCandidates", () => {
  it("gives the asked number of different texts per prompt, the same every time", async () => {
    const sample = () =>
      sampleCandidates({ runtime }, model, tokenizer, prompts, { ...settings, perPrompt: 3 });
    const first = await sample();
    expect(first.map(({ prompt }) => prompt)).toEqual(prompts);
    for (const { responses } of first) expect(new Set(responses).size).toBe(3);
    expect(await sample()).toEqual(first);
  });

  it("draws a prompt's responses independently of the other prompts, and by seed", async () => {
    const all = await sampleCandidates({ runtime }, model, tokenizer, prompts, settings);
    const alone = await sampleCandidates({ runtime }, model, tokenizer, [prompts[2]!], settings);
    expect(alone[0]).toEqual(all[2]);
    const other = await sampleCandidates({ runtime }, model, tokenizer, prompts, { ...settings, seed: 6 });
    expect(other).not.toEqual(all);
  });
});

describe("sampleResponses", () => {
  it("gives ids, their text after the prompt, and why each ended", async () => {
    const decodeAfter = (context: readonly number[], ids: readonly number[]) => `${ids} after ${context}`;
    const samples = await sampleResponses(
      { runtime },
      model,
      { ...tokenizer, decodeAfter },
      prompts,
      settings,
    );
    for (const { promptIds, ids, text, finish } of samples) {
      expect(text).toBe(`${ids} after ${promptIds}`);
      expect(finish === "length" ? ids.length : 6).toBe(6);
    }
    expect(samples.map(({ index, sample }) => [index, sample])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
  });

  it("flags prompts that were cut", async () => {
    const cut = { ...settings, maxPromptLength: 5 };
    const samples = await sampleResponses({ runtime }, model, tokenizer, prompts, cut);
    expect(samples.map(({ promptTruncated }) => promptTruncated)).toEqual([true, true, false]);
  });

  it("stops when asked to", async () => {
    const signal = AbortSignal.abort();
    await expect(sampleResponses({ runtime, signal }, model, tokenizer, prompts, settings)).rejects.toThrow(
      InterruptedError,
    );
  });
});

describe("scoreCandidates", () => {
  it("gives each text its own score", async () => {
    const gold = {
      name: "length",
      digest: "",
      trainedOn: [],
      score: async (items: readonly { response: unknown }[]) =>
        items.map(({ response }) => String(response).length),
      close: async () => {},
    };
    const scored = await scoreCandidates(gold, [
      { prompt: "p", responses: ["a", "bbb"] },
      { prompt: "q", responses: ["cc"] },
    ]);
    expect(scored.map(({ candidates }) => candidates)).toEqual([
      [
        { text: "a", gold: 1 },
        { text: "bbb", gold: 3 },
      ],
      [{ text: "cc", gold: 2 }],
    ]);
  });
});
