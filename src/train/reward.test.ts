import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../test/helpers/tiny-decoders.ts";
import { silentLog } from "../core/log.ts";
import type { TokenRow } from "../data/packing.ts";
import { openScorer } from "../objective/score.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
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
    const result = await reward({ model, evaluation: { rows } });
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

  test("weights, soft labels and margins change the loss, micro-batches do not", async () => {
    const columns = {
      weights: rows.map((_, i) => i % 3),
      softLabels: rows.map(() => 0.7),
      margins: rows.map(() => 1),
    };
    const whole = await reward(columns, { epochs: 1 });
    const parts = await reward(columns, { epochs: 1, tokens: 1 });
    const plain = await reward({}, { epochs: 1 });
    expect(parts.metrics.loss).toBeCloseTo(whole.metrics.loss!, 5);
    expect(plain.metrics.loss).not.toBeCloseTo(whole.metrics.loss!, 2);
  });

  test("refuses a language model", async () => {
    const model = await tinyModel(runtime, "llama", { id: "no-head" });
    await expect(reward({ model })).rejects.toThrow("expected a model with a reward head");
  });
});
