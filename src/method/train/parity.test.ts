import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readJson } from "../../base/core/files.ts";
import { silentLog } from "../../base/core/log.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { keyOf, type Model, releaseModel } from "../../engine/model/model.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import type { TrainResult } from "./job.ts";
import { trainPreference } from "./prefer.ts";
import { trainSettings } from "./settings.ts";
import { trainSft } from "./sft.ts";

const FIXTURES = fileURLToPath(new URL("../../../../shared/fixtures/parity", import.meta.url));

type Curve = {
  loss_before_each_step_then_final: number[];
  grad_norm_before_clip: number[];
  param_abs_sum_after: number;
};
type Pair = Record<"prompt_ids" | "chosen_ids" | "rejected_ids", number[]> &
  Record<"ref_chosen_logp" | "ref_rejected_logp", number>;
type Expected = {
  batch: { sequences: { input_ids: number[] }[] };
  sft: { prompt_lens: number[] };
  dpo: { beta: number; pairs: Pair[] };
  train_adamw: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    clip: number;
    steps: number;
  } & Record<"sft" | "dpo", Curve>;
};

describe.skipIf(!existsSync(FIXTURES))("five AdamW steps agree with Hugging Face and PyTorch", () => {
  let runtime: Runtime;
  let scratch: string;
  beforeAll(async () => {
    runtime = openRuntime({ threads: 1 });
    scratch = await mkdtemp(join(tmpdir(), "train-parity-"));
  });
  afterAll(async () => {
    await runtime?.close();
    await rm(scratch, { recursive: true });
  });

  const deps = () => ({ runtime, log: silentLog });

  /** The fixtures' recipe: full batches, constant rate, every parameter decayed. */
  const settingsOf = ({ lr, betas, eps, weight_decay: weightDecay, clip, steps }: Expected["train_adamw"]) =>
    trainSettings({
      batchSize: 64,
      maxSteps: steps,
      schedule: "constant",
      learningRate: lr,
      betas,
      epsilon: eps,
      weightDecay,
      decayAll: true,
      maxGradNorm: clip,
    });

  async function expectCurve(model: Model, result: TrainResult, curve: Curve, final: number) {
    const found = [...result.history.flatMap((line) => ("loss" in line ? [line.loss!] : [])), final];
    expect(found).toHaveLength(6);
    // Limits of the fixtures' own README: losses 2e-4 + 5e-4 relative.
    for (const [i, wanted] of curve.loss_before_each_step_then_final.entries())
      expect(Math.abs(found[i]! - wanted)).toBeLessThan(2e-4 + 5e-4 * wanted);
    for (const [i, wanted] of curve.grad_norm_before_clip.entries())
      expect(Math.abs(result.history[i]!.grad_norm! - wanted)).toBeLessThan(2e-3 * wanted);
    expect(Math.abs((await absoluteSum(model)) / curve.param_abs_sum_after - 1)).toBeLessThan(1e-5);
  }

  async function absoluteSum(model: Model): Promise<number> {
    let total = 0;
    for (const name of model.parameters.keys())
      for (const value of await runtime.store.get(keyOf(model, name))) total += Math.abs(value);
    return total;
  }

  test.each(["llama", "gpt2", "opt-prenorm"])("%s, SFT", async (name) => {
    const folder = join(FIXTURES, name);
    const expected = (await readJson(join(folder, "expected.json"))) as Expected;
    const model = await loadModel(runtime, folder);
    const rows = expected.batch.sequences.map(({ input_ids: ids }, i) => {
      const cut = expected.sft.prompt_lens[i]!;
      return { prompt: ids.slice(0, cut), responses: [ids.slice(cut)] };
    });
    const settings = settingsOf(expected.train_adamw);
    const result = await trainSft(deps(), {
      model,
      rows,
      validation: rows,
      settings,
      folder: join(scratch, `${name}-sft`),
    });
    await expectCurve(model, result, expected.train_adamw.sft, result.metrics.eval_loss!);
    await releaseModel(runtime, model);
  });

  test.each(["llama", "gpt2", "opt-prenorm"])("%s, DPO", async (name) => {
    const folder = join(FIXTURES, name);
    const expected = (await readJson(join(folder, "expected.json"))) as Expected;
    const model = await loadModel(runtime, folder);
    const pairs = {
      rows: expected.dpo.pairs.map((pair) => ({
        prompt: pair.prompt_ids,
        responses: [pair.chosen_ids, pair.rejected_ids],
      })),
      reference: expected.dpo.pairs.map((pair) => ({
        logps: [pair.ref_chosen_logp, pair.ref_rejected_logp],
      })),
    };
    const result = await trainPreference(deps(), {
      ...pairs,
      validation: pairs,
      model,
      loss: {
        type: "sigmoid",
        beta: expected.dpo.beta,
        sftCoefficient: 0,
        weighted: false,
        normalise: "pairs",
      },
      // The fixture's reference is another model.
      referenceDiffers: true,
      settings: settingsOf(expected.train_adamw),
      folder: join(scratch, `${name}-dpo`),
    });
    await expectCurve(model, result, expected.train_adamw.dpo, result.metrics.eval_loss!);
    await releaseModel(runtime, model);
  });
});
