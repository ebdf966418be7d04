import { afterAll, beforeAll, expect, test } from "vitest";
import { randomIds, tinyModel } from "../../../test/helpers/tiny-decoders.ts";
import { neg } from "../../engine/graph/ops/elementwise.ts";
import { keyOf, type Model } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { packRows, type TokenRow } from "../data/packing.ts";
import { responseLogps } from "../objective/logps.ts";
import { sftLoss } from "../objective/sft.ts";
import { type BuildLoss, compileTraining, gradientKeyOf } from "./programs.ts";

let runtime: Runtime;
beforeAll(() => {
  runtime = openRuntime({ threads: 1 });
});
afterAll(() => runtime.close());

const build: BuildLoss = (run, { decoder }, { normaliser, chunks }) => {
  const logps = responseLogps(decoder, run, { chunks });
  return { loss: sftLoss(logps.perToken, normaliser), values: { nll: neg(logps.summed) } };
};

const rows: TokenRow[] = Array.from({ length: 8 }, (_, i) => ({
  prompt: randomIds(`p${i}`, 3),
  responses: [randomIds(`r${i}`, 2 + i)],
}));
const tokens = rows.reduce((sum, { responses }) => sum + responses[0]!.length, 0);

const WHOLE = { part: 0, parts: 1, seed: 0 };

/** Gradients of the rows in batches of `size`, all in one list, and the loss. */
async function gradientsOf(model: Model, size: number, gradientCheckpointing = false) {
  const programs = await compileTraining(runtime, model, build, { gradientCheckpointing });
  let loss = 0;
  for (let at = 0; at < rows.length; at += size) {
    const packed = packRows(rows.slice(at, at + size));
    loss += (await programs.accumulate({ packed, extras: {}, normaliser: tokens }, WHOLE)).loss;
  }
  const evaluated = await programs.evaluate({ packed: packRows(rows), extras: {}, normaliser: tokens });
  const lists: Float32Array[] = [];
  for (const name of model.parameters.keys()) lists.push(await runtime.store.get(gradientKeyOf(model, name)));
  await programs.release();
  return { loss, evaluated, gradient: lists.flatMap((list) => Array.from(list)) };
}

const norm = (values: readonly number[]) => Math.hypot(...values);
const relativeError = (found: readonly number[], wanted: readonly number[]) =>
  norm(found.map((x, i) => x - wanted[i]!)) / norm(wanted);

test.each(["llama", "gpt2", "opt", "llama 3, tied", "gemma2"])(
  "%s: gradients of 8 micro-batches of 1 add up to those of 1 of 8, to 1e-6",
  async (family) => {
    const model = await tinyModel(runtime, family, { scale: 0.1 });
    const whole = await gradientsOf(model, 8);
    const parts = await gradientsOf(model, 1);
    const odd = await gradientsOf(model, 3);
    expect(norm(whole.gradient)).toBeGreaterThan(0.1);
    expect(relativeError(parts.gradient, whole.gradient)).toBeLessThan(1e-6);
    expect(relativeError(odd.gradient, whole.gradient)).toBeLessThan(1e-6);
    expect(parts.loss).toBeCloseTo(whole.loss, 5);
    expect(whole.evaluated.loss).toBeCloseTo(whole.loss, 5);
    expect(whole.evaluated.values.nll).toHaveLength(8);
  },
);

test.each(["llama", "gemma2"])(
  "%s: gradient checkpointing gives the same gradients to 1e-6",
  async (family) => {
    const model = await tinyModel(runtime, family, { scale: 0.1 });
    const plain = await gradientsOf(model, 4);
    const checkpointed = await gradientsOf(model, 4, true);
    expect(relativeError(checkpointed.gradient, plain.gradient)).toBeLessThan(1e-6);
  },
);

test("releases the gradients and leaves the weights", async () => {
  const model = await tinyModel(runtime, "llama");
  await gradientsOf(model, 8);
  const name = "model.norm.weight";
  await expect(runtime.store.get(gradientKeyOf(model, name))).rejects.toThrow("nothing is stored");
  await expect(runtime.store.get(keyOf(model, name))).resolves.toHaveLength(24);
});
