import { afterAll, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { keyOf } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { openScorer } from "./score.ts";

const runtimes = [1, 2, 3].map((threads) => openRuntime({ threads }));
afterAll(() => Promise.all(runtimes.map((runtime) => runtime.close())));

/** Pairs of many lengths: a dozen micro-batches of 60 tokens. */
const rows = Array.from({ length: 40 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 1 + (i % 7)),
  responses: [randomIds(`a${i}`, 1 + ((3 * i) % 11)), randomIds(`b${i}`, 1 + ((5 * i) % 13))],
}));
const options = { tokens: 60, perToken: true };

test.each([
  ["llama", false],
  ["gpt2", false],
  ["gpt2", true],
] as const)(
  "%s (reward head: %s): scores are the same bits over one, two and three lanes",
  async (family, reward) => {
    const scored = await Promise.all(
      runtimes.map(async (runtime) =>
        (await openScorer(runtime, await tinyModel(runtime, family, { reward }), options)).score(rows),
      ),
    );
    expect(scored[1]).toEqual(scored[0]);
    expect(scored[2]).toEqual(scored[0]);
  },
);

test("a scorer sees the model's parameters as they are when it scores, in every lane", async () => {
  const score = async (runtime: Runtime) => {
    const model = await tinyModel(runtime, "llama", { id: "trained" });
    const scorer = await openScorer(runtime, model, options);
    const before = await scorer.score(rows);
    const name = "model.norm.weight";
    await runtime.store.set(keyOf(model, name), model.parameters.get(name)!, new Float32Array(24).fill(0.5));
    const after = await scorer.score(rows);
    expect(after).not.toEqual(before);
    return after;
  };
  const [one, , three] = await Promise.all(runtimes.map(score));
  expect(three).toEqual(one);
});
