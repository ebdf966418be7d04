/**
 * PEFT LoRA folders: `adapter_config.json` and `adapter_model.safetensors`, read and written as PEFT does.
 * A setting this project does not compute is refused by name, never ignored: an adapter that loads is an adapter that is applied.
 */
import { join } from "node:path";
import { digestOf, sha256 } from "../../base/core/digest.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { exists, writeDirAtomic, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { refuseForeignLinks } from "../../base/core/model-path.ts";
import { type AdapterConfig, moduleScale, type ParsedConfig, parseAdapterConfig } from "./adapter-config.ts";
import { readJsonObject } from "./json-object.ts";
import { type NamedTensor, openSafetensors, writeSafetensors } from "./safetensors.ts";

/** One adapted module: A is [r, in], B is [out, r], row-major. */
export type LoraPair = { readonly a: NamedTensor; readonly b: NamedTensor };

/** An adapter in memory. */
export type Adapter = {
  readonly config: AdapterConfig;
  /** By module name as in the base model, such as `model.layers.0.self_attn.q_proj`. */
  readonly lora: ReadonlyMap<string, LoraPair>;
  /** Parameters of `modulesToSave`, by name as in the base model, such as `score.weight`. */
  readonly saved: ReadonlyMap<string, NamedTensor>;
};

const PREFIX = "base_model.model.";
const WEIGHTS = "adapter_model.safetensors";

/** An adapter as a folder has it. */
export type ReadAdapter = Adapter & Omit<ParsedConfig, "config">;

/** Reads a PEFT LoRA folder. @throws CheckpointError naming the setting or tensor that is wrong or not supported */
export async function readAdapter(path: string): Promise<ReadAdapter> {
  await refuseForeignLinks(path);
  const configFile = join(path, "adapter_config.json");
  if (!(await exists(configFile)))
    throw new CheckpointError(path, `is no adapter folder, expected adapter_config.json and ${WEIGHTS}.`);
  if (!(await exists(join(path, WEIGHTS))) && (await exists(join(path, "adapter_model.bin"))))
    throw new CheckpointError(
      path,
      "holds its weights only as adapter_model.bin, a Python pickle, which can run any code when it is read. " +
        "Load it with PEFT and save it again: PEFT writes safetensors.",
    );
  const raw = await readJsonObject(configFile);
  const source = await openSafetensors(join(path, WEIGHTS));
  try {
    const tensors = new Map<string, NamedTensor>();
    for (const stored of source.names) {
      if (!stored.startsWith(PREFIX))
        throw new CheckpointError(
          source.path,
          `tensor "${stored}": expected a name beginning with ${PREFIX}`,
        );
      const name = stored.slice(PREFIX.length);
      tensors.set(name, { name, shape: source.info(stored).shape, data: await source.read(stored) });
    }
    const { lora, saved } = sortTensors(source.path, tensors);
    const { config, ...parsed } = parseAdapterConfig(configFile, raw, [...lora.keys()]);
    checkAdapter(source.path, { config, lora, saved }, parsed.targets);
    return { config, lora, saved, ...parsed };
  } finally {
    await source.close();
  }
}

/** Writes a folder PEFT loads. `modelCard` becomes README.md. @throws CheckpointError when tensors do not fit the config */
export async function writeAdapter(path: string, adapter: Adapter, modelCard?: string): Promise<void> {
  const { targets } = parseAdapterConfig(path, formatConfig(adapter.config), [...adapter.lora.keys()]);
  checkAdapter(path, adapter, targets);
  const tensors: NamedTensor[] = [];
  for (const [module, { a, b }] of adapter.lora) {
    tensors.push({ ...a, name: `${PREFIX}${module}.lora_A.weight` });
    tensors.push({ ...b, name: `${PREFIX}${module}.lora_B.weight` });
  }
  for (const [name, tensor] of adapter.saved) tensors.push({ ...tensor, name: PREFIX + name });
  await writeDirAtomic(path, async (folder) => {
    await writeJsonAtomic(join(folder, "adapter_config.json"), formatConfig(adapter.config));
    await writeSafetensors(join(folder, WEIGHTS), tensors);
    if (modelCard !== undefined) await writeFileAtomic(join(folder, "README.md"), modelCard);
  });
}

/** Digest of settings and weights, independent of the base model's path and of the order of tensors. */
export function digestAdapter({ config, lora, saved }: Adapter): string {
  const part = ({ shape, data }: NamedTensor) => [
    shape,
    sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
  const { baseModel: _path, ...settings } = config;
  return digestOf({
    settings,
    lora: Object.fromEntries([...lora].map(([name, { a, b }]) => [name, [part(a), part(b)]])),
    saved: Object.fromEntries([...saved].map(([name, tensor]) => [name, part(tensor)])),
  });
}

function sortTensors(path: string, tensors: Map<string, NamedTensor>): Pick<Adapter, "lora" | "saved"> {
  const lora = new Map<string, LoraPair>();
  const saved = new Map<string, NamedTensor>();
  for (const [name, tensor] of tensors) {
    const [, module, side] = /^(.+)\.lora_([AB])\.weight$/.exec(name) ?? [];
    if (module === undefined) {
      if (/\.lora_|lora_embedding/.test(name))
        throw new CheckpointError(
          path,
          `tensor "${PREFIX}${name}": only lora_A.weight and lora_B.weight are supported.`,
        );
      saved.set(name, tensor);
      continue;
    }
    const other = `${module}.lora_${side === "A" ? "B" : "A"}.weight`;
    const pair = tensors.get(other);
    if (pair === undefined) throw new CheckpointError(path, `tensor "${PREFIX}${other}" is missing.`);
    if (side === "A") lora.set(module, { a: tensor, b: pair });
  }
  return { lora, saved };
}

function checkAdapter(
  path: string,
  { config, lora, saved }: Adapter,
  targets: (module: string) => boolean,
): void {
  if (lora.size === 0 && saved.size === 0) throw new CheckpointError(path, "holds no adapter weights.");
  for (const [module, { a, b }] of lora) {
    const { rank } = moduleScale(config, module);
    if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[0] !== rank || b.shape[1] !== rank)
      throw new CheckpointError(
        path,
        `"${module}": expected lora_A [${rank}, in] and lora_B [out, ${rank}], got [${a.shape}] and [${b.shape}].`,
      );
    if (!targets(module))
      throw new CheckpointError(
        path,
        `"${module}" is not among target_modules ${config.targetModules.join(", ")} in the layers that the config names, yet the file has weights for it.`,
      );
  }
  for (const name of saved.keys()) {
    if (!config.modulesToSave.some((module) => name.split(".").includes(module)))
      throw new CheckpointError(path, `tensor "${PREFIX}${name}" is neither LoRA nor in modules_to_save.`);
  }
}

function formatConfig(config: AdapterConfig): Record<string, unknown> {
  return {
    peft_type: "LORA",
    task_type: config.taskType,
    base_model_name_or_path: config.baseModel,
    revision: null,
    r: config.r,
    lora_alpha: config.loraAlpha,
    lora_dropout: config.loraDropout,
    target_modules: [...config.targetModules],
    modules_to_save: config.modulesToSave.length > 0 ? [...config.modulesToSave] : null,
    bias: "none",
    use_rslora: config.useRslora,
    fan_in_fan_out: config.fanInFanOut,
    ...(config.rankPattern === undefined ? {} : { rank_pattern: config.rankPattern }),
    ...(config.alphaPattern === undefined ? {} : { alpha_pattern: config.alphaPattern }),
    inference_mode: true,
  };
}
