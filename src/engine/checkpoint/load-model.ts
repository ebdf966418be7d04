/** Model folders to models in a parameter store, and back. */
import { checkFree } from "../../base/core/disk.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { formatShape, sameShape } from "../graph/dims.ts";
import type { PackedBits } from "../graph/packed.ts";
import type { ModelDescription, Task } from "../model/families/index.ts";
import { REWARD_HEAD } from "../model/heads.ts";
import { isAdapterParameter } from "../model/lora.ts";
import { keyOf, type Model, packableOf, parameterCount, parameterShapes } from "../model/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { WeightDtype } from "./dtypes.ts";
import { openPacking } from "./few-bits.ts";
import { type ModelFolder, openModelFolder } from "./model-folder.ts";
import type { NamedTensor } from "./safetensors.ts";
import { HEADS, storedNames } from "./stored-names.ts";
import { describeFolder } from "./tied-head.ts";
import { writeModelFolder } from "./write-model.ts";

/** Options of `loadModel`. */
export type LoadOptions = {
  /** Distinguishes the model in the store; default: its path. */
  readonly id?: string;
  /** Asks for a fresh scalar head on a language model, drawn with this seed. Without it a missing head is an error. */
  readonly newRewardHead?: { readonly seed: number };
  /** Holds weights in so few bits, for scoring alone (`Model.packed`); the folder stays as it is. */
  readonly bits?: PackedBits | undefined;
};

/**
 * Loads a Hugging Face model folder into a runtime's store, as float32.
 * @throws CheckpointError when the folder, its config or a tensor is wrong, missing or left over
 */
export async function loadModel(runtime: Runtime, path: string, options: LoadOptions = {}): Promise<Model> {
  const folder = await openModelFolder(path);
  try {
    const described = await describeFolder(folder);
    const { family, decoder, task: stored } = described;
    const task: Task = options.newRewardHead ? "reward" : stored;
    const parameters = parameterShapes(decoder, task);
    const names = matchNames(folder, described, [...parameters.keys()], task);
    const { id = path, bits } = options;
    const packing = openPacking(folder.path, bits, (few) => packableOf(decoder, task, few));
    for (const [name, shape] of parameters) {
      const source = names.get(name);
      const data =
        source === undefined
          ? newHead(shape, options.newRewardHead!.seed)
          : await readTensor(folder, source, shape);
      if (!packing?.take(name, data)) await runtime.store.set(keyOf({ id }, name), shape, data);
    }
    return {
      id,
      family,
      decoder,
      task,
      lora: undefined,
      parameters,
      packed: packing && { held: packing.held },
      config: options.newRewardHead ? withPadding(described) : described.config,
      folder: folder.path,
    };
  } finally {
    await folder.close();
  }
}

async function readTensor(
  folder: ModelFolder,
  name: string,
  shape: readonly number[],
): Promise<Float32Array> {
  const { shape: stored } = folder.info(name);
  if (!sameShape(stored, shape))
    throw new CheckpointError(
      folder.path,
      `"${name}" is ${formatShape(stored)}, config.json implies ${formatShape(shape)}.`,
    );
  return folder.read(name);
}

/** Small normal entries, as Hugging Face initialises a new head. */
function newHead(shape: readonly number[], seed: number): Float32Array {
  const rng = createRng(seed).fork("reward-head");
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.02 * rng.normal());
}

/** Buffers that older files carry: causal masks and rotary tables. They are computed here, not read. */
const BUFFER =
  /(\.attn\.(attention\.)?(bias|masked_bias)|\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)|rotary_emb\.inv_freq)$/;

/** Stored name of each parameter; names may lack the family's prefix, as on the hub. */
function matchNames(
  folder: ModelFolder,
  described: ModelDescription,
  wanted: readonly string[],
  task: Task,
): Map<string, string> {
  const { family, task: stored, container } = described;
  const available = new Set(folder.names);
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const name of wanted) {
    const source = storedNames(name, family).find((candidate) => available.has(candidate));
    if (source !== undefined) found.set(name, source);
    else if (!(name === REWARD_HEAD && stored === "language-model")) missing.push(name);
  }
  if (missing.length > 0) {
    const head = missing.includes(REWARD_HEAD)
      ? " A reward model without a trained head gives random scores."
      : "";
    throw new CheckpointError(
      folder.path,
      `has no tensor for ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? `, … (${missing.length} in all)` : ""}.${head}`,
    );
  }
  const used = new Set(found.values());
  // The language-model head is not part of a reward model; a tied head may be stored twice.
  const heads = new Set([
    ...HEADS.flatMap((name) => storedNames(name, family)),
    ...(task === "language-model" ? [] : [REWARD_HEAD]),
  ]);
  const isRest = (name: string) => container?.rest.test(name) ?? false;
  const left = folder.names.filter(
    (name) => !used.has(name) && !BUFFER.test(name) && !heads.has(name) && !isRest(name),
  );
  if (left.length > 0)
    throw new CheckpointError(
      folder.path,
      `holds tensors that ${family.modelType} does not have: ${left.slice(0, 5).join(", ")}.`,
    );
  return found;
}

/** Options of `saveModel`. */
export type SaveOptions = { readonly dtype?: WeightDtype; readonly modelCard?: string };

/**
 * Writes a model as a folder that `transformers` loads. Adapters must be merged first (`mergeAdapter`).
 * @throws CheckpointError when the model still has an adapter; AlignError "io" when the disk has no room for it
 */
export async function saveModel(
  runtime: Runtime,
  model: Model,
  path: string,
  options: SaveOptions = {},
): Promise<void> {
  if (model.lora !== undefined)
    throw new CheckpointError(path, "the model has an adapter; merge it or save the adapter alone.");
  await checkFree(path, 4 * parameterCount(model.parameters), "the model");
  await writeModelFolder(path, {
    config: savedConfig(model),
    tensors: parametersOf(runtime, model),
    layout: [...model.parameters].flatMap(([name, shape]) =>
      isAdapterParameter(name) ? [] : [{ name, shape }],
    ),
    tokenizerFrom: model.folder,
    ...options,
  });
}

/** The parameters of a model, one at a time; adapters are left out. */
export async function* parametersOf(runtime: Runtime, model: Model): AsyncGenerator<NamedTensor> {
  for (const [name, shape] of model.parameters) {
    if (!isAdapterParameter(name)) yield { name, shape, data: await runtime.store.get(keyOf(model, name)) };
  }
}

/** The config that a saved model says: with its class, and its one label for a reward head. */
export function savedConfig({ family, task, config }: Model): Record<string, unknown> {
  if (task === "language-model") return { ...config, architectures: [family.languageModel] };
  return {
    ...config,
    architectures: [family.rewardModel],
    id2label: { 0: "LABEL_0" },
    label2id: { LABEL_0: 0 },
    num_labels: 1,
  };
}

/**
 * The config of a reward model says which token is padding, since transformers reads the score at the last other token. So
 * it is said before a new head is trained, and trained where it will be read.
 */
function withPadding({
  config,
  family,
}: Pick<ModelDescription, "config" | "family">): Record<string, unknown> {
  const { pad_token_id: said = family.padToken, eos_token_id: eos } = config;
  return { ...config, pad_token_id: said ?? firstId(eos) ?? 0 };
}

const firstId = (ids: unknown): unknown => (Array.isArray(ids) ? ids[0] : ids);
