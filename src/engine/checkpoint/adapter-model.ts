/** Adapters of models in a store, saved as PEFT folders and put back on their base. */
import { CheckpointError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { formatShape, sameShape } from "../graph/dims.ts";
import { REWARD_HEAD } from "../model/heads.ts";
import { type LoraPart, type LoraSpec, loraSpec } from "../model/lora.ts";
import { keyOf, type Model, parameterShapes, projectionsOf } from "../model/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Adapter, type LoraPair, type ReadAdapter, readAdapter, writeAdapter } from "./adapter.ts";
import { checkRecordedBase, tellOfOwnTokenizer } from "./adapter-base.ts";
import { type AdapterConfig, moduleScale } from "./adapter-config.ts";
import { adaptedProjections, inOutProjections } from "./merge.ts";
import type { NamedTensor } from "./safetensors.ts";

/** Options of `saveAdapter`. */
export type SaveAdapterOptions = {
  /** Path or hub name of the base model, by which PEFT finds it. */
  readonly baseModel: string;
  /** Becomes README.md. */
  readonly modelCard?: string;
};

/**
 * Writes a model's adapter (and its reward head) as a folder PEFT loads.
 * @throws CheckpointError when the model has no adapter
 */
export async function saveAdapter(
  runtime: Runtime,
  model: Model,
  path: string,
  { baseModel, modelCard }: SaveAdapterOptions,
): Promise<void> {
  await writeAdapter(path, await adapterOf(runtime, model, baseModel), modelCard);
}

/** A model's adapter, out of the store. @throws CheckpointError when the model has none */
export async function adapterOf(runtime: Runtime, model: Model, baseModel: string): Promise<Adapter> {
  const { lora: spec } = model;
  if (spec === undefined)
    throw new CheckpointError(model.folder || model.id, "the model has no adapter to save.");
  const tensor = async (name: string): Promise<NamedTensor> => {
    return { name, shape: model.parameters.get(name)!, data: await runtime.store.get(keyOf(model, name)) };
  };
  const lora = new Map<string, LoraPair>();
  for (const projection of adaptedProjections(model)) {
    const [a, b] = [await tensor(`${projection}.lora_A.weight`), await tensor(`${projection}.lora_B.weight`)];
    lora.set(projection, { a, b });
  }
  const saved = new Map<string, NamedTensor>();
  if (model.task === "reward") saved.set(REWARD_HEAD, await tensor(REWARD_HEAD));
  return { config: configOf(model, spec, baseModel, [...lora.keys()]), lora, saved };
}

function configOf(
  model: Model,
  spec: LoraSpec,
  baseModel: string,
  projections: readonly string[],
): AdapterConfig {
  const inOut = inOutProjections(model);
  const { parts } = spec;
  const uniform = [...(parts?.values() ?? [])].every(
    ({ rank, scale }) => rank === spec.rank && scale === spec.scale,
  );
  return {
    r: spec.rank,
    loraAlpha: spec.alpha,
    loraDropout: spec.dropout,
    targetModules: parts === undefined ? spec.targets : [...parts.keys()],
    taskType: model.task === "reward" ? "SEQ_CLS" : "CAUSAL_LM",
    baseModel,
    modulesToSave: model.task === "reward" ? ["score"] : [],
    useRslora: uniform && spec.rank > 1 && spec.scale === rankStabilised(spec.alpha, spec.rank),
    fanInFanOut: projections.some((name) => inOut.has(name)),
    ...(parts === undefined || uniform ? {} : patterns(spec, parts)),
  };
}

/** Ranks and alphas that differ from the adapter's own, by whole names. */
function patterns(
  { rank, alpha }: LoraSpec,
  parts: ReadonlyMap<string, LoraPart>,
): Pick<AdapterConfig, "rankPattern" | "alphaPattern"> {
  const exact = (name: string) => name.replaceAll(".", "\\.");
  const ranks = [...parts].filter(([, part]) => part.rank !== rank);
  const alphas = [...parts].filter(([, part]) => part.rank * part.scale !== alpha);
  return {
    ...(ranks.length === 0
      ? {}
      : { rankPattern: Object.fromEntries(ranks.map(([name, part]) => [exact(name), part.rank])) }),
    ...(alphas.length === 0
      ? {}
      : {
          alphaPattern: Object.fromEntries(
            alphas.map(([name, part]) => [exact(name), part.rank * part.scale]),
          ),
        }),
  };
}

/** Scale of rank-stabilised LoRA. Kalajdzievski 2023, https://arxiv.org/abs/2312.03732. */
const rankStabilised = (alpha: number, rank: number): number => alpha / Math.sqrt(rank);

/**
 * Puts a PEFT adapter on its base. The base's parameters are shared, not copied: one adapter at a time per model id (`copyModel` gives another), and
 * modules stored whole with the adapter, such as a reward head, replace the base's. A module that the config asks an adapter for and
 * the file has no weights of stays as it is, as with PEFT (B starts at zero), and is told.
 * @param base - without adapter; for a SEQ_CLS adapter loaded with a (new) reward head
 * @throws CheckpointError when the adapter is for another task or does not fit the base
 */
export async function loadAdapter(
  runtime: Runtime,
  base: Model,
  path: string,
  { log = silentLog }: { readonly log?: Log | undefined } = {},
): Promise<Model> {
  if (base.lora !== undefined)
    throw new CheckpointError(path, "the base model already has an adapter; merge it first.");
  const read = await readAdapter(path);
  const { config, lora, saved } = read;
  checkTask(path, base, read);
  checkSaved(path, base, read);
  tellOfMissing(path, base, read, log);
  const spec = specOf(config, [...lora.keys()]);
  const parameters = parameterShapes(base.decoder, base.task, spec);
  const adapted: Model = { ...base, lora: spec, parameters };
  const tensors = new Map(saved);
  for (const [projection, { a, b }] of lora) {
    tensors.set(`${projection}.lora_A.weight`, a);
    tensors.set(`${projection}.lora_B.weight`, b);
  }
  checkFit(path, base, adapted, tensors);
  await checkRecordedBase(path, config.baseModel, base, log);
  await tellOfOwnTokenizer(path, base, log);
  for (const [name, { shape, data }] of tensors)
    await runtime.store.set(keyOf(adapted, name), shape, Float32Array.from(data));
  return adapted;
}

/** @throws CheckpointError for a head of another kind, or one that would be random */
function checkTask(path: string, base: Model, { config, saved }: ReadAdapter): void {
  if (config.taskType === null) return;
  const task = config.taskType === "SEQ_CLS" ? "reward" : "language-model";
  if (task !== base.task)
    throw new CheckpointError(
      path,
      `its task_type is ${config.taskType}, which needs a ${task} model, got a ${base.task} model. ` +
        (task === "reward" ? "Load the base with a new reward head." : "Load the base as a language model."),
    );
  if (task === "reward" && !saved.has(REWARD_HEAD))
    throw new CheckpointError(
      path,
      `holds no ${REWARD_HEAD}: without a trained head its scores would be random.`,
    );
}

/** @throws CheckpointError for modules_to_save that are missing, or that PEFT would give another meaning */
function checkSaved(path: string, base: Model, { config, saved }: ReadAdapter): void {
  for (const module of config.modulesToSave) {
    // PEFT writes the names of all heads that there are, such as classifier and score.
    const own = [...base.parameters.keys()].find((name) => name.split(".").includes(module));
    if (own !== undefined && ![...saved.keys()].some((name) => name.split(".").includes(module)))
      throw new CheckpointError(
        path,
        `modules_to_save names "${module}", but the file has no weights for it, expected ${own}.`,
      );
  }
  const { embeddingName, config: sizes } = base.decoder;
  if (sizes.tied && base.task === "language-model" && saved.has(embeddingName))
    throw new CheckpointError(
      path,
      `modules_to_save holds ${embeddingName}, which the base also uses as its head (tie_word_embeddings): PEFT leaves the head as it was, which is ` +
        "not computed here. Merge the adapter into its base with PEFT and use that model.",
    );
}

/** @throws CheckpointError where what is missing would be random */
function tellOfMissing(
  path: string,
  base: Model,
  { config, lora, targets, startsAtZero }: ReadAdapter,
  log: Log,
): void {
  const missing = projectionsOf(base.decoder).filter((module) => targets(module) && !lora.has(module));
  if (missing.length === 0) return;
  const named = `${missing.slice(0, 3).join(", ")}${missing.length > 3 ? `, … (${missing.length} in all)` : ""}`;
  if (!startsAtZero)
    throw new CheckpointError(
      path,
      `has no weights for ${named}, and with init_lora_weights false these would be random, expected weights for all of target_modules ${config.targetModules.join(", ")}.`,
    );
  log.warn(`${path}: no weights for ${named}; the base is used there as it is, as PEFT does.`);
}

function specOf(config: AdapterConfig, modules: readonly string[]): LoraSpec {
  const { r, loraAlpha, loraDropout, targetModules } = config;
  const parts = new Map(modules.map((module): [string, LoraPart] => [module, moduleScale(config, module)]));
  const targets = targetModules.length === 0 ? modules : targetModules;
  const { scale } = moduleScale({ ...config, rankPattern: {}, alphaPattern: {} }, "");
  return {
    ...loraSpec({ r, alpha: loraAlpha, dropout: loraDropout, targetModules: targets }),
    scale,
    parts,
    on: (projection) => parts.get(projection),
  };
}

function checkFit(
  path: string,
  base: Model,
  adapted: Model,
  tensors: ReadonlyMap<string, NamedTensor>,
): void {
  for (const [name, { shape }] of tensors) {
    const expected = adapted.parameters.get(name);
    if (expected === undefined)
      throw new CheckpointError(
        path,
        `"${name}": the base model (${base.family.modelType}) has no such parameter.`,
      );
    if (!sameShape(expected, shape))
      throw new CheckpointError(
        path,
        `"${name}": expected ${formatShape(expected)}, got ${formatShape(shape)}. Is ${base.folder || base.id} the base that it was trained on?`,
      );
  }
}
