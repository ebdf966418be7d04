/** Models kept as adapters: read as the merged model, on a base that is one too, and refused where the base is missing or another. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { createRng } from "../../base/core/rng.ts";
import type { LoraOptions } from "../model/lora.ts";
import { loraSpec } from "../model/lora.ts";
import { addAdapter, keyOf, type Model } from "../model/model.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { loadModel } from "./load-model.ts";
import { compareModels, mergeAdapter } from "./merge.ts";
import { openModelFolder } from "./model-folder.ts";
import { modelIdentity } from "./model-identity.ts";
import { saveAdapted } from "./save-adapted.ts";

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "adapted-folder-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);
let models = 0;

/** A model on which an adapter does something: both of its factors are random. */
async function adapted(path: string, lora: Partial<LoraOptions>, seed = 1): Promise<Model> {
  const base = await loadModel(runtime, path, { id: `model-${++models}` });
  const options = { r: 3, alpha: 12, dropout: 0, targetModules: ["q_proj", "v_proj"], ...lora };
  const model = await addAdapter(runtime, base, loraSpec(options), seed);
  for (const [name, shape] of model.parameters)
    if (name.endsWith("lora_B.weight")) {
      const draw = createRng(seed).fork(name);
      const data = new Float32Array(shape[0]! * shape[1]!).map(() => 0.2 * draw.normal());
      await runtime.store.set(keyOf(model, name), shape, data);
    }
  return model;
}

/** Reads the folder as a model, and holds it against the merged one: float32 sums in another order. */
async function expectMerged(path: string, model: Model): Promise<void> {
  const { model: merged } = await mergeAdapter(runtime, model);
  const read = await loadModel(runtime, path, { id: `model-${++models}` });
  const { largestDifference, largestOutput } = await compareModels(runtime, merged, read);
  expect(largestOutput).toBeGreaterThan(0);
  expect(largestDifference).toBeLessThan(1e-5 * largestOutput);
  // The adapter matters: without it the outputs are others.
  const plain = await loadModel(runtime, model.folder, { id: `model-${++models}` });
  if (plain.task === merged.task)
    expect((await compareModels(runtime, plain, read)).largestDifference).toBeGreaterThan(
      1e-3 * largestOutput,
    );
}

test.each([
  ["llama", {}, "language-model"],
  ["opt", {}, "language-model"],
  ["gpt2", { targetModules: ["c_attn"] }, "language-model"],
  // Square weights, whose orientation their shape does not show.
  ["gpt2", { targetModules: ["attn.c_proj", "c_fc"] }, "language-model"],
  ["llama", {}, "reward"],
] as const)("%s %j as a %s is the merged model", async (family, lora, task) => {
  const [base, kept] = [at(`base-${models}`), at(`kept-${models}`)];
  await writeTinyModel(base, { family, seed: 4, task });
  const model = await adapted(base, lora);
  await saveAdapted(runtime, model, kept, base);
  expect(await readdir(kept)).not.toContain("model.safetensors");
  await expectMerged(kept, model);
  expect(await modelIdentity(kept)).not.toBe(await modelIdentity(base));
});

test("the base of an adapter may be kept as an adapter, too", async () => {
  await writeTinyModel(at("first"), { family: "llama", seed: 5 });
  const one = await adapted(at("first"), {});
  await saveAdapted(runtime, one, at("second"), at("first"));
  const two = await adapted(at("second"), { r: 2, targetModules: ["o_proj", "q_proj"] }, 2);
  await saveAdapted(runtime, two, at("third"), at("second"));
  await expectMerged(at("third"), two);
});

test("a reward head is the adapter's own", async () => {
  await writeTinyModel(at("text"), { family: "llama", seed: 6 });
  const base = await loadModel(runtime, at("text"), { id: `model-${++models}`, newRewardHead: { seed: 3 } });
  const model = await addAdapter(
    runtime,
    base,
    loraSpec({ r: 2, alpha: 4, dropout: 0, targetModules: ["q_proj"] }),
    1,
  );
  await saveAdapted(runtime, model, at("scores"), at("text"));
  await expectMerged(at("scores"), model);
});

test("a base that is missing, is another, or is pruned is named", async () => {
  await writeTinyModel(at("here"), { family: "llama", seed: 7 });
  await writeTinyModel(at("deeper"), { family: "llama", seed: 7, hidden: 32 });
  const model = await adapted(at("here"), {});
  await saveAdapted(runtime, model, at("thin"), at("here"));
  const file = join(at("thin"), "adapter_config.json");
  const config = JSON.parse(await readFile(file, "utf8"));
  const named = (base: string) =>
    writeFile(file, JSON.stringify({ ...config, base_model_name_or_path: base }));
  await named("/nowhere/base");
  await expect(openModelFolder(at("thin"))).rejects.toThrow(
    /is kept as an adapter, and its base is not where .*"\/nowhere\/base"/,
  );
  await named(at("deeper"));
  await expect(openModelFolder(at("thin"))).rejects.toThrow(/adapts model\.layers\.0.*deeper has \[/);
  // As seen from the adapter's folder: both may be moved together.
  await named("../here");
  await expectMerged(at("thin"), model);
  await rm(join(at("here"), "model.safetensors"));
  await writeFile(join(at("here"), "PRUNED"), "Its weights were pruned.");
  await expect(openModelFolder(at("thin"))).rejects.toThrow(/here: (has no weights|is no model folder)/);
});
