import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import type { Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { estimateSampling, estimateScoring, formatInference } from "./estimate-inference.ts";

let runtime: Runtime;
let model: Model;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  model = await tinyModel(runtime, "gpt2");
});
afterAll(() => runtime.close());

/** A machine of this rate, on one core. */
const at = (gflops: number) => ({ device: "cpu", threads: 1, gflops }) as const;
const ones = (count: number) => Array.from({ length: count }, () => 1);
const rows = Array.from({ length: 4 }, () => ({ prompt: ones(2), responses: [ones(3)] }));

test("scoring counts one pass of each model, as by hand", () => {
  const { tokens, flops, seconds } = estimateScoring([model], rows, at(100));
  // gpt2 of C = 20, 2 layers, 9600 weights in the layers: 4 rows of 5 tokens, 3 of them predicted among 97 ids.
  const trunk = 20 * 2 * 9600 + 4 * 2 * 4 * 20 * 5 ** 2;
  const head = 12 * 2 * 97 * 20;
  expect([tokens, flops]).toEqual([20, trunk + head]);
  const pair = estimateScoring([model, model], rows, at(100));
  expect([pair.tokens, pair.flops]).toEqual([20, 2 * flops]);
  expect(pair.seconds).toBeCloseTo(2 * seconds, 12);
  expect(pair.memory.weights).toBe(2 * estimateScoring([model], rows, at(100)).memory.weights);
  expect(estimateScoring([model], rows, at(1)).seconds).toBeGreaterThan(seconds);
  expect(estimateScoring([model], [], at(100))).toMatchObject({ tokens: 0, flops: 0, seconds: 0 });
});

test("each lane holds a copy of the weights and values of its own", () => {
  const one = estimateScoring([model], rows, at(100)).memory;
  const three = estimateScoring([model], rows, { ...at(100), threads: 3 }).memory;
  expect([three.weights, three.activations]).toEqual([3 * one.weights, 3 * one.activations]);
});

test("sampling counts the prompt once and every new token through layers and head", () => {
  const one = estimateSampling(model, { sequences: 10, maxNewTokens: 7, promptTokens: 3 }, at(100));
  const perToken = 2 * (9600 + 97 * 20);
  expect([one.tokens, one.flops]).toEqual([70, 10 * 3 * 2 * 9600 + 70 * perToken]);
  // One group of 10, 7 steps: layers, head, attention of 2 layers and all key heads, draws; 45 ops a layer. Prompts are read packed.
  const { kvHeads } = model.decoder.config;
  const token = (2 * 9600) / (85 * 1e9) + (2 * 97 * 20) / (65 * 1e9) + 2 * kvHeads * 2.5e-6 + 97 * 1e-9;
  const seconds = 7 * (10 * token + 2 * 45 * 8e-6) + (10 * 3 * 2 * 9600) / (65 * 1e9);
  expect(one.seconds).toBeCloseTo(seconds, 12);
});

test("sampling takes its steps group by group, as many at once as there are lanes, and of at most 96 sequences", () => {
  const seconds = (sequences: number, threads = 1) =>
    estimateSampling(
      model,
      { sequences, maxNewTokens: 7, promptTokens: 0 },
      { device: "cpu", threads, gflops: 100 * threads },
    ).seconds;
  // From 32 prompts on there are two groups; 192 are two of 96, 388 four of 97, which is a second batch for each.
  expect(seconds(192)).toBeCloseTo(2 * seconds(192, 2), 12);
  expect(seconds(388, 2)).toBeGreaterThan(2 * 1.9 * seconds(192, 2));
  expect(seconds(0)).toBe(0);
});

test("sampling holds the weights and a cache in each lane that has a group of prompts", () => {
  const machine = { ...at(100), threads: 4 };
  const memory = (sequences: number) =>
    estimateSampling(model, { sequences, maxNewTokens: 7, promptTokens: 3 }, machine).memory;
  expect(memory(192).weights).toBe(2 * memory(16).weights); // 192 prompts are two groups, 16 are one
  expect(memory(192).activations).toBe(12 * memory(16).activations);
});

test("says it in a line", () => {
  expect(formatInference(estimateScoring([model], rows, at(100)))).toMatch(
    /^0\.00M tokens: about .* and .* of memory$/,
  );
});
