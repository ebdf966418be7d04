/**
 * Pretrained models out of GGUF files, against transformers' own reading of the same files and a step of TRL's DPO: token ids, templates, logits,
 * log-probabilities, loss, rewards, gradient norm. docs/gguf.md has the table; the weights are packages of their own (scripts/python-env.sh smollm2, gemma3).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestFile } from "../../src/base/core/digest.ts";
import { silentLog } from "../../src/base/core/log.ts";
import { trimVocabulary } from "../../src/engine/checkpoint/derive.ts";
import { importGguf } from "../../src/engine/checkpoint/gguf/import-gguf.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { logits } from "../../src/engine/model/heads.ts";
import { keyOf, type Model, releaseModel } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { encodePair } from "../../src/engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../src/engine/text/tokenizer.ts";
import { packOptions, packRows, type TokenRow } from "../../src/method/data/packing.ts";
import { runPacked } from "../../src/method/objective/logps.ts";
import { parseLossSpec, resolveFlip } from "../../src/method/objective/loss-spec.ts";
import { feedsOf, openScorer } from "../../src/method/objective/score.ts";
import type { MetricsLine } from "../../src/method/train/metrics.ts";
import { createOrder } from "../../src/method/train/order.ts";
import { trainPreference } from "../../src/method/train/prefer.ts";
import { trainSettings } from "../../src/method/train/settings.ts";
import { scoreRounding } from "../helpers/rounding.ts";
import { python, runPythonLong } from "./python.ts";
import {
  CONVERSATIONS,
  manyTexts,
  pairTexts,
  REAL_MODELS,
  rowThere,
  weightFiles,
  writeJoined,
} from "./real-models.ts";

type Reading = {
  readonly versions: Readonly<Record<string, string>>;
  readonly ids: readonly (readonly number[])[];
  readonly own: readonly (readonly number[])[];
  readonly rendered: readonly (readonly string[])[] | null;
};
type Line = Readonly<Record<string, number>>;

/** Two updates of four pairs; the second line shows what the first update did. */
const settings = trainSettings({
  ...{ batchSize: 4, epochs: 2, learningRate: 1e-5, schedule: "constant" },
  ...{ weightDecay: 0, maxGradNorm: 1, seed: 7 },
});
const loss = resolveFlip(parseLossSpec({ type: "sigmoid", beta: 0.1 }));
const METRICS = ["rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected"];

describe.each(REAL_MODELS)("$name (scripts/python-env.sh, with $environment)", (real) => {
  const files = weightFiles(real);
  describe.skipIf(python === undefined || files.length === 0)("and transformers", () => {
    let folder: string;
    let gguf: string;
    let runtime: Runtime;
    let tokenizer: Tokenizer;
    let model: Model;
    let rows: TokenRow[];
    let texts: string[];
    let there: Reading;
    let trl: readonly Line[];
    const modelFolder = () => join(folder, "model");

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "real-model-"));
      runtime = openRuntime({ threads: 1 });
      gguf = files.length === 1 ? files[0]! : join(folder, "joined.gguf");
      if (files.length > 1) await writeJoined(files, gguf);
      await importGguf(gguf, modelFolder());
      tokenizer = await loadTokenizer(modelFolder());
      texts = await manyTexts();
      rows = pairTexts(real.chat).map((pair) => {
        const { prompt, a, b } = encodePair(tokenizer, pair, { maxLength: 96, maxPromptLength: 64 });
        return { prompt, responses: [a, b] };
      });
      const asked = join(folder, "asked.json");
      const whole = rows.map(({ prompt, responses }) => [...prompt, ...responses[0]!]);
      await writeFile(asked, JSON.stringify({ texts, conversations: CONVERSATIONS, rows: whole }));
      const out = join(folder, "there.json");
      await runPythonLong("real_models.py", [gguf, modelFolder(), asked, out]);
      there = JSON.parse(await readFile(out, "utf8")) as Reading;
      // Before the model is read here: a process at a time has its weights, gradients and moments in memory.
      trl = await stepsThere();
      model = await loadModel(runtime, modelFolder(), { id: "real" });
    }, 3_600_000);
    afterAll(async () => {
      await runtime.close();
      await rm(folder, { recursive: true });
    });

    test("the file is the one that was measured", async () => {
      expect(await digestFile(gguf)).toBe(real.sha256);
    });

    test("token ids of 10,000 texts are those of tokenizers", () => {
      expect(texts.length).toBe(10_000);
      const ids = texts.map((text) => tokenizer.encode(text));
      expect(texts.filter((_, i) => String(ids[i]) !== String(there.ids[i]))).toEqual([]);
      // transformers does not read the file's key for how digits are cut (docs/gguf.md).
      const otherwise = texts.filter((_, i) => String(ids[i]) !== String(there.own[i]));
      expect(otherwise.filter((text) => !real.chat || !/\s\p{N}/u.test(text))).toEqual([]);
    });

    test("a vocabulary trimmed to a thousand of the texts keeps their tokens and spells the others as before", async () => {
      const trimmed = join(folder, "trimmed");
      const { kept } = await trimVocabulary(modelFolder(), trimmed, { texts: texts.slice(0, 1000) });
      expect(kept.length).toBeLessThan(tokenizer.vocabSize / 2);
      const small = await loadTokenizer(trimmed);
      expect(texts.slice(0, 1000).map((text) => small.encode(text).map((id) => kept[id]))).toEqual(
        there.ids.slice(0, 1000),
      );
      const read = (by: Tokenizer) => texts.slice(1000).map((text) => by.decode(by.encode(text)));
      expect(read(small)).toEqual(read(tokenizer));
    });

    test("conversations are rendered alike", () => {
      const template = tokenizer.chatTemplate;
      const rendered = CONVERSATIONS.map((one) =>
        [false, true].map((opened) => template?.render(one, opened)),
      );
      expect(real.chat ? rendered : null).toEqual(there.rendered);
    });

    test("logits and log-probabilities agree to the rounding of float32", async () => {
      const bytes = await readFile(join(folder, "there.json.logits"));
      const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const scored = await (await openScorer(runtime, model)).score(rows);
      let at = 0;
      for (const [i, { prompt, responses }] of rows.entries()) {
        const got = await logitsOf({ prompt, responses: [responses[0]!] });
        const wanted = expected.subarray(at, at + got.length);
        at += got.length;
        const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(largestGap(got, wanted)).toBeLessThan(scoreRounding([largest], real.sizes));
        const sum = logProbability(wanted, prompt.length, responses[0]!);
        expect(Math.abs(scored[i]!.logps[0]! - sum)).toBeLessThan(scoreRounding([sum], real.sizes));
      }
      expect(at).toBe(expected.length);
    });

    test("a step of DPO is TRL's", { timeout: 3_600_000 }, async () => {
      const here = await stepsHere();
      expect(here).toHaveLength(2);
      for (const [step, line] of trl.entries())
        for (const name of ["loss", "grad_norm", ...METRICS]) {
          const limit = STEP * Math.max(1, Math.abs(line[name]!));
          expect(Math.abs(here[step]![name]! - line[name]!), `${name}, step ${step + 1}`).toBeLessThan(limit);
        }
      // The update moved it; before, policy and reference are one.
      expect(trl[0]!["loss"]).toBeCloseTo(Math.log(2), 4);
      expect(Math.abs(trl[1]!["rewards/margins"]!)).toBeGreaterThan(20 * STEP);
    });

    async function logitsOf(row: TokenRow): Promise<Float32Array> {
      const batch = packRows([row], packOptions(model));
      const run = runPacked(model.decoder);
      const y = logits(run.context, model.decoder, run.hidden);
      const program = await runtime.compile(writeProgram({ y }, runtime.dialect));
      const values = await program.run(feedsOf(batch, program), { parameter: (name) => keyOf(model, name) });
      return values["y"]!.data as Float32Array;
    }

    /** log P of a response, nats, from logits [tokens, vocabulary] of prompt and response. */
    function logProbability(all: Float32Array, begin: number, response: readonly number[]): number {
      const { vocab } = real.sizes;
      return response.reduce((total, id, i) => {
        const row = all.subarray((begin + i - 1) * vocab, (begin + i) * vocab);
        const top = row.reduce((most, value) => Math.max(most, value), -Infinity);
        const mass = row.reduce((sum, value) => sum + Math.exp(value - top), 0);
        return total + row[id]! - top - Math.log(mass);
      }, 0);
    }

    async function stepsHere(): Promise<readonly MetricsLine[]> {
      const reference = await (await openScorer(runtime, model)).score(rows);
      const result = await trainPreference(
        { runtime, log: silentLog },
        { model, rows, reference, loss, settings, folder: join(folder, "ours") },
      );
      await releaseModel(runtime, model);
      return result.history;
    }

    async function stepsThere(): Promise<readonly Line[]> {
      const scratch = join(folder, "scratch");
      await mkdir(scratch);
      const order = createOrder(rows, settings);
      const given = [1, 2].flatMap((step) => order.batch(step)).map((i) => rowThere(rows[i]!));
      const args = {
        ...{ per_device_train_batch_size: 4, gradient_accumulation_steps: 1, beta: 0.1 },
        ...{ learning_rate: 1e-5, lr_scheduler_type: "constant", weight_decay: 0, max_grad_norm: 1 },
        max_length: null,
      };
      const job = { name: "dpo", trainer: "dpo", model: modelFolder(), args, rows: given };
      const [asked, out] = [join(folder, "jobs.json"), join(folder, "theirs.json")];
      await writeFile(asked, JSON.stringify({ scratch, jobs: [job] }));
      await runPythonLong("trl_steps.py", [asked, out]);
      const { runs, failed } = JSON.parse(await readFile(out, "utf8"));
      expect(failed).toEqual({});
      return runs.dpo;
    }
  });
});

/** Of the value, or of 1 where that is more: both add in float32 in another order, and an update of AdamW takes the sign of small gradients. */
const STEP = 2e-4;

const largestGap = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Infinity);
