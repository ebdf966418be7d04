import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { silentLog } from "../../base/core/log.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import { openScorer } from "../objective/score.ts";
import { type RewardInput, trainReward } from "./reward.ts";
import { type TrainSettingsInput, trainSettings } from "./settings.ts";

let runtime: Runtime;
let scratch: string;
let runs = 0;

beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), "reward-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(scratch, { recursive: true });
});

const rows: TokenRow[] = Array.from({ length: 12 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 2 + (i % 4)),
  responses: [randomIds(`c${i}`, 1 + (i % 5)), randomIds(`r${i}`, 1 + (i % 7))],
}));

describe("reward training", () => {
  async function reward(change: Partial<RewardInput> = {}, settings: TrainSettingsInput = {}) {
    const model = await tinyModel(runtime, "llama", { id: `reward-${runs}`, reward: true });
    return trainReward(
      { runtime, log: silentLog },
      {
        model,
        rows,
        settings: trainSettings({ batchSize: 6, epochs: 6, learningRate: 1e-2, ...settings }),
        folder: join(scratch, `reward-${runs++}`),
        ...change,
      },
    );
  }

  test("learns the pairs; metrics have TRL's names and agree with the scorer", async () => {
    const model = await tinyModel(runtime, "llama", { id: "reward-model", reward: true });
    const result = await reward({ model, validation: { rows } });
    const { metrics, history } = result;
    expect(history.at(-2)!.loss!).toBeLessThan(history[0]!.loss! / 2);
    expect(metrics.eval_accuracy).toBe(1);
    const scores = (await (await openScorer(runtime, model)).score(rows)).map(({ rewards }) => rewards!);
    expect(metrics.eval_margin).toBeCloseTo(
      scores.reduce((sum, [c, r]) => sum + c! - r!, 0) / rows.length,
      4,
    );
    expect(metrics.eval_min_reward).toBeCloseTo(Math.min(...scores.flat()), 4);
    expect(metrics.eval_max_reward).toBeCloseTo(Math.max(...scores.flat()), 4);
    expect(metrics.eval_mean_reward).toBeCloseTo(scores.flat().reduce((a, b) => a + b, 0) / 24, 4);
  });

  test("the first loss is Bradley-Terry's with weights, soft labels and margins, by hand, whatever the micro-batches", async () => {
    const model = await tinyModel(runtime, "llama", { id: "by-hand", reward: true });
    const scores = (await (await openScorer(runtime, model)).score(rows)).map(({ rewards }) => rewards!);
    const columns = {
      weights: rows.map((_, i) => i % 3),
      softLabels: rows.map((_, i) => 0.5 + i / 30),
      margins: rows.map((_, i) => i / 5),
    };
    const logSigmoid = (x: number) => -Math.log1p(Math.exp(-x));
    const lossOf = (weight: number, p: number, margin: number, difference: number) =>
      -weight * (p * logSigmoid(difference - margin) + (1 - p) * logSigmoid(-difference - margin));
    const { weights, softLabels, margins } = columns;
    const mean = (loss: (difference: number, i: number) => number) =>
      scores.reduce((sum, [chosen, rejected], i) => sum + loss(chosen! - rejected!, i), 0) / rows.length;
    const settings = { batchSize: 12, epochs: 1 };
    const wanted = mean((difference, i) => lossOf(weights[i]!, softLabels[i]!, margins[i]!, difference));
    expect((await reward(columns, settings)).metrics.loss).toBeCloseTo(wanted, 4);
    expect((await reward(columns, { ...settings, tokens: 1 })).metrics.loss).toBeCloseTo(wanted, 4);
    const plain = mean((difference) => lossOf(1, 1, 0, difference));
    expect((await reward({}, settings)).metrics.loss).toBeCloseTo(plain, 4);
  });

  test("refuses a language model", async () => {
    const model = await tinyModel(runtime, "llama", { id: "no-head" });
    await expect(reward({ model })).rejects.toThrow("expected a model with a reward head");
  });
});
