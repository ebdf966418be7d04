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
  // 97 sequences need a second batch of 96: the steps double.
  const time = (sequences: number) =>
    estimateSampling(model, { sequences, maxNewTokens: 7, promptTokens: 0 }, at(100)).seconds;
  expect(time(97)).toBeCloseTo(2 * time(96), 12);
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
