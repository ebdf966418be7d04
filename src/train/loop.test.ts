import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../test/helpers/tiny-decoders.ts";
import { ConfigError, InterruptedError, NumericsError } from "../core/errors.ts";
import { type Log, silentLog } from "../core/log.ts";
import { createRng } from "../core/rng.ts";
import type { TokenRow } from "../data/packing.ts";
import { loraSpec } from "../model/lora.ts";
import { addAdapter, keyOf, type Model, trainableParameters } from "../model/model.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import type { TrainResult } from "./job.ts";
import { checkpointsOf } from "./run-folder.ts";
import { type TrainSettingsInput, trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";

let runtime: Runtime;
let scratch: string;
let runs = 0;

beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), "train-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(scratch, { recursive: true });
});

const newFolder = () => join(scratch, `run-${runs++}`);

/** Rows of one response, of many lengths. */
function someRows(count: number, seed = 1): TokenRow[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, (_, i) => ({
    prompt: randomIds(`p${seed}.${i}`, 2 + rng.int(6)),
    responses: [randomIds(`r${seed}.${i}`, 1 + rng.int(9))],
  }));
}

const rows = someRows(24);

type Options = {
  settings?: TrainSettingsInput;
  folder?: string;
  model?: Model;
  log?: Log;
  signal?: AbortSignal;
};

async function run({ settings = {}, folder = newFolder(), model, log = silentLog, signal }: Options = {}) {
  const trained = model ?? (await tinyModel(runtime, "llama"));
  const all = trainSettings({ batchSize: 8, learningRate: 1e-2, epochs: 2, ...settings });
  const result = await trainSft({ runtime, log, signal }, { model: trained, rows, settings: all, folder });
  return { result, model: trained, folder };
}

const losses = ({ history }: TrainResult) =>
  history.flatMap((line) => ("loss" in line ? [line["loss"]!] : []));

async function weights(model: Model): Promise<Map<string, Float32Array>> {
  const read = [...model.parameters.keys()].map(
    async (name) => [name, await runtime.store.get(keyOf(model, name))] as const,
  );
  return new Map(await Promise.all(read));
}

describe("the loop", () => {
  test("trains: the loss falls, and every step's line has Hugging Face's names", async () => {
    const { result } = await run({ settings: { epochs: 10, learningRate: 2e-2 } });
    const curve = losses(result);
    expect(result.steps).toBe(30); // 24 rows / 8 = 3 steps per epoch
    expect(curve.at(-1)!).toBeLessThan(curve[0]! - 1);
    const line = result.history[3]!;
    expect(Object.keys(line).sort()).toEqual([
      "epoch",
      "global_step",
      "grad_norm",
      "learning_rate",
      "loss",
      "num_tokens",
    ]);
    expect(line["epoch"]).toBeCloseTo(4 / 3);
    // linear from 2e-2 to 0 over 30 steps, the fourth update is at 3/30 of the way
    expect(line["learning_rate"]).toBeCloseTo(2e-2 * (27 / 30));
  });

  test("8 rows at once, 8 times 1 row and anything between give the same weights to 1e-6", async () => {
    const whole = await run({ settings: { tokens: 4096 } });
    const single = await run({ settings: { tokens: 1 } });
    losses(whole.result).forEach((loss, i) => expect(losses(single.result)[i]).toBeCloseTo(loss, 5));
    const [a, b] = [await weights(whole.model), await weights(single.model)];
    // Adam divides by the gradient's own size, so rounding of near-zero gradients shows; one step of it is lr = 1e-2.
    for (const [name, values] of a)
      expect(Math.max(...values.map((x, i) => Math.abs(x - b.get(name)![i]!)))).toBeLessThan(2e-4);
  });

  test("one seed gives the same bits twice, another seed another order", async () => {
    const first = await run();
    const kept = await weights(first.model);
    const again = await run();
    expect(again.result.history).toEqual(first.result.history);
    expect(await weights(again.model)).toEqual(kept);
    const other = await run({ settings: { seed: 7 } });
    expect(losses(other.result)).not.toEqual(losses(first.result));
  });
});
