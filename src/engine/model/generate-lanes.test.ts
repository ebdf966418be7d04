import { afterAll, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { openRuntime } from "../runtime/runtime.ts";
import { type GenerateOptions, generate } from "./generate.ts";
import { dealPrompts, promptGroups } from "./generate-groups.ts";
import { keyOf } from "./model.ts";

const runtimes = [1, 2, 4].map((threads) => openRuntime({ threads }));
afterAll(() => Promise.all(runtimes.map((runtime) => runtime.close())));

const prompts = Array.from({ length: 40 }, (_, i) => randomIds(`prompt ${i}`, 1 + (i % 9)));
const options = { maxNewTokens: 12, eosIds: [5], seed: 3, batchSize: 7 };

test.each<[string, Pick<GenerateOptions, "temperature" | "topK">]>([
  ["greedy", { temperature: 0 }],
  ["sampled", { temperature: 1 }],
  ["sampled from the top", { temperature: 0.7, topK: 9 }],
])("%s texts are the same over one lane and several, and told token by token", async (_name, sampling) => {
  const written = await Promise.all(
    runtimes.map(async (runtime) => {
      const told = prompts.map((): number[] => []);
      const model = await tinyModel(runtime, "llama");
      const onToken = (prompt: number, id: number) => void told[prompt]!.push(id);
      const texts = await generate(runtime, model, prompts, { ...options, ...sampling, onToken });
      expect(texts.map(({ ids }) => ids)).toEqual(told);
      return texts;
    }),
  );
  expect(new Set(written[0]!.map(({ ids }) => ids.join())).size).toBeGreaterThan(20);
  expect(written[1]).toEqual(written[0]);
  expect(written[2]).toEqual(written[0]);
});

test("a failure in one lane ends the work in all, with its reason", async () => {
  const runtime = runtimes[1]!;
  const model = await tinyModel(runtime, "llama", { id: "broken" });
  const name = "model.norm.weight";
  await runtime.store.set(
    keyOf(model, name),
    model.parameters.get(name)!,
    new Float32Array(24).fill(Number.NaN),
  );
  let tokens = 0;
  const work = generate(runtime, model, prompts, { ...options, temperature: 0, onToken: () => tokens++ });
  await expect(work).rejects.toThrow("the logits after");
  expect(tokens).toBe(0);
});

test("prompts are dealt in turn to groups that follow from their number and the model", () => {
  expect(dealPrompts([0, 1, 2], 1e6)).toEqual([[0, 1, 2]]);
  const dealt = dealPrompts(prompts, 1e6);
  expect(dealt.map(({ length }) => length)).toEqual([20, 20]);
  expect(dealt[1]!.slice(0, 2)).toEqual([prompts[1], prompts[3]]);
  expect([31, 32, 384, 385, 768].map((count) => promptGroups(count, 60e6))).toEqual([1, 2, 2, 4, 4]);
  expect(promptGroups(1000, 540e6)).toBe(1); // bound by reading the weights
});
