import { afterAll, describe, expect, test } from "vitest";
import { randomIds, TINY_CONFIGS, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { packedPair, widened } from "../../../test/helpers/tiny-packed.ts";
import { releaseModel } from "../../engine/model/model.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { openScorer, type RowScore } from "./score.ts";

const runtimes = [1, 2].map((threads) => openRuntime({ threads }));
const [runtime] = runtimes as [(typeof runtimes)[number], ...typeof runtimes];
afterAll(() => Promise.all(runtimes.map((each) => each.close())));

const rows = Array.from({ length: 12 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 1 + (i % 7)),
  responses: [randomIds(`a${i}`, 1 + ((3 * i) % 11)), randomIds(`b${i}`, 1 + ((5 * i) % 13))],
}));
const numbers = (scores: readonly RowScore[]) => scores.flatMap(({ logps, rewards }) => rewards ?? logps);
const spread = (values: readonly number[]) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
};
/** Root mean square difference, in spreads of the first. */
const apart = (a: readonly number[], b: readonly number[]) =>
  Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0) / a.length) / spread(a);

describe.each(Object.keys(TINY_CONFIGS))("%s", (family) => {
  test.each([
    [8, false],
    [4, false],
    [8, true],
  ] as const)(
    "in %i bits (reward head: %s) scores as float32 does with those weights",
    async (bits, reward) => {
      const config = widened(TINY_CONFIGS[family]!);
      const model = await tinyModel(runtime, family, { config, scale: 0.1, reward });
      const { packed, rounded, names } = await packedPair(runtime, model, bits);
      const scored: number[][] = [];
      for (const one of [model, rounded, packed]) {
        const scorer = await openScorer(runtime, one);
        scored.push(numbers(await scorer.score(rows)));
        await scorer.close();
      }
      for (const one of [model, rounded]) await releaseModel(runtime, one);
      const [full, same, few] = scored as [number[], number[], number[]];
      // What is left between them is the rounding of inputs.
      expect(apart(same, few)).toBeLessThan(reward ? 0.08 : 0.02);
      expect(apart(full, few)).toBeLessThan(reward ? 0.1 : bits === 8 ? 0.03 : 0.4);
      expect(few).not.toEqual(full);
      expect(names.length).toBeGreaterThanOrEqual(5);
    },
  );
});

describe("a model in few bits", () => {
  const open = async (on: (typeof runtimes)[number], tokens: number) => {
    const config = widened(TINY_CONFIGS["llama 3, tied"]!);
    const model = await tinyModel(on, "llama", { config, scale: 0.1 });
    return openScorer(on, (await packedPair(on, model, 8)).packed, { tokens, perToken: true });
  };

  test("gives a row the same score whatever stands beside it, in one lane and in two", async () => {
    const scores: RowScore[][] = [];
    for (const on of runtimes)
      for (const tokens of [30, 1024]) scores.push(await (await open(on, tokens)).score(rows));
    for (const other of scores.slice(1))
      numbers(other).forEach((x, i) => {
        expect(x).toBeCloseTo(numbers(scores[0]!)[i]!, 4);
      });
    expect(scores[2]).toEqual(scores[0]);
    expect(scores[3]).toEqual(scores[1]);
  });

  test("is scored with by one scorer, and by none that was closed", async () => {
    const config = widened(TINY_CONFIGS.llama!);
    const { packed } = await packedPair(runtime, await tinyModel(runtime, "llama", { config }), 8);
    const scorer = await openScorer(runtime, packed);
    await expect(openScorer(runtime, packed)).rejects.toThrow("by one scorer");
    await scorer.close();
    await expect(scorer.score(rows)).rejects.toThrow("was not compiled");
  });
});
