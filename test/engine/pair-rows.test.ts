import { afterAll, describe, expect, test } from "vitest";
import { openRuntime } from "../../src/engine/runtime/runtime.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import { randomIds, TINY_CONFIGS, tinyModel } from "../helpers/tiny-decoders.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

const pair = (seed: number, prompt: number, a: number, b: number) => ({
  prompt: randomIds(`p${seed}`, prompt),
  responses: [randomIds(`a${seed}`, a), randomIds(`b${seed}`, b)],
});
const rows = [pair(1, 7, 9, 4), pair(2, 1, 1, 30), pair(3, 20, 3, 3)];

describe.each(Object.keys(TINY_CONFIGS))("a pair row of %s", (family) => {
  // 1e-5 of sums of up to 30 log-probabilities near -100: float32 rounds those to 8e-6.
  const close = (got: number, expected: number) =>
    expect(Math.abs(got - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));

  test("gives each response the log-probability it has as a sequence of its own", async () => {
    const scorer = await openScorer(runtime, await tinyModel(runtime, family));
    const pairs = await scorer.score(rows);
    const apart = await scorer.score(
      rows.flatMap(({ prompt, responses }) => responses.map((r) => ({ prompt, responses: [r] }))),
    );
    for (const [i, logp] of pairs.flatMap((row) => row.logps).entries()) close(logp, apart[i]!.logps[0]!);
  });

  test("scores the same whatever rows lie beside it, in one run or in many", async () => {
    const model = await tinyModel(runtime, family);
    const together = await (await openScorer(runtime, model, { tokens: 4096 })).score(rows);
    const scorer = await openScorer(runtime, model, { tokens: 1 });
    const alone = await scorer.score(rows);
    const backwards = (await scorer.score([...rows].reverse())).reverse();
    rows.forEach((_, i) => {
      for (const [j, logp] of together[i]!.logps.entries()) close(logp, alone[i]!.logps[j]!);
      expect(backwards[i]).toEqual(alone[i]);
    });
  });

  test("reads a reward at each response's own end", async () => {
    const scorer = await openScorer(
      runtime,
      await tinyModel(runtime, family, { reward: true, id: `${family} rm` }),
    );
    const [row] = await scorer.score([rows[0]!]);
    const apart = await scorer.score(
      rows[0]!.responses.map((r) => ({ prompt: rows[0]!.prompt, responses: [r] })),
    );
    for (const [i, reward] of row!.rewards!.entries()) close(reward, apart[i]!.rewards![0]!);
    expect(row!.rewards![0]).not.toBeCloseTo(row!.rewards![1]!, 3);
  });
});
