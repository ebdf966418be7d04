import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { ConfigError, DataError, NumericsError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { loraSpec } from "../../engine/model/lora.ts";
import { addAdapter, keyOf, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import { LOSS_TYPES, type LossSpecInput, parseLossSpec, resolveFlip } from "../objective/loss-spec.ts";
import { openScorer } from "../objective/score.ts";
import { type PreferenceInput, trainPreference } from "./prefer.ts";
import { mismatchedRows, type PreferencePairs } from "./preference-data.ts";
import { type TrainSettingsInput, trainSettings } from "./settings.ts";

let runtime: Runtime;
let scratch: string;
let runs = 0;

beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), "prefer-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(scratch, { recursive: true });
});

const rows: TokenRow[] = Array.from({ length: 12 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 2 + (i % 4)),
  responses: [randomIds(`c${i}`, 1 + (i % 5)), randomIds(`r${i}`, 1 + (i % 7))],
}));

const lossOf = (spec: LossSpecInput) => resolveFlip(parseLossSpec(spec));

/** All columns any loss reads, under the model itself as reference. */
async function columnsOf(model: Model): Promise<PreferencePairs> {
  const scorer = await openScorer(runtime, model, { perToken: true });
  const shifted = mismatchedRows(rows, 1);
  const plain = await openScorer(runtime, model);
  return {
    rows,
    reference: await scorer.score(rows),
    weights: rows.map((_, i) => 0.5 + (i % 3)),
    softLabels: rows.map((_, i) => 0.6 + 0.03 * i),
    teacherLogratios: rows.map(({ responses }) => responses.map((ids) => ids.map((id) => 0.01 * (id % 7)))),
    mismatched: { rows: shifted, reference: (await plain.score(shifted)).map(({ logps }) => logps[0]!) },
  };
}

type Options = {
  loss?: LossSpecInput;
  settings?: TrainSettingsInput;
  log?: Log;
  change?: Partial<PreferenceInput>;
};

async function run({
  loss = { type: "sigmoid" },
  settings = {},
  log = silentLog,
  change = {},
}: Options = {}) {
  const model = await tinyModel(runtime, "llama", { id: `policy-${runs}` });
  const result = await trainPreference(
    { runtime, log },
    {
      ...(await columnsOf(model)),
      model,
      loss: lossOf(loss),
      settings: trainSettings({ batchSize: 6, epochs: 3, learningRate: 3e-3, ...settings }),
      folder: join(scratch, `run-${runs++}`),
      ...change,
    },
  );
  return { result, model };
}

describe("preference training", () => {
  test("starts at log 2 and rewards of 0, and learns the pairs", async () => {
    const { result } = await run({ settings: { epochs: 8 } });
    const first = result.history[0]!;
    expect(first.loss).toBeCloseTo(Math.log(2), 4); // -log σ(0)
    expect(first["rewards/chosen"]).toBeCloseTo(0, 4);
    expect(first["rewards/accuracies"]).toBeGreaterThanOrEqual(0);
    expect(result.metrics["rewards/accuracies"]).toBe(1);
    expect(result.metrics["rewards/margins"]).toBeGreaterThan(0.5);
    expect(result.metrics["rewards/margins"]).toBeCloseTo(
      result.metrics["rewards/chosen"]! - result.metrics["rewards/rejected"]!,
      5,
    );
    expect(Object.keys(first)).toEqual(
      expect.arrayContaining(["logps/chosen", "logps/rejected", "grad_norm", "num_tokens", "learning_rate"]),
    );
  });

  test("the first step's logps are the reference's means, chosen and rejected each", async () => {
    const model = await tinyModel(runtime, "llama", { id: "first-logps" });
    const { reference } = await columnsOf(model);
    const { result } = await run({ settings: { batchSize: 12, epochs: 1, tokens: 30 } });
    const mean = (side: 0 | 1) => reference!.reduce((sum, { logps }) => sum + logps[side]!, 0) / rows.length;
    const { history } = result;
    expect(history[0]!["logps/chosen"]).toBeCloseTo(mean(0), 3);
    expect(history[0]!["logps/rejected"]).toBeCloseTo(mean(1), 3);
    const tokens = rows.reduce((sum, { responses }) => sum + responses[0]!.length, 0);
    expect(history[0]!["logps/chosen_per_token"]).toBeCloseTo((mean(0) * rows.length) / tokens, 3);
  });

  test("the trainer's rewards are the scorer's, on the same rows, to 1e-5", async () => {
    const model = await tinyModel(runtime, "llama", { id: "same-scores" });
    const columns = await columnsOf(model);
    const result = await trainPreference(
      { runtime, log: silentLog },
      {
        ...columns,
        validation: columns,
        model,
        loss: lossOf({ type: "sigmoid", beta: 0.3 }),
        settings: trainSettings({ batchSize: 6, learningRate: 3e-3 }),
        folder: join(scratch, "same-scores"),
      },
    );
    const after = await (await openScorer(runtime, model)).score(rows);
    const rewards = after.map(({ logps }, i) => 0.3 * (logps[0]! - columns.reference![i]!.logps[0]!));
    const mean = rewards.reduce((a, b) => a + b, 0) / rows.length;
    expect(result.metrics["eval_rewards/chosen"]).toBeCloseTo(mean, 5);
  });

  test.each(LOSS_TYPES)("%s: trains, and micro-batches of one pair add up to the batch", async (type) => {
    const whole = await run({ loss: { type }, settings: { epochs: 2 } });
    const parts = await run({ loss: { type }, settings: { epochs: 2, tokens: 1 } });
    for (const [i, line] of whole.result.history.entries()) {
      expect(parts.result.history[i]!.loss).toBeCloseTo(line.loss!, 4);
      expect(parts.result.history[i]!.grad_norm! / line.grad_norm!).toBeCloseTo(1, 3);
    }
    expect(whole.result.history.at(-1)!.grad_norm).toBeGreaterThan(0);
  });

  test("weights normalised over the global batch do not cancel in micro-batches of one pair", async () => {
    const loss: LossSpecInput = { type: "sigmoid", weighted: true, normalise: "weights" };
    const whole = await run({ loss });
    const parts = await run({ loss, settings: { tokens: 1 } });
    const plain = await run();
    expect(parts.result.history.at(-1)!.loss).toBeCloseTo(whole.result.history.at(-1)!.loss!, 5);
    expect(plain.result.history.at(-1)!.loss).not.toBeCloseTo(whole.result.history.at(-1)!.loss!, 4);
  });

  test("KTO reads the KL estimate of the mismatched rows under the weights of the moment", async () => {
    const model = await tinyModel(runtime, "llama", { id: "kto" });
    const columns = await columnsOf(model);
    const { rows: shifted, reference } = columns.mismatched!;
    const result = await trainPreference(
      { runtime, log: silentLog },
      {
        ...columns,
        // One nat lower: the policy starts at a KL of 1.
        mismatched: { rows: shifted, reference: reference.map((logp) => logp - 1) },
        model,
        loss: lossOf({ type: "kto", beta: 0.1, lambdaDesirable: 2 }),
        settings: trainSettings({ batchSize: 12, tokens: 20 }),
        folder: join(scratch, "kto"),
      },
    );
    // r = 0 at the start: 2 (1 - σ(0.1 (0 - 1))) + (1 - σ(0.1 (1 - 0))) = 2 · 0.524979 + 0.475021
    expect(result.history[0]!.loss).toBeCloseTo(1.524979, 4);
  });

  test("WSPO puts every token's teacher ratio beside that token", async () => {
    const { result } = await run({
      loss: { type: "wspo" },
      settings: { batchSize: 12, epochs: 1, tokens: 30 },
    });
    // The student starts at its reference, so a token's loss is the square of the teacher's ratio, 0.01 (id mod 7).
    const perRow = rows.map(({ responses: [chosen] }) => {
      const squares = chosen!.map((id) => (0.01 * (id % 7)) ** 2);
      return squares.reduce((a, b) => a + b, 0) / squares.length;
    });
    expect(result.history[0]!.loss! / (perRow.reduce((a, b) => a + b, 0) / 12)).toBeCloseTo(1, 3);
  });

  test("a pair of weight 0 leaves no trace in the weights", async () => {
    const zero = rows.map((_, i) => (i === 3 ? 0 : 1));
    const other = rows.map((row, i) => (i === 3 ? { ...row, responses: [[1, 2, 3], [4]] } : row));
    const loss = lossOf({ type: "sigmoid", weighted: true });
    const settings = { batchSize: 12, epochs: 2 };
    const first = await run({ settings, change: { loss, weights: zero } });
    const second = await run({
      settings,
      change: { loss, weights: zero, rows: other, referenceDiffers: true },
    });
    const [a, b] = await Promise.all(
      [first, second].map(({ model }) =>
        runtime.store.get(keyOf(model, "model.layers.0.mlp.up_proj.weight")),
      ),
    );
    expect(Math.max(...a!.map((x, i) => Math.abs(x - b![i]!)))).toBeLessThan(1e-5);
  });

  test("refuses a reference that is not where the policy starts, unless that is meant", async () => {
    const reference = rows.map(() => ({ logps: [-3, -4] }));
    await expect(run({ change: { reference } })).rejects.toThrow(NumericsError);
    await expect(run({ change: { reference } })).rejects.toThrow(
      /prefer step 0: the reward of the chosen response of row \d+ is .*, expected 0 within \S+: the policy.*Score the rows with the model/,
    );
    await expect(run({ change: { reference, referenceDiffers: true } })).resolves.toBeDefined();
    // A loss without a reference has nothing to compare.
    await expect(run({ loss: { type: "orpo" }, change: { reference: undefined } })).resolves.toBeDefined();
  });

  test("adapter dropout acts in training alone and is the same twice", async () => {
    const train = async (rate: number, id: string) => {
      const base = await tinyModel(runtime, "llama", { id });
      const columns = await columnsOf(base);
      const spec = loraSpec({ r: 4, alpha: 8, dropout: rate, targetModules: ["q_proj", "v_proj"] });
      const model = await addAdapter(runtime, base, spec, 1);
      const settings = trainSettings({ batchSize: 6, epochs: 4, learningRate: 2e-2 });
      const stage = {
        ...columns,
        model,
        loss: lossOf({ type: "sigmoid" }),
        settings,
        folder: join(scratch, id),
      };
      // Step 0 is checked without dropout: the adapted model equals its base.
      return (await trainPreference({ runtime, log: silentLog }, stage)).history.map((line) => line.loss);
    };
    const dropped = await train(0.5, "dropped");
    expect(await train(0.5, "dropped-again")).toEqual(dropped);
    expect(await train(0, "kept")).not.toEqual(dropped);
  });

  test("warns once when chosen responses lose more than a nat per token", async () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    await run({ log, settings: { learningRate: 0.3, epochs: 8, maxGradNorm: null } });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/prefer step \d+: chosen responses lost \d+\.\d\d nats per token/);
  });

  test("names every column a loss needs and does not get, and every row that does not fit", async () => {
    const bad = (loss: LossSpecInput, change: Partial<PreferenceInput>) => run({ loss, change });
    await expect(bad({ type: "sigmoid" }, { reference: undefined })).rejects.toThrow(
      'prefer: loss "sigmoid" needs reference for every pair, got none.',
    );
    await expect(
      bad({ type: "soft", weighted: true }, { softLabels: undefined, weights: undefined }),
    ).rejects.toThrow(ConfigError);
    await expect(bad({ type: "wspo" }, { teacherLogratios: rows.map(() => [[0], [0]]) })).rejects.toThrow(
      /prefer:\d+: teacherLogratios: expected one number per response token/,
    );
    await expect(bad({ type: "kto" }, { mismatched: undefined })).rejects.toThrow("needs mismatched");
    const weights = rows.map((_, i) => (i === 4 ? Number.NaN : 1));
    await expect(bad({ type: "sigmoid" }, { weights })).rejects.toThrow(
      "prefer:5: weights: expected a finite number from 0 on, got NaN.",
    );
    await expect(bad({ type: "sigmoid" }, { weights: [1] })).rejects.toThrow(DataError);
    const single = { prompt: [1], responses: [[2]] };
    await expect(bad({ type: "sigmoid" }, { rows: [single, ...rows.slice(1)] })).rejects.toThrow(
      "expected two responses in a row",
    );
  });
});

test("mismatched rows keep every prompt and never its own response", () => {
  const shifted = mismatchedRows(rows, 3);
  expect(shifted.map(({ prompt }) => prompt)).toEqual(rows.map(({ prompt }) => prompt));
  for (const [i, { responses }] of shifted.entries()) expect(responses[0]).not.toBe(rows[i]!.responses[0]);
  expect(new Set(shifted.map(({ responses }) => responses[0])).size).toBe(rows.length);
  expect(() => mismatchedRows(rows.slice(0, 1), 3)).toThrow(DataError);
});
