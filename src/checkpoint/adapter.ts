/**
 * PEFT LoRA folders: `adapter_config.json` and `adapter_model.safetensors`, read and written as PEFT does.
 * A setting this project does not compute is refused by name, never ignored: an adapter that loads is an adapter that is applied.
 */
import { join } from "node:path";
import { digestOf, sha256 } from "../core/digest.ts";
import { CheckpointError, show } from "../core/errors.ts";
import { exists, writeDirAtomic, writeFileAtomic, writeJsonAtomic } from "../core/files.ts";
import { readJsonObject } from "./model-folder.ts";
import { type NamedTensor, openSafetensors, writeSafetensors } from "./safetensors.ts";

/** The settings of a LoRA adapter; names and meanings are PEFT's. */
export type AdapterConfig = {
  /** Rank, at least 1. */
  readonly r: number;
  /** Scale: the update is `loraAlpha / r` (or `loraAlpha / sqrt(r)` with `useRslora`) times B·A. */
  readonly loraAlpha: number;
  /** Dropout on the adapter's input while training, in [0, 1). */
  readonly loraDropout: number;
  /** Last parts of the names of adapted modules, such as `q_proj`. */
  readonly targetModules: readonly string[];
  readonly taskType: "CAUSAL_LM" | "SEQ_CLS";
  /** Path or hub name of the model the adapter belongs to; empty when not recorded. */
  readonly baseModel: string;
  /** Modules trained in full and stored with the adapter, such as `score`. */
  readonly modulesToSave: readonly string[];
  readonly useRslora: boolean;
  /** True where the base stores weights as [in, out] (GPT-2's Conv1D). */
  readonly fanInFanOut: boolean;
};

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

/** Settings that say nothing about the computation once the weights are there. */
const HARMLESS = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "corda_config",
  "eva_config",
  "exclude_modules",
  "inference_mode",
  "megatron_core",
  "peft_type",
  "peft_version",
  "qalora_group_size",
  "revision",
]);

/** Reads a PEFT LoRA folder. @throws CheckpointError naming the setting or tensor that is wrong or not supported */
export async function readAdapter(path: string): Promise<Adapter> {
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
    const config = parseConfig(configFile, raw, [...lora.keys()]);
    checkAdapter(source.path, { config, lora, saved });
    return { config, lora, saved };
  } finally {
    await source.close();
  }
}

/** Writes a folder PEFT loads. `modelCard` becomes README.md. @throws CheckpointError when tensors do not fit the config */
export async function writeAdapter(path: string, adapter: Adapter, modelCard?: string): Promise<void> {
  checkAdapter(path, adapter);
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

function checkAdapter(path: string, { config, lora, saved }: Adapter): void {
  const { r } = config;
  if (lora.size === 0 && saved.size === 0) throw new CheckpointError(path, "holds no adapter weights.");
  for (const [module, { a, b }] of lora) {
    if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[0] !== r || b.shape[1] !== r)
      throw new CheckpointError(
        path,
        `"${module}": expected lora_A [${r}, in] and lora_B [out, ${r}], got [${a.shape}] and [${b.shape}].`,
      );
    const last = module.split(".").at(-1)!;
    if (
      !config.targetModules.some(
        (target) => module === target || last === target || module.endsWith(`.${target}`),
      )
    )
      throw new CheckpointError(
        path,
        `"${module}" is not among target_modules ${config.targetModules.join(", ")}.`,
      );
  }
  for (const name of saved.keys()) {
    if (!config.modulesToSave.some((module) => name.split(".").includes(module)))
      throw new CheckpointError(path, `tensor "${PREFIX}${name}" is neither LoRA nor in modules_to_save.`);
  }
  for (const module of config.modulesToSave) {
    if (![...saved.keys()].some((name) => name.split(".").includes(module)))
      throw new CheckpointError(
        path,
        `modules_to_save names "${module}", but the file has no weights for it.`,
      );
  }
}

function parseConfig(path: string, raw: Record<string, unknown>, modules: string[]): AdapterConfig {
  const fail = (key: string, expected: string) =>
    new CheckpointError(path, `${key} is ${show(raw[key])}, expected ${expected}.`);
  if (raw.peft_type !== "LORA") throw fail("peft_type", '"LORA"');
  const { r, lora_alpha: loraAlpha, lora_dropout: loraDropout = 0, task_type: taskType } = raw;
  if (typeof r !== "number" || !Number.isSafeInteger(r) || r < 1)
    throw fail("r", "a whole number of at least 1");
  if (typeof loraAlpha !== "number" || !Number.isFinite(loraAlpha)) throw fail("lora_alpha", "a number");
  if (typeof loraDropout !== "number" || !(loraDropout >= 0 && loraDropout < 1))
    throw fail("lora_dropout", "a number in [0, 1)");
  if (taskType !== "CAUSAL_LM" && taskType !== "SEQ_CLS") throw fail("task_type", '"CAUSAL_LM" or "SEQ_CLS"');
  refuseOtherSettings(path, raw);
  return {
    r,
    loraAlpha,
    loraDropout,
    // PEFT also takes a regular expression or "all-linear" here; what it adapted then stands in the weights' names.
    targetModules:
      typeof raw.target_modules === "string"
        ? [...new Set(modules.map((module) => module.split(".").at(-1)!))]
        : stringList(raw.target_modules, () => fail("target_modules", "a list of names")),
    taskType,
    baseModel: typeof raw.base_model_name_or_path === "string" ? raw.base_model_name_or_path : "",
    modulesToSave: stringList(raw.modules_to_save ?? [], () =>
      fail("modules_to_save", "a list of names or null"),
    ),
    useRslora: raw.use_rslora === true,
    fanInFanOut: raw.fan_in_fan_out === true,
  };
}

const READ = new Set([
  ..."r lora_alpha lora_dropout target_modules task_type modules_to_save use_rslora fan_in_fan_out".split(
    " ",
  ),
]);

/** Refuses a setting that changes the computation and is not read, unless its value means "off". */
function refuseOtherSettings(path: string, raw: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(raw)) {
    if (READ.has(key) || HARMLESS.has(key) || isOff(value)) continue;
    if (key === "bias" && value === "none") continue;
    // Initialisations that leave the base weights alone no longer matter once A and B are trained.
    if (key === "init_lora_weights" && (value === true || value === "gaussian" || value === "eva")) continue;
    throw new CheckpointError(
      path,
      `${show(key)}: ${show(value)} is not supported. Merge the adapter into its base with PEFT and use that model.`,
    );
  }
}

function isOff(value: unknown): boolean {
  if (value === null || value === false || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function stringList(value: unknown, error: () => CheckpointError): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) throw error();
  return value;
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
    inference_mode: true,
  };
}
