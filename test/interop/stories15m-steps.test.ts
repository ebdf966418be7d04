/**
 * The pretrained stories15M, trained by TRL's own trainers and here on the same real text, step by step: as `trl-steps.test.ts`, which has every
 * loss on tiny models of random weights, with a model that has learned something.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentLog } from "../../src/base/core/log.ts";
import { importLlama2c } from "../../src/engine/checkpoint/llama2c.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { extractStories15M } from "../../src/engine/checkpoint/stories15m.ts";
import { releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { encodePromptResponse } from "../../src/engine/text/pair.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import type { TokenRow } from "../../src/method/data/packing.ts";
import { parseLossSpec, resolveFlip } from "../../src/method/objective/loss-spec.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import type { MetricsLine } from "../../src/method/train/metrics.ts";
import { createOrder } from "../../src/method/train/order.ts";
import { trainPreference } from "../../src/method/train/prefer.ts";
import { trainSettings } from "../../src/method/train/settings.ts";
import { trainSft } from "../../src/method/train/sft.ts";
import { python, runPythonLong } from "./python.ts";

/** 16 pairs in batches of 4, 24 updates. */
const settings = trainSettings({
  ...{ batchSize: 4, epochs: 6, learningRate: 2e-5, schedule: "linear", warmupSteps: 4 },
  ...{ weightDecay: 0.1, maxGradNorm: 1, seed: 7 },
});
const STEPS = 24;
/**
 * Both add in float32, in another order; of six layers of 288 and 32,000 logits. An update is 2e-5 in every weight, and a flipped sign moves
 * losses in the second digit.
 */
const TOLERANCE = 2e-4;

const WHO = ["Tom", "Lily", "A little cat", "The old dog"];
const PAIRS = Array.from({ length: 16 }, (_, i) => ({
  prompt: `Once upon a time ${WHO[i % 4]!.toLowerCase()} went to the ${["park", "shop", "sea", "wood"][i >> 2]}.`,
  chosen: ` ${WHO[(i + 1) % 4]} was there too, and they played ${["ball", "all day", "with a kite"][i % 3]}.`,
  rejected: ` It was ${["dark", "cold and wet"][i % 2]}, and nobody came.`,
}));

type Line = Readonly<Record<string, number>>;

describe.skipIf(python === undefined)("stories15M beside TRL (scripts/python-env.sh)", () => {
  let runtime: Runtime;
  let folder: string;
  let model: string;
  let rows: TokenRow[];
  let theirs: Record<string, Line[]>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "stories-steps-"));
    runtime = openRuntime({ threads: 1 });
    model = join(folder, "model");
    await importLlama2c({ ...(await extractStories15M()), out: model, name: "stories15M" });
    const tokenizer = await loadTokenizer(model);
    rows = PAIRS.map(({ prompt, chosen, rejected }) => {
      const [a, b] = [chosen, rejected].map((response) =>
        encodePromptResponse(tokenizer, { prompt, response }, { maxLength: 128, maxPromptLength: 64 }),
      );
      return { prompt: a!.prompt, responses: [a!.response, b!.response] };
    });
    theirs = await askTrl();
  }, 3_600_000);
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  /** The rows of all steps, one after another, in a trainer's own columns. */
  async function askTrl(): Promise<Record<string, Line[]>> {
    const order = createOrder(rows, settings);
    const taken = Array.from({ length: STEPS }, (_, step) => order.batch(step + 1)).flat();
    const args = {
      ...{ per_device_train_batch_size: settings.batchSize, gradient_accumulation_steps: 1 },
      ...{ learning_rate: settings.learningRate, lr_scheduler_type: "linear", warmup_steps: 4 },
      ...{ weight_decay: settings.weightDecay, max_grad_norm: settings.maxGradNorm, max_length: null },
    };
    const of = (i: number) => ({ prompt: rows[i]!.prompt, both: rows[i]!.responses as [number[], number[]] });
    const sft = taken.map(of).map(({ prompt, both: [chosen] }) => ({
      input_ids: [...prompt, ...chosen],
      completion_mask: [...prompt.map(() => 0), ...chosen.map(() => 1)],
    }));
    const dpo = taken.map(of).map(({ prompt, both: [chosen, rejected] }) => ({
      ...{ prompt_ids: prompt, chosen_ids: chosen, rejected_ids: rejected },
    }));
    const shared = { model, keep_padding: false };
    const jobs = [
      { ...shared, name: "SFT", trainer: "sft", args: { ...args, completion_only_loss: true }, rows: sft },
      { ...shared, name: "DPO", trainer: "dpo", args: { ...args, beta: 0.1 }, rows: dpo },
    ];
    const [asked, out, scratch] = ["jobs.json", "theirs.json", "scratch"].map((name) => join(folder, name));
    await mkdir(scratch!);
    await writeFile(asked!, JSON.stringify({ scratch, jobs }));
    await runPythonLong("trl_steps.py", [asked!, out!]);
    const { runs, failed } = JSON.parse(await readFile(out!, "utf8")) as {
      runs: Record<string, Line[]>;
      failed: object;
    };
    expect(failed).toEqual({});
    return runs;
  }

  async function ours(name: string): Promise<readonly MetricsLine[]> {
    const loaded = await loadModel(runtime, model, { id: name });
    const stage = { model: loaded, settings, folder: join(folder, "ours", name) };
    const deps = { runtime, log: silentLog };
    try {
      if (name === "SFT") {
        const chosen = rows.map(({ prompt, responses }) => ({ prompt, responses: [responses[0]!] }));
        return (await trainSft(deps, { ...stage, rows: chosen })).history;
      }
      const reference = await (await openScorer(runtime, loaded)).score(rows);
      const loss = resolveFlip(parseLossSpec({ type: "sigmoid", beta: 0.1 }));
      return (await trainPreference(deps, { ...stage, rows, reference, loss })).history;
    } finally {
      await releaseModel(runtime, loaded);
    }
  }

  test.each([
    ["SFT", []],
    ["DPO", ["rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected"]],
  ] as const)("%s", { timeout: 3_600_000 }, async (name, more) => {
    const [here, there] = [await ours(name), theirs[name]!];
    expect([here.length, there.length]).toEqual([STEPS, STEPS]);
    const largest: Record<string, number> = {};
    for (const metric of ["loss", "grad_norm", "learning_rate", ...more])
      for (const [step, line] of there.entries()) {
        const [mine, yours] = [here[step]![metric]!, line[metric]!];
        // A share of the norm, where there is one: at the end these pairs are learned.
        const gap = Math.abs(mine - yours) / (metric === "grad_norm" ? Math.max(yours, 0.1) : 1);
        largest[metric] = Math.max(largest[metric] ?? 0, gap);
        const limit = TOLERANCE * Math.max(metric === "learning_rate" ? 0 : 1, Math.abs(yours));
        expect(Math.abs(mine - yours), `${metric}, step ${step + 1}`).toBeLessThanOrEqual(limit);
      }
    console.warn(`stories15M, ${name}: largest differences ${JSON.stringify(largest)}`);
    // It was training.
    expect(Math.abs(there.at(-1)!["loss"]! - there[0]!["loss"]!)).toBeGreaterThan(0.01);
  });
});
