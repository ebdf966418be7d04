import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { createLog } from "../../base/core/log.ts";
import { createRng } from "../../base/core/rng.ts";
import { type LoraOptions, loraSpec } from "../model/lora.ts";
import { addAdapter, copyModel, keyOf, type Model } from "../model/model.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { readAdapter, writeAdapter } from "./adapter.ts";
import { loadAdapter, saveAdapter } from "./adapter-model.ts";
import { loadModel, saveModel } from "./load-model.ts";
import { compareModels, inOutProjections, mergeAdapter } from "./merge.ts";

const FIXTURES = fileURLToPath(new URL("../../../../shared/fixtures/parity", import.meta.url));

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), "adapter-model-"));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true, force: true });
});

const options: LoraOptions = { r: 3, alpha: 12, dropout: 0.1, targetModules: ["q_proj", "v_proj"] };

const difference = async (a: Model, b: Model) => (await compareModels(runtime, a, b)).largestDifference;

/** An adapter both of whose factors are random, so that it does something. */
async function trained(base: Model, lora: LoraOptions): Promise<Model> {
  const model = await addAdapter(
    runtime,
    await copyModel(runtime, base, `${base.id}/trained`),
    loraSpec(lora),
    1,
  );
  for (const [name, shape] of model.parameters) {
    if (!name.endsWith("lora_B.weight")) continue;
    const draw = createRng(2).fork(name);
    const data = new Float32Array(shape[0]! * shape[1]!).map(() => 0.2 * draw.normal());
    await runtime.store.set(keyOf(model, name), shape, data);
  }
  return model;
}

async function tiny(family: "llama" | "gpt2" | "opt", task: "language-model" | "reward" = "language-model") {
  const path = join(folder, `${family}-${task}`);
  await writeTinyModel(path, { family, seed: 4, task });
  return loadModel(runtime, path);
}

/** Saves, loads onto the base again (bit-equal), merges: outputs stay the same to 1e-5 of the largest. */
async function expectRoundTrip(base: Model, lora: LoraOptions): Promise<void> {
  const model = await trained(base, lora);
  expect(await difference(base, model)).toBeGreaterThan(1e-3); // else nothing would be shown
  const path = join(folder, "saved");
  await saveAdapter(runtime, model, path, { baseModel: "some/base", modelCard: "# card" });
  const fresh = await copyModel(runtime, base, `${base.id}/fresh`);
  const loaded = await loadAdapter(runtime, fresh, path);
  expect(await difference(model, loaded)).toBe(0);
  const { r: rank, alpha, dropout, targetModules: targets } = lora;
  expect(loaded.lora).toMatchObject({ rank, alpha, dropout, targets });
  const { model: merged, largestDifference, largestOutput } = await mergeAdapter(runtime, model);
  // Relative, because rounding grows with the outputs: the largest here is 1.4e-5 on logits up to 5.3.
  expect(largestDifference).toBeLessThan(1e-5 * Math.max(1, largestOutput));
  expect(largestDifference).toBe(await difference(model, merged));
  expect(merged.lora).toBeUndefined();
  expect([...merged.parameters.keys()]).toEqual([...base.parameters.keys()]);
}

describe("an adapter's recorded base", () => {
  const put = async (baseModel: string, base: Model) => {
    const path = join(folder, "recorded");
    await saveAdapter(runtime, await trained(base, options), path, { baseModel });
    const told: string[] = [];
    const fresh = await copyModel(runtime, base, `${base.id}/recorded`);
    await loadAdapter(runtime, fresh, path, { log: createLog({ write: (line) => told.push(line) }) });
    return told.filter((line) => line.includes("base_model_name_or_path"));
  };

  it("is silent where it is the base: its path, its hub name, an old path of the same run", async () => {
    const base = await tiny("llama");
    for (const name of [
      base.folder,
      `${base.folder}/`,
      "somebody/llama-language-model",
      "llama-language-model",
    ])
      expect(await put(name, base), name).toEqual([]);
    expect(await put(`/gone/${base.folder.split("/").slice(-2).join("/")}`, base)).toEqual([]);
    expect(await put("", base)).toEqual([]);
  });

  it("is told where it is another of the same sizes", async () => {
    const base = await tiny("llama");
    const twin = join(folder, "twin");
    await writeTinyModel(twin, { family: "llama", seed: 5 });
    for (const name of ["somebody/another", "/gone/elsewhere/llama-language-model", twin]) {
      const [line, ...more] = await put(name, base);
      expect(more).toEqual([]);
      expect(line).toContain(name);
      expect(line).toContain(base.folder);
    }
  });

  it("is refused where it lies here and is a model of other sizes, though the adapter fits", async () => {
    const base = await tiny("llama");
    const deeper = join(folder, "deeper");
    await writeTinyModel(deeper, { family: "llama", seed: 5, layers: 3 });
    await expect(put(deeper, base)).rejects.toThrow(/was trained on .*deeper \(llama, 3 layers.*2 layers/);
  });

  it("is told where its folder has a tokenizer or template of its own that is not used", async () => {
    const base = await tiny("llama");
    const path = join(folder, "own-tokenizer");
    await saveAdapter(runtime, await trained(base, options), path, { baseModel: base.folder });
    const tell = async () => {
      const told: string[] = [];
      const fresh = await copyModel(runtime, base, `${base.id}/own`);
      await loadAdapter(runtime, fresh, path, { log: createLog({ write: (line) => told.push(line) }) });
      return told.join("\n");
    };
    await copyFile(join(base.folder, "tokenizer.json"), join(path, "tokenizer.json"));
    expect(await tell()).toBe("");
    await writeFile(join(path, "chat_template.jinja"), "{{ messages[0].content }}");
    expect(await tell()).toMatch(/its chat template differs from the base's, which is used/);
  });
});

describe("an adapter on a tiny model", () => {
  it.each([
    ["llama", options],
    ["opt", options],
    ["gpt2", { ...options, targetModules: ["c_attn"] }],
    // Square weights, whose orientation their shape does not show.
    ["gpt2", { ...options, targetModules: ["attn.c_proj", "c_fc"] }],
  ] as const)("is the same after saving, loading and merging: %s", async (family, lora) => {
    await expectRoundTrip(await tiny(family), lora);
  });

  it.each(["llama", "gpt2", "opt"] as const)("takes its reward head along: %s", async (family) => {
    const targets = family === "gpt2" ? ["c_attn"] : options.targetModules;
    const base = await tiny(family, "reward");
    await expectRoundTrip(base, { ...options, targetModules: targets });
    const config = JSON.parse(await readFile(join(folder, "saved", "adapter_config.json"), "utf8"));
    expect(config).toMatchObject({
      task_type: "SEQ_CLS",
      modules_to_save: ["score"],
      r: 3,
      lora_alpha: 12,
      lora_dropout: 0.1,
      target_modules: targets,
      fan_in_fan_out: family === "gpt2",
      base_model_name_or_path: "some/base",
    });
    // A base with another head gets the saved one.
    const other = await copyModel(runtime, base, `${base.id}/other`);
    await runtime.store.set(keyOf(other, "score.weight"), [1, 16], new Float32Array(16).fill(9));
    const loaded = await loadAdapter(runtime, other, join(folder, "saved"));
    expect(await difference(await trained(base, { ...options, targetModules: targets }), loaded)).toBe(0);
  });

  it("adds scale · B·A, by hand", async () => {
    const base = await tiny("llama");
    const model = await trained(base, options);
    const { model: merged } = await mergeAdapter(runtime, model, { id: "by-hand" });
    expect(merged.id).toBe("by-hand");
    const projection = "model.layers.1.self_attn.v_proj"; // [8, 16]: two key-value heads of 4
    const read = (from: Model, name: string) => runtime.store.get(keyOf(from, `${projection}.${name}`));
    const [w, a, b] = [
      await read(model, "weight"),
      await read(model, "lora_A.weight"),
      await read(model, "lora_B.weight"),
    ];
    const result = await read(merged, "weight");
    for (const [out, inner] of [
      [0, 0],
      [7, 15],
      [3, 9],
    ] as const) {
      let update = 0;
      for (let r = 0; r < 3; r++) update += b[out * 3 + r]! * a[r * 16 + inner]!;
      // scale = alpha / rank = 12 / 3 = 4
      expect(result[out * 16 + inner]).toBeCloseTo(w[out * 16 + inner]! + 4 * update, 5);
    }
    expect(await read(base, "weight")).toEqual(w);
  });

  it("can be merged, written as a model folder and read back", async () => {
    const model = await trained(await tiny("gpt2"), { ...options, targetModules: ["c_attn"] });
    const { model: merged } = await mergeAdapter(runtime, model);
    await saveModel(runtime, merged, join(folder, "merged"));
    const loaded = await loadModel(runtime, join(folder, "merged"));
    expect(await difference(merged, loaded)).toBe(0);
  });

  it("keeps the scale of rank-stabilised adapters", async () => {
    const base = await tiny("llama");
    const path = join(folder, "rslora");
    await saveAdapter(runtime, await trained(base, options), path, { baseModel: "" });
    const adapter = await readAdapter(path);
    await writeAdapter(path, { ...adapter, config: { ...adapter.config, useRslora: true } });
    const loaded = await loadAdapter(runtime, await copyModel(runtime, base, "rs"), path);
    expect(loaded.lora!.scale).toBeCloseTo(12 / Math.sqrt(3), 12);
    await saveAdapter(runtime, loaded, path, { baseModel: "" });
    expect((await readAdapter(path)).config.useRslora).toBe(true);
    const { largestDifference, largestOutput } = await mergeAdapter(runtime, loaded);
    expect(largestDifference).toBeLessThan(1e-5 * Math.max(1, largestOutput));
  });
});

describe("what does not fit is refused", () => {
  it("an adapter of another task, another shape, another family, or with a layer missing", async () => {
    const llama = await tiny("llama");
    const path = join(folder, "refused");
    await saveAdapter(runtime, await trained(llama, options), path, { baseModel: "" });
    await expect(loadAdapter(runtime, await tiny("llama", "reward"), path)).rejects.toThrow(
      "task_type is CAUSAL_LM, which needs a language-model model, got a reward model",
    );
    await expect(loadAdapter(runtime, await tiny("gpt2"), path)).rejects.toThrow("has no such parameter");
    await writeTinyModel(join(folder, "wide"), { family: "llama", seed: 1, hidden: 24 });
    const wide = await loadModel(runtime, join(folder, "wide"));
    await expect(loadAdapter(runtime, wide, path)).rejects.toThrow("expected [3, 24], got [3, 16]");
    const adapter = await readAdapter(path);
    const fewer = new Map([...adapter.lora].slice(1));
    await writeAdapter(path, { ...adapter, lora: fewer });
    const told: string[] = [];
    const log = createLog({ write: (line) => told.push(line) });
    const partial = await loadAdapter(runtime, llama, path, { log });
    expect(partial.lora!.parts!.size).toBe(fewer.size);
    expect(told.join("")).toContain(`no weights for ${[...adapter.lora.keys()][0]}; the base is used there`);
    const file = join(path, "adapter_config.json");
    const config = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...config, init_lora_weights: false }));
    await expect(loadAdapter(runtime, llama, path)).rejects.toThrow("these would be random");
    await writeFile(file, JSON.stringify({ ...config, modules_to_save: ["lm_head"] }));
    await expect(loadAdapter(runtime, llama, path)).rejects.toThrow(
      'modules_to_save names "lm_head", but the file has no weights for it, expected lm_head.weight',
    );
    await writeFile(file, JSON.stringify({ ...config, modules_to_save: ["classifier"] }));
    await loadAdapter(runtime, llama, path);
    const adapted = await trained(llama, options);
    await expect(loadAdapter(runtime, adapted, path)).rejects.toThrow("already has an adapter");
  });

  it("a model without adapter, when one is to be saved or merged", async () => {
    const base = await tiny("opt");
    await expect(mergeAdapter(runtime, base)).rejects.toThrow("has no adapter to merge");
    await expect(saveAdapter(runtime, base, join(folder, "none"), { baseModel: "" })).rejects.toThrow(
      "no adapter to save",
    );
  });
});

describe("weights stored as [in, out]", () => {
  it("are GPT-2's alone", async () => {
    expect([...inOutProjections(await tiny("gpt2"))].slice(0, 4)).toEqual([
      "transformer.h.0.attn.c_attn",
      "transformer.h.0.attn.c_proj",
      "transformer.h.0.mlp.c_fc",
      "transformer.h.0.mlp.c_proj",
    ]);
    expect(inOutProjections(await tiny("llama")).size).toBe(0);
  });
});

describe.skipIf(!existsSync(FIXTURES))("an adapter on a Hugging Face fixture", () => {
  it.each([
    ["gpt2", ["c_attn", "attn.c_proj"]],
    ["opt-postnorm", ["q_proj", "fc1"]],
    ["gpt_neo", ["q_proj", "out_proj"]],
    ["gpt_neox-parallel", ["query_key_value"]],
    ["llama", ["q_proj", "v_proj", "down_proj"]],
    ["gemma2", ["k_proj", "o_proj"]],
    ["rm-qwen2", ["q_proj", "v_proj"]],
  ])("is the same after saving, loading and merging: %s", async (name, targets) => {
    await expectRoundTrip(await loadModel(runtime, join(FIXTURES, name)), {
      ...options,
      targetModules: targets,
    });
  });
});
