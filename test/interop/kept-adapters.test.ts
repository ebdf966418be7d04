/** Models that stages keep as adapters, read by PEFT: config, tokenizer and adapter in one folder, the base where the adapter says. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRng } from "../../src/base/core/rng.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { saveAdapted } from "../../src/engine/checkpoint/save-adapted.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { logits } from "../../src/engine/model/heads.ts";
import { loraSpec } from "../../src/engine/model/lora.ts";
import { addAdapter, keyOf, type Model } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { packOptions, packRows } from "../../src/method/data/packing.ts";
import { runPacked } from "../../src/method/objective/logps.ts";
import { feedsOf } from "../../src/method/objective/score.ts";
import { writeTinyModel } from "../helpers/tiny-model.ts";
import { python, runPythonLong } from "./python.ts";

const IDS = [256, 17, 40, 5, 33, 70, 60, 8, 21, 30, 9, 11];

describe.skipIf(python === undefined)("folders kept as adapters (scripts/python-env.sh)", () => {
  let folder: string;
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = openRuntime({ threads: 1 });
    folder = await mkdtemp(join(tmpdir(), "kept-adapters-"));
  });
  afterAll(async () => {
    await runtime.close();
    await rm(folder, { recursive: true });
  });

  /** Trains nothing: both factors are random, so that the adapter does something. */
  async function keep(base: string, path: string, targetModules: readonly string[]): Promise<string> {
    const plain = await loadModel(runtime, base, { id: `for ${path}` });
    const model = await addAdapter(
      runtime,
      plain,
      loraSpec({ r: 3, alpha: 12, dropout: 0, targetModules }),
      1,
    );
    for (const [name, shape] of model.parameters)
      if (name.endsWith("lora_B.weight")) {
        const draw = createRng(path).fork(name);
        const data = new Float32Array(shape[0]! * shape[1]!).map(() => 0.2 * draw.normal());
        await runtime.store.set(keyOf(model, name), shape, data);
      }
    await saveAdapted(runtime, model, path, base);
    return path;
  }

  async function logitsOf(path: string): Promise<Float32Array> {
    const model: Model = await loadModel(runtime, path, { id: path });
    const batch = packRows([{ prompt: IDS.slice(0, 1), responses: [IDS.slice(1)] }], packOptions(model));
    const run = runPacked(model.decoder);
    const y = logits(run.context, model.decoder, run.hidden);
    const program = await runtime.compile(writeProgram({ y }, runtime.dialect));
    const values = await program.run(feedsOf(batch, program), { parameter: (name) => keyOf(model, name) });
    return values["y"]!.data as Float32Array;
  }

  test("give PEFT our logits, opened by themselves and put on their base", { timeout: 600_000 }, async () => {
    const kept: string[] = [];
    for (const [family, targets] of [
      ["llama", ["q_proj", "v_proj", "down_proj"]],
      ["gpt2", ["c_attn", "c_fc"]],
      ["opt", ["q_proj", "fc1"]],
    ] as const) {
      await writeTinyModel(join(folder, family), { family, seed: 4, vocab: 264 });
      kept.push(await keep(join(folder, family), join(folder, `${family}-kept`), targets));
    }
    const read = JSON.parse(await runPythonLong("kept_adapters.py", [JSON.stringify(IDS), ...kept]));
    for (const path of kept) {
      const own = await logitsOf(path);
      const plain = await logitsOf(path.replace("-kept", ""));
      const scale = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const apart = (other: ArrayLike<number>) =>
        own.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
      for (const way of ["own", "on"] as const) {
        expect(read[path][way]).toHaveLength(own.length);
        expect(apart(read[path][way]), `${path}, ${way}`).toBeLessThan(1e-5 * scale);
      }
      expect(apart(plain)).toBeGreaterThan(1e-3 * scale);
    }
  });
});
