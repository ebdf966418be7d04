/** Training in lanes: the same bits whatever the number of cores, and a run that goes on under another. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { InterruptedError } from "../../base/core/errors.ts";
import { silentLog } from "../../base/core/log.ts";
import { loraSpec } from "../../engine/model/lora.ts";
import { addAdapter, keyOf } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { rowLength } from "../data/packing.ts";
import { responseLogps } from "../objective/logps.ts";
import { sftLoss } from "../objective/sft.ts";
import { accumulate, evaluate } from "./global-batch.ts";
import type { Job } from "./job.ts";
import { type BuildLoss, compileTraining, gradientKeyOf, type TrainingPrograms } from "./programs.ts";
import { trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";

const runtimes = [1, 2, 4].map((threads) => openRuntime({ threads }));
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "lanes-"));
});
afterAll(async () => {
  await Promise.all(runtimes.map((runtime) => runtime.close()));
  await rm(scratch, { recursive: true });
});

/** 32 rows of 3 to 24 tokens: a step of all is two parts, of three micro-batches or so each. */
const rows = Array.from({ length: 32 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 2 + (i % 7)),
  responses: [randomIds(`r${i}`, 1 + ((5 * i) % 16))],
}));
const settings = trainSettings({ batchSize: 32, maxSteps: 5, epochs: 9, learningRate: 1e-2, tokens: 90 });
let folders = 0;

async function trained(
  runtime: Runtime,
  lora: boolean,
  folder = join(scratch, `${folders++}`),
  stopAfter = 0,
) {
  const base = await tinyModel(runtime, "llama");
  const spec = loraSpec({ r: 2, alpha: 4, dropout: 0.2, targetModules: ["q_proj", "v_proj"] });
  const model = lora ? await addAdapter(runtime, base, spec, 7) : base;
  const stop = new AbortController();
  let steps = 0;
  const progress = () => ({
    update: () => void (++steps === stopAfter && stop.abort()),
    end: () => {},
  });
  const deps = { runtime, log: { ...silentLog, progress }, signal: stop.signal };
  const { history } = await trainSft(deps, { model, rows, settings, folder });
  const weights = [...model.parameters.keys()].map((name) => runtime.store.get(keyOf(model, name)));
  return { history, weights: await Promise.all(weights) };
}

test.each([
  ["all weights", false],
  ["an adapter with dropout", true],
])("%s: one core, two and four train to the same bits", async (_name, lora) => {
  const [one, two, four] = await Promise.all(runtimes.map((runtime) => trained(runtime, lora)));
  expect(one!.history.at(-1)!["loss"]).toBeLessThan(one!.history[0]!["loss"]!);
  expect(two).toEqual(one);
  expect(four).toEqual(one);
});

test.each([
  [0, 1],
  [1, 0],
])("a run that was cut off goes on under another number of cores (%i then %i)", async (first, second) => {
  const whole = await trained(runtimes[0]!, false);
  const folder = join(scratch, `cut-${first}`);
  await expect(trained(runtimes[first]!, false, folder, 2)).rejects.toThrow(InterruptedError);
  expect(await trained(runtimes[second]!, false, folder)).toEqual(whole);
});

const build: BuildLoss = (run, { decoder }, { normaliser, chunks }) => ({
  loss: sftLoss(responseLogps(decoder, run, { chunks }).perToken, normaliser),
  values: {},
});

/** The programs of a model in a runtime, and the parts and rows that they are asked for. */
async function watched(runtime: Runtime, batch = rows) {
  const model = await tinyModel(runtime, "llama", { scale: 0.1 });
  const job: Job = {
    ...{ stage: "sft", identity: "", folder: "", model, settings, build },
    data: { rows: batch, normaliser: (some) => some.length },
    metrics: (batches) => ({ loss: batches.reduce((total, { loss }) => total + loss, 0) }),
  };
  const programs = await compileTraining(runtime, model, build, settings);
  const asked: { part: number; tokens: number }[] = [];
  const watching: TrainingPrograms = {
    ...programs,
    accumulate: (micro, of) => {
      asked.push({ part: of.part, tokens: micro.packed.tokens });
      return programs.accumulate(micro, of);
    },
  };
  const gradient = async (parts: number) => {
    const { metrics } = await accumulate({ ...watching, parts }, job, [...batch.keys()], 1);
    const lists = [...model.parameters.keys()].map((name) => runtime.store.get(gradientKeyOf(model, name)));
    const values = (await Promise.all(lists)).flatMap((list) => Array.from(list));
    await runtime.store.zeros(
      Object.fromEntries([...model.parameters].map(([name, shape]) => [gradientKeyOf(model, name), shape])),
    );
    return { metrics, values };
  };
  return { job, programs, asked, gradient };
}

test("two parts share a step's rows evenly, and their gradients add up to those of one, step after step", async () => {
  const { programs, asked, gradient } = await watched(runtimes[1]!);
  expect([programs.parts, programs.lanes]).toEqual([2, 2]);
  const parted = await gradient(2);
  const total = rows.reduce((sum, row) => sum + rowLength(row), 0);
  const tokensOf = (part: number) =>
    asked.filter((one) => one.part === part).reduce((sum, { tokens }) => sum + tokens, 0);
  expect(tokensOf(0) + tokensOf(1)).toBe(total);
  expect(Math.abs(tokensOf(0) - tokensOf(1))).toBeLessThan(0.05 * total);
  const whole = await gradient(1);
  const norm = (values: readonly number[]) => Math.hypot(...values);
  expect(norm(whole.values)).toBeGreaterThan(0.1);
  expect(norm(parted.values.map((x, i) => x - whole.values[i]!)) / norm(whole.values)).toBeLessThan(1e-6);
  expect(parted.metrics.loss).toBeCloseTo(whole.metrics.loss, 5);
  // The first step was computed in one lane, the second is in two; the second part's sums start at 0 again in both.
  for (let step = 0; step < 2; step++) expect(await gradient(2)).toEqual(parted);
  const second = runtimes[1]!.lanes(2)[1]!.store;
  const name = gradientKeyOf({ id: "llama" }, "model.norm.weight", 1);
  await expect(second.get(name)).resolves.toEqual(new Float32Array(24));
  await expect(runtimes[1]!.store.get(name)).rejects.toThrow("nothing is stored");
  await programs.release();
  await expect(second.get(name)).rejects.toThrow("nothing is stored");
});

test("a step of few tokens is one part", async () => {
  const { asked, gradient } = await watched(runtimes[1]!, rows.slice(0, 8));
  await gradient(2);
  expect(new Set(asked.map(({ part }) => part))).toEqual(new Set([0]));
});

test("evaluation over lanes is the same bits", async () => {
  const found = await Promise.all(
    runtimes.map(async (runtime) => {
      const { job, programs } = await watched(runtime);
      return evaluate(programs, job, job.data);
    }),
  );
  expect(found[1]).toEqual(found[0]);
  expect(found[2]).toEqual(found[0]);
});
