/**
 * `adapter_config.json` of a PEFT LoRA folder (semantics of PEFT 0.21). Every key is read, known to be harmless, or refused by name: an adapter that loads
 * is an adapter that is applied.
 */
import { CheckpointError, show } from "../../base/core/errors.ts";

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
  /** Null where PEFT's plain wrapper wrote it: for whatever the base is. */
  readonly taskType: "CAUSAL_LM" | "SEQ_CLS" | null;
  /** Path or hub name of the model the adapter belongs to; empty when not recorded. */
  readonly baseModel: string;
  /** Modules trained in full and stored with the adapter, such as `score`. */
  readonly modulesToSave: readonly string[];
  readonly useRslora: boolean;
  /** True where the base stores weights as [in, out] (GPT-2's Conv1D). */
  readonly fanInFanOut: boolean;
  /** Ranks of modules that have another than `r`, by regular expression on the end of their names; the first that matches counts. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** The same of `loraAlpha`. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
};

/** A config and what it says of single modules. */
export type ParsedConfig = {
  readonly config: AdapterConfig;
  /** True for a module (name in the base model) that the config asks an adapter for. */
  targets(module: string): boolean;
  /** False where an adapter without weights would be random (`init_lora_weights: false`), not without effect. */
  readonly startsAtZero: boolean;
};

/** Read here. */
const READ = new Set([
  "alpha_pattern",
  "base_model_name_or_path",
  "bias",
  "exclude_modules",
  "fan_in_fan_out",
  "init_lora_weights",
  "layers_pattern",
  "layers_to_transform",
  "lora_alpha",
  "lora_dropout",
  "modules_to_save",
  "peft_type",
  "r",
  "rank_pattern",
  "target_modules",
  "task_type",
  "use_rslora",
]);

/** Says nothing about the computation once the weights are there, whatever its value, and why. */
const HARMLESS: Readonly<Record<string, string>> = {
  auto_mapping: "names Python classes for a null task_type",
  corda_config: "acts with init_lora_weights corda only, which is refused",
  ensure_weight_tying: "acts on modules_to_save of tied embeddings only, which are refused",
  eva_config: "says how A was begun",
  inference_mode: "whether it may be trained further",
  loftq_config: "acts with init_lora_weights loftq only, which is refused",
  lora_ga_config: "acts with init_lora_weights lora_ga only, which is refused",
  megatron_core: "a module's name; acts with megatron_config only, which is refused",
  peft_version: "who wrote it",
  qalora_group_size: "acts with use_qalora only, which is refused",
  revision: "of the base model on the hub",
  runtime_config: "where arrays are while loading",
};

/** Initialisations of A (and B) that leave the base's weights as they were; others change these and are refused. */
const PLAIN_STARTS: readonly unknown[] = [undefined, null, true, false, "gaussian", "eva", "orthogonal"];

/**
 * Parses a config.
 * @param modules - names of the modules that the file has weights for
 * @throws CheckpointError naming the key that is wrong or not supported
 */
export function parseAdapterConfig(
  path: string,
  raw: Readonly<Record<string, unknown>>,
  modules: readonly string[],
): ParsedConfig {
  const fail: Fail = (key, expected) =>
    new CheckpointError(path, `${key} is ${show(raw[key])}, expected ${expected}.`);
  if (raw.peft_type !== "LORA") throw fail("peft_type", '"LORA"');
  const { r, lora_alpha: loraAlpha, lora_dropout: loraDropout = 0, task_type: taskType = null } = raw;
  if (!isRank(r)) throw fail("r", "a whole number of at least 1");
  if (!isNumber(loraAlpha)) throw fail("lora_alpha", "a number");
  if (!isNumber(loraDropout) || loraDropout < 0 || loraDropout >= 1)
    throw fail("lora_dropout", "a number in [0, 1)");
  if (taskType !== "CAUSAL_LM" && taskType !== "SEQ_CLS" && taskType !== null)
    throw fail("task_type", '"CAUSAL_LM", "SEQ_CLS" or null');
  refuseOtherSettings(path, raw);
  const modulesToSave = names(raw.modules_to_save ?? [], () =>
    fail("modules_to_save", "a list of names or null"),
  );
  const rankPattern = pattern(raw, "rank_pattern", isRank, fail);
  const alphaPattern = pattern(raw, "alpha_pattern", isNumber, fail);
  const targets = targetsOf(raw, modulesToSave, fail);
  return {
    config: {
      r,
      loraAlpha,
      loraDropout,
      // A regular expression or "all-linear": what it adapted stands in the weights' names.
      targetModules:
        typeof raw.target_modules === "string"
          ? [...new Set(modules.map((module) => module.split(".").at(-1)!))]
          : (raw.target_modules as readonly string[]),
      taskType,
      baseModel: typeof raw.base_model_name_or_path === "string" ? raw.base_model_name_or_path : "",
      modulesToSave,
      useRslora: raw.use_rslora === true,
      fanInFanOut: raw.fan_in_fan_out === true,
      ...(Object.keys(rankPattern).length === 0 ? {} : { rankPattern }),
      ...(Object.keys(alphaPattern).length === 0 ? {} : { alphaPattern }),
    },
    targets,
    startsAtZero: raw.init_lora_weights !== false,
  };
}

/** Rank and scale of one module, as PEFT finds them in the patterns. */
export function moduleScale(config: AdapterConfig, module: string): { rank: number; scale: number } {
  const { r, loraAlpha, useRslora, rankPattern = {}, alphaPattern = {} } = config;
  const rank = valueFor(rankPattern, module) ?? r;
  const alpha = valueFor(alphaPattern, module) ?? loraAlpha;
  return { rank, scale: alpha / (useRslora ? Math.sqrt(rank) : rank) };
}

function valueFor(values: Readonly<Record<string, number>>, module: string): number | undefined {
  const key = Object.keys(values).find((end) => new RegExp(`^(?:.*\\.)?(?:${end})$`, "u").test(module));
  return key === undefined ? undefined : values[key];
}

type Fail = (key: string, expected: string) => CheckpointError;

/** PEFT's `check_target_module_exists`. */
function targetsOf(
  raw: Readonly<Record<string, unknown>>,
  modulesToSave: readonly string[],
  fail: Fail,
): (module: string) => boolean {
  const excluded = excludedBy(raw.exclude_modules, fail);
  const { target_modules: asked } = raw;
  const inLayers = layersOf(raw, fail);
  const named = (list: readonly string[]) => (module: string) =>
    list.includes(module) || (list.some((end) => module.endsWith(`.${end}`)) && inLayers(module));
  const wanted =
    typeof asked !== "string"
      ? named(
          names(asked, () => fail("target_modules", "a list of names, a regular expression or all-linear")),
        )
      : asked.toLowerCase() === "all-linear"
        ? (module: string) => !/(^|\.)(lm_head|embed_out|score|classifier)$/.test(module)
        : wholeMatch(asked, () => fail("target_modules", "a regular expression that is read here"));
  return (module) =>
    !excluded(module) && !module.split(".").some((part) => modulesToSave.includes(part)) && wanted(module);
}

function excludedBy(value: unknown, fail: Fail): (module: string) => boolean {
  const wrong = () => fail("exclude_modules", "a list of names, a regular expression or null");
  if (value === undefined || value === null) return () => false;
  if (typeof value === "string") return wholeMatch(value, wrong);
  const list = names(value, wrong);
  return (module) => list.includes(module) || list.some((end) => module.endsWith(`.${end}`));
}

/** `layers_to_transform` and `layers_pattern`: which layers the names of `target_modules` mean; all where it is null or empty. */
function layersOf(raw: Readonly<Record<string, unknown>>, fail: Fail): (module: string) => boolean {
  const { layers_to_transform: asked, layers_pattern: lists } = raw;
  const layers = typeof asked === "number" ? [asked] : (asked ?? []);
  if (!Array.isArray(layers) || !layers.every((layer) => Number.isSafeInteger(layer)))
    throw fail("layers_to_transform", "a layer's number, a list of them or null");
  const before =
    typeof lists === "string" ? [lists] : names(lists ?? [], () => fail("layers_pattern", "names or null"));
  const used = before.filter((name) => name !== "");
  if (layers.length === 0) {
    if (used.length > 0) throw fail("layers_pattern", "null where layers_to_transform names no layer");
    return () => true;
  }
  if (typeof raw.target_modules === "string")
    throw fail("layers_to_transform", "null where target_modules is a regular expression");
  const places =
    used.length === 0
      ? [/^.*?\.[^.]*\.(\d+)\./u]
      : used.map((name) =>
          expression(`^(?:|.*?\\.)${name}\\.(\\d+)\\.`, () => fail("layers_pattern", "names")),
        );
  return (module) => {
    const found = places.map((place) => place.exec(module)?.[1]).find((layer) => layer !== undefined);
    return found !== undefined && layers.includes(Number(found));
  };
}

function pattern(
  raw: Readonly<Record<string, unknown>>,
  key: string,
  valid: (value: unknown) => value is number,
  fail: Fail,
): Readonly<Record<string, number>> {
  const value = raw[key] ?? {};
  const wrong = () => fail(key, "numbers by regular expression");
  if (typeof value !== "object" || Array.isArray(value)) throw wrong();
  for (const [end, one] of Object.entries(value as object)) {
    if (!valid(one)) throw wrong();
    expression(`^(?:.*\\.)?(?:${end})$`, wrong);
  }
  return value as Readonly<Record<string, number>>;
}

const wholeMatch = (source: string, wrong: () => CheckpointError): ((module: string) => boolean) => {
  const whole = expression(`^(?:${source})$`, wrong);
  return (module) => whole.test(module);
};

/** A Python expression as one of JavaScript's; what the two read differently is refused by the `u` flag or here. */
function expression(source: string, wrong: () => CheckpointError): RegExp {
  try {
    return new RegExp(source.replaceAll("(?P<", "(?<"), "u");
  } catch {
    throw wrong();
  }
}

/** Refuses a setting that changes the computation and is not read, unless its value means "off". */
function refuseOtherSettings(path: string, raw: Readonly<Record<string, unknown>>): void {
  const refuse = (key: string, advice: string) =>
    new CheckpointError(path, `${show(key)}: ${show(raw[key])} is not supported. ${advice}`);
  const merge = "Merge the adapter into its base with PEFT and use that model.";
  if (!PLAIN_STARTS.includes(raw.init_lora_weights))
    throw refuse(
      "init_lora_weights",
      "It changed the base's weights when training began. Save the adapter again with PEFT's path_initial_model_for_weight_conversion, " +
        "or merge it into its base with PEFT and use that model.",
    );
  if (!isOff(raw.bias) && raw.bias !== "none") throw refuse("bias", merge);
  for (const [key, value] of Object.entries(raw))
    if (!READ.has(key) && !Object.hasOwn(HARMLESS, key) && !isOff(value)) throw refuse(key, merge);
}

function isOff(value: unknown): boolean {
  if (value === null || value === false || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isRank = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

function names(value: unknown, error: () => CheckpointError): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) throw error();
  return value;
}
