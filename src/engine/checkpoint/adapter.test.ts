import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CheckpointError } from "../../base/core/errors.ts";
import { type Adapter, digestAdapter, readAdapter, writeAdapter } from "./adapter.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adapter-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const MODULE = "model.layers.0.self_attn.q_proj";
const a = { name: "a", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const b = { name: "b", shape: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
const adapter: Adapter = {
  config: {
    r: 2,
    loraAlpha: 16,
    loraDropout: 0.05,
    targetModules: ["q_proj"],
    taskType: "SEQ_CLS",
    baseModel: "some/base",
    modulesToSave: ["score"],
    useRslora: true,
    fanInFanOut: false,
  },
  lora: new Map([[MODULE, { a, b }]]),
  saved: new Map([["score.weight", { name: "score.weight", shape: [1, 3], data: Float32Array.of(7, 8, 9) }]]),
};

/** The adapter written, with keys of its config replaced. */
async function edited(changes: Record<string, unknown>): Promise<string> {
  const path = join(folder, "edited");
  await writeAdapter(path, adapter);
  const file = join(path, "adapter_config.json");
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), ...changes }));
  return path;
}

describe("PEFT adapter folders", () => {
  it("are written under PEFT's names and read back equal", async () => {
    const path = join(folder, "written");
    await writeAdapter(path, adapter, "# Adapter");
    const weights = await openSafetensors(join(path, "adapter_model.safetensors"));
    expect(weights.names).toEqual([
      `base_model.model.${MODULE}.lora_A.weight`,
      `base_model.model.${MODULE}.lora_B.weight`,
      "base_model.model.score.weight",
    ]);
    await weights.close();
    expect(JSON.parse(await readFile(join(path, "adapter_config.json"), "utf8"))).toEqual({
      peft_type: "LORA",
      task_type: "SEQ_CLS",
      base_model_name_or_path: "some/base",
      revision: null,
      r: 2,
      lora_alpha: 16,
      lora_dropout: 0.05,
      target_modules: ["q_proj"],
      modules_to_save: ["score"],
      bias: "none",
      use_rslora: true,
      fan_in_fan_out: false,
      inference_mode: true,
    });
    const read = await readAdapter(path);
    expect(read.config).toEqual(adapter.config);
    expect(read.lora.get(MODULE)!.a).toMatchObject({ shape: [2, 3], data: a.data });
    expect(read.lora.get(MODULE)!.b).toMatchObject({ shape: [4, 2], data: b.data });
    expect(read.saved.get("score.weight")).toEqual(adapter.saved.get("score.weight"));
    expect(digestAdapter(read)).toBe(digestAdapter(adapter));
  });

  it("read what PEFT writes for settings that are off", async () => {
    const off = {
      use_dora: false,
      rank_pattern: {},
      alpha_pattern: {},
      layers_to_transform: null,
      loftq_config: {},
      init_lora_weights: true,
      megatron_core: "megatron.core",
      trainable_token_indices: null,
      qalora_group_size: 16,
      target_modules: ".*q_proj",
    };
    expect((await readAdapter(await edited(off))).config).toEqual(adapter.config);
  });

  it.each([
    ["use_dora", true],
    ["bias", "all"],
    ["layer_replication", [[0, 1]]],
    ["trainable_token_indices", [3]],
    ["alora_invocation_tokens", [1]],
    ["target_parameters", ["w"]],
    ["lora_bias", true],
    ["use_qalora", true],
    ["megatron_config", { a: 1 }],
    ["init_lora_weights", "pissa"],
    ["init_lora_weights", "pissa_niter_4"],
    ["init_lora_weights", "olora"],
    ["init_lora_weights", "corda"],
    ["init_lora_weights", "loftq"],
    ["some_future_setting", 1],
  ])("are refused when %s is %j, which is not computed here", async (key, value) => {
    await expect(readAdapter(await edited({ [key]: value }))).rejects.toThrow(
      `"${key}": ${JSON.stringify(value)}`,
    );
  });

  it.each([
    [{ peft_type: "IA3" }, /peft_type is "IA3", expected "LORA"/],
    [{ r: 0 }, /r is 0, expected a whole number/],
    [{ r: 3 }, /expected lora_A \[3, in\] and lora_B \[out, 3\], got \[2,3\] and \[4,2\]/],
    [{ lora_alpha: "16" }, /lora_alpha is "16"/],
    [{ lora_dropout: 1 }, /lora_dropout is 1/],
    [{ task_type: "SEQ_2_SEQ_LM" }, /task_type is "SEQ_2_SEQ_LM"/],
    [{ target_modules: ["v_proj"] }, /not among target_modules v_proj/],
    [{ modules_to_save: null }, /neither LoRA nor in modules_to_save/],
    [{ layers_to_transform: [1] }, /not among target_modules q_proj in the layers that the config names/],
    [{ layers_to_transform: "0" }, /layers_to_transform is "0", expected a layer's number/],
    [{ layers_pattern: "layers" }, /layers_pattern is "layers", expected null where layers_to_transform/],
    [
      { target_modules: ".*q_proj", layers_to_transform: [0] },
      /layers_to_transform is \[0\], expected null where/,
    ],
    [{ exclude_modules: ["q_proj"] }, /not among target_modules/],
    [{ exclude_modules: ".*0.*" }, /not among target_modules/],
    [{ target_modules: ".*k_proj" }, /not among target_modules/],
    [
      { target_modules: "(?i:q_proj)\\Z" },
      /target_modules is .*expected a regular expression that is read here/,
    ],
    [{ rank_pattern: { q_proj: 4 } }, /expected lora_A \[4, in\]/],
    [{ rank_pattern: { "self_attn.q": 4, "q_pr.*": 3 } }, /expected lora_A \[3, in\]/],
    [{ rank_pattern: { q_proj: 0 } }, /rank_pattern is .*expected numbers by regular expression/],
    [{ alpha_pattern: { "(": 1 } }, /alpha_pattern is/],
  ])("are refused for %j", async (changes, message) => {
    const error = await readAdapter(await edited(changes)).catch((e) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.message).toMatch(message);
  });

  it("are refused with half a pair, another kind of weight, pickled or missing weights", async () => {
    const path = await edited({});
    const file = join(path, "adapter_model.safetensors");
    const name = (rest: string) => `base_model.model.${rest}`;
    await writeSafetensors(file, [{ ...a, name: name(`${MODULE}.lora_A.weight`) }]);
    await expect(readAdapter(path)).rejects.toThrow(`${MODULE}.lora_B.weight" is missing`);
    await writeSafetensors(file, [{ ...a, name: name(`${MODULE}.lora_magnitude_vector`) }]);
    await expect(readAdapter(path)).rejects.toThrow("only lora_A.weight and lora_B.weight");
    await writeSafetensors(file, [{ ...a, name: "elsewhere" }]);
    await expect(readAdapter(path)).rejects.toThrow("expected a name beginning with base_model.model.");
    await rm(file);
    await writeFile(join(path, "adapter_model.bin"), "");
    await expect(readAdapter(path)).rejects.toThrow("pickle");
    await mkdir(join(folder, "empty"), { recursive: true });
    await expect(readAdapter(join(folder, "empty"))).rejects.toThrow("is no adapter folder");
  });
});
