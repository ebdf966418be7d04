import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { loraSpec } from "../../engine/model/lora.ts";
import { addAdapter, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { estimateTraining, formatEstimate } from "./estimate.ts";
import { measureRate } from "./machine-rate.ts";
import { trainSettings } from "./settings.ts";

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
const settings = trainSettings({ batchSize: 2, epochs: 3 });

test("counts operations and arrays as by hand", () => {
  const { steps, tokens, flops, parameters, trainable, memory } = estimateTraining(
    model,
    rows,
    settings,
    at(100),
  );
  expect([steps, tokens]).toEqual([6, 60]); // 4 rows / 2 · 3 epochs; 4 rows of 5 tokens, 3 times
  // gpt2 of C = 20, 2 layers: 20·60 + 20·20 + 20·80 + 80·20 = 4800 weights a layer, 9600 in all, twice an operation.
  const trunk = 5 * 2 * 9600;
  const attention = 2 * 4 * 20 * 5 ** 2; // layers · 4 · heads·headDim · width²
  const head = 3 * 2 * 97 * 20; // 3 predicted tokens · 2 · vocabulary · width
  expect(flops).toBe(12 * 3 * (trunk + attention + head)); // 12 rows, backwards costs twice forwards
  // Per layer 4800 + biases 60 + 20 + 80 + 20 + two norms of 40; embeddings (97 + 64)·20; last norm 40.
  expect(parameters).toBe(2 * (4800 + 180 + 80) + 161 * 20 + 40);
  expect(trainable).toBe(parameters);
  expect(memory).toMatchObject({
    weights: 4 * parameters,
    gradients: 4 * parameters,
    moments: 8 * parameters,
  });
});

test("two parts of a step have gradients each; two lanes for them weights and values, too", () => {
  const long = Array.from({ length: 4 }, () => ({ prompt: ones(100), responses: [ones(200)] }));
  const memoryOn = (threads: number) =>
    estimateTraining(model, long, settings, { ...at(100), threads }).memory;
  const [one, two] = [memoryOn(1), memoryOn(2)];
  expect(one.gradients).toBe(2 * estimateTraining(model, rows, settings, at(100)).memory.gradients);
  expect(two.gradients).toBe(one.gradients);
  expect([two.weights, two.activations, two.moments]).toEqual([
    2 * one.weights,
    2 * one.activations,
    one.moments,
  ]);
});

test("an adapter needs no gradient of the base and little state", async () => {
  const spec = loraSpec({ r: 2, alpha: 4, dropout: 0, targetModules: ["c_attn"] });
  const adapted = await addAdapter(runtime, model, spec, 1);
  const full = estimateTraining(model, rows, settings, at(100));
  const lora = estimateTraining(adapted, rows, settings, at(100));
  expect(lora.trainable).toBe(2 * 2 * (20 + 60)); // layers · rank · (in + out)
  expect(lora.flops / full.flops).toBeLessThan(0.75); // two products of three, and the adapter's own
  expect(lora.memory.moments).toBe(8 * lora.trainable);
});

test("gradient checkpointing costs a third more trunk and keeps less; a faster machine takes less time", () => {
  const many = Array.from({ length: 40 }, () => ({ prompt: ones(30), responses: [ones(2)] }));
  const plain = estimateTraining(model, many, settings, at(1));
  const checkpointed = estimateTraining(
    model,
    many,
    trainSettings({ ...settings, gradientCheckpointing: true }),
    at(1),
  );
  expect(checkpointed.flops / plain.flops).toBeGreaterThan(1.3);
  expect(checkpointed.flops / plain.flops).toBeLessThan(4 / 3);
  expect(estimateTraining(model, many, settings, at(100)).seconds).toBeLessThan(plain.seconds);
});

test("says it in a line", () => {
  const text = formatEstimate(estimateTraining(model, rows, settings, at(100)));
  expect(text).toMatch(
    /^6 steps, 0\.0M tokens, 0\.0M of 0\.0M parameters trained: about .* of memory \(weights .* kB, /,
  );
});

test("measures a rate above 0 and leaves nothing in the store", async () => {
  const { gflops, slowdown } = await measureRate(runtime);
  expect(gflops).toBeGreaterThan(0.1);
  expect(slowdown).toBeGreaterThanOrEqual(1);
  await expect(runtime.store.get("probe/a")).rejects.toThrow("nothing is stored");
});
