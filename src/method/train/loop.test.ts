/** The training loop: what it computes, and that cut off anywhere it goes on to the same bits. Length: all of it runs on one tiny model. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { ConfigError, InterruptedError, NumericsError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { createRng } from "../../base/core/rng.ts";
import { openSafetensors } from "../../engine/checkpoint/safetensors.ts";
import { loraSpec } from "../../engine/model/lora.ts";
import { addAdapter, keyOf, type Model, trainableParameters } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TokenRow } from "../data/packing.ts";
import type { TrainResult } from "./job.ts";
import { checkpointsOf } from "./run-folder.ts";
import { type TrainSettingsInput, trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";
import { decodeEvents } from "./tfevents.ts";

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

/** Taken from this implementation; five AdamW steps against PyTorch are in parity.test.ts. Any change of these is a change of training. */
const PINNED = [
  5.54489, 5.60994, 5.62078, 4.56721, 4.35484, 4.51323, 3.60332, 3.38456, 3.36787, 2.89679, 2.85956, 2.67353,
  2.53479, 2.16418, 2.22582, 1.95846, 2.0155, 2.10252, 2.02627, 2.03368,
];

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

const losses = ({ history }: TrainResult) => history.flatMap((line) => ("loss" in line ? [line.loss!] : []));

function expectClose(found: readonly number[], wanted: readonly number[], digits = 5): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, digits);
}

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
    expect(line.epoch).toBeCloseTo(4 / 3);
    // linear from 2e-2 to 0 over 30 steps, the fourth update is at 3/30 of the way
    expect(line.learning_rate).toBeCloseTo(2e-2 * (27 / 30));
  });

  test("pinned: the losses of 20 steps", async () => {
    const { result } = await run({
      settings: { epochs: 7, maxSteps: 20, schedule: "cosine", warmupSteps: 4, weightDecay: 0.1 },
    });
    expectClose(losses(result), PINNED, 3);
  });

  test("8 rows at once and 8 times 1 row train alike; programs.test.ts compares gradients to 1e-6", async () => {
    const whole = await run({ settings: { tokens: 4096 } });
    const single = await run({ settings: { tokens: 1 } });
    expectClose(losses(single.result), losses(whole.result));
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

  test("a LoRA run moves the adapters alone and keeps state for them alone", async () => {
    const base = await tinyModel(runtime, "llama", { id: "lora" });
    const spec = loraSpec({ r: 2, alpha: 4, dropout: 0, targetModules: ["q_proj", "v_proj"] });
    const model = await addAdapter(runtime, base, spec, 1);
    const before = await weights(model);
    const { result, folder } = await run({ model, settings: { batchSize: 24, epochs: 6 } });
    const after = await weights(model);
    const moved = [...after]
      .filter(([name, values]) => values.some((x, i) => x !== before.get(name)![i]))
      .map(([name]) => name);
    expect(moved.sort()).toEqual(trainableParameters(model).sort());
    expect(moved).toHaveLength(8); // A and B of 2 projections in 2 layers
    expect(losses(result).at(-1)!).toBeLessThan(losses(result)[0]!);
    const saved = await openSafetensors(join((await checkpointsOf(folder)).at(-1)!, "optimizer.safetensors"));
    expect(saved.names).toHaveLength(16); // two moments each
    await saved.close();
  });

  test("gradient checkpointing gives the same losses", async () => {
    const plain = await run();
    const checkpointed = await run({ settings: { gradientCheckpointing: true } });
    expectClose(losses(checkpointed.result), losses(plain.result));
  });

  test("refuses nothing to train on, and rows of two responses", async () => {
    const model = await tinyModel(runtime, "llama");
    const input = { model, settings: trainSettings({}), folder: newFolder() };
    const deps = { runtime, log: silentLog };
    await expect(trainSft(deps, { ...input, rows: [] })).rejects.toThrow(ConfigError);
    const pair = { prompt: [1], responses: [[2], [3]] };
    await expect(trainSft(deps, { ...input, rows: [pair] })).rejects.toThrow(
      "sft:1: expected one response in a row, got 2.",
    );
  });

  test("a loss that is not finite ends the run, names the step and the last checkpoint, and updates nothing", async () => {
    const model = await tinyModel(runtime, "llama");
    const folder = newFolder();
    const name = "model.norm.weight";
    // The weights turn bad behind the loop's back while it logs step 3.
    const log: Log = {
      ...silentLog,
      progress: () => ({
        update: (step) => {
          if (step === 3)
            void runtime.store.set(keyOf(model, name), [24], new Float32Array(24).fill(Number.NaN));
        },
        end() {},
      }),
    };
    const failed = run({ model, folder, log, settings: { saveSteps: 2 } });
    await expect(failed).rejects.toThrow(NumericsError);
    await expect(failed).rejects.toThrow(
      /^sft step 4: the loss is NaN; nothing was updated\. The last checkpoint is .*checkpoint-2;/,
    );
  });
});

describe("a run that stopped", () => {
  const settings = { epochs: 3, saveSteps: 2 };

  let once: ReturnType<typeof runWhole> | undefined;
  const uninterrupted = () => {
    once ??= runWhole();
    return once;
  };
  async function runWhole() {
    const { result, model, folder } = await run({ settings });
    return {
      result,
      weights: await weights(model),
      metrics: await readFile(join(folder, "metrics.jsonl"), "utf8"),
    };
  }

  test("by a signal: saves the step in hand, and goes on to the same bits", async () => {
    const whole = await uninterrupted();
    const controller = new AbortController();
    const log: Log = {
      ...silentLog,
      progress: () => ({ update: (step) => step === 5 && controller.abort(), end() {} }),
    };
    const folder = newFolder();
    const stopped = run({ settings, folder, log, signal: controller.signal });
    await expect(stopped).rejects.toThrow(InterruptedError);
    expect((await checkpointsOf(folder)).at(-1)).toBe(join(folder, "checkpoint-5"));
    const resumed = await run({ settings, folder });
    expect(await weights(resumed.model)).toEqual(whole.weights);
    expect(resumed.result).toEqual(whole.result);
    expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toBe(whole.metrics);
  });

  test("by an error after step 5: goes on from step 4, and what was logged after it is cut", async () => {
    const whole = await uninterrupted();
    const folder = newFolder();
    const log: Log = {
      ...silentLog,
      progress: () => ({
        update: (step) => {
          if (step === 5) throw new Error("power cut");
        },
        end() {},
      }),
    };
    await expect(run({ settings, folder, log })).rejects.toThrow("power cut");
    expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toContain('"global_step":5');
    const resumed = await run({ settings, folder });
    expect(await weights(resumed.model)).toEqual(whole.weights);
    expect(await readFile(join(folder, "metrics.jsonl"), "utf8")).toBe(whole.metrics);
    const steps = decodeEvents(await readFile(join(folder, "events.out.tfevents.0.weak-teacher"))).map(
      ({ step }) => step,
    );
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("finished: gives the same result again without a step", async () => {
    const folder = newFolder();
    const first = await run({ settings, folder });
    const kept = await weights(first.model);
    const again = await run({ settings, folder });
    expect(again.result).toEqual(first.result);
    expect(await weights(again.model)).toEqual(kept);
  });

  test("keeps as many checkpoints as asked for, the newest", async () => {
    const { folder } = await run({ settings: { ...settings, saveTotalLimit: 3 } });
    expect(await checkpointsOf(folder)).toEqual([6, 8, 9].map((step) => join(folder, `checkpoint-${step}`)));
  });

  test("is not continued under other settings, rows or weights, unless a fresh start is asked for", async () => {
    const { folder } = await run({ settings });
    await expect(run({ settings: { ...settings, learningRate: 3e-2 }, folder })).rejects.toThrow(
      /checkpoint-9: was made with other settings, rows or starting weights, expected run \w{12}, got \w{12}\. Undo the change to go on, or start over with --fresh\./,
    );
    const other = await tinyModel(runtime, "llama", { seed: 2 });
    await expect(run({ settings, folder, model: other })).rejects.toThrow("starting weights");
    const model = await tinyModel(runtime, "llama");
    const all = trainSettings({ batchSize: 8, learningRate: 1e-2, ...settings });
    const deps = { runtime, log: silentLog };
    await expect(trainSft(deps, { model, rows: someRows(24, 9), settings: all, folder })).rejects.toThrow(
      "rows",
    );
    const fresh = await trainSft(deps, { model, rows: someRows(24, 9), settings: all, folder, fresh: true });
    expect(fresh.steps).toBe(9);
    // When to save and look is no part of what a run is.
    await expect(
      run({ settings: { ...settings, saveSteps: 1 }, folder: newFolder() }),
    ).resolves.toBeDefined();
  });

  /** The same run cut off after step 5, with checkpoints of steps 2 and 4. */
  async function cutOff(): Promise<string> {
    const folder = newFolder();
    const stop = (step: number) => {
      if (step === 5) throw new Error("power cut");
    };
    const log: Log = { ...silentLog, progress: () => ({ update: stop, end() {} }) };
    await expect(run({ settings, folder, log })).rejects.toThrow("power cut");
    return folder;
  }

  /** Turns the lowest bit of the byte in the middle of a file: a weight stays finite, JSON mostly JSON. */
  async function flip(path: string): Promise<void> {
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(path, bytes);
  }

  const FILES = ["checksums.json", "optimizer.safetensors", "parameters.safetensors", "trainer_state.json"];

  test.each(FILES)("one bit of %s turned: goes on from the checkpoint before, and says so", async (file) => {
    const whole = await uninterrupted();
    const folder = await cutOff();
    expect((await readdir(join(folder, "checkpoint-4"))).sort()).toEqual(FILES);
    await flip(join(folder, "checkpoint-4", file));
    const said: string[] = [];
    const resumed = await run({ settings, folder, log: { ...silentLog, warn: (text) => said.push(text) } });
    expect(said).toEqual([
      expect.stringMatching(
        /checkpoint-4: is damaged and removed: .*; the one before is tried, checkpoint-2\.$/,
      ),
    ]);
    expect(await weights(resumed.model)).toEqual(whole.weights);
    expect(resumed.result).toEqual(whole.result);
  });

  test("where every checkpoint is damaged training begins anew, and says so", async () => {
    const whole = await uninterrupted();
    const folder = await cutOff();
    await flip(join(folder, "checkpoint-4", "parameters.safetensors"));
    await writeFile(join(folder, "checkpoint-2", "trainer_state.json"), '{"global_step": -1}');
    const said: string[] = [];
    const resumed = await run({ settings, folder, log: { ...silentLog, warn: (text) => said.push(text) } });
    expect(said[0]).toMatch(
      /parameters.safetensors has changed, expected sha256 \w{12}, got \w{12}; the one/,
    );
    expect(said[1]).toMatch(
      /trainer_state.json has changed, expected \d+ bytes, got 19; training begins anew/,
    );
    expect(await weights(resumed.model)).toEqual(whole.weights);
  });
});
