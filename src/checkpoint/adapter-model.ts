/** Adapters of models in a store, saved as PEFT folders and put back on their base. */
import { CheckpointError } from "../core/errors.ts";
import { formatShape, sameShape } from "../graph/dims.ts";
import { REWARD_HEAD } from "../model/heads.ts";
import { type LoraSpec, loraSpec } from "../model/lora.ts";
import { keyOf, type Model, parameterShapes } from "../model/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Adapter, type AdapterConfig, type LoraPair, readAdapter, writeAdapter } from "./adapter.ts";
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
  return {
    r: spec.rank,
    loraAlpha: spec.alpha,
    loraDropout: spec.dropout,
    targetModules: spec.targets,
    taskType: model.task === "reward" ? "SEQ_CLS" : "CAUSAL_LM",
    baseModel,
    modulesToSave: model.task === "reward" ? ["score"] : [],
    useRslora: spec.rank > 1 && spec.scale === rankStabilised(spec.alpha, spec.rank),
    fanInFanOut: projections.some((name) => inOut.has(name)),
  };
}

/** Scale of rank-stabilised LoRA. Kalajdzievski 2023, https://arxiv.org/abs/2312.03732. */
const rankStabilised = (alpha: number, rank: number): number => alpha / Math.sqrt(rank);

/**
 * Puts a PEFT adapter on its base. The base's parameters are shared, not copied: one adapter at a time per model id
 * (`copyModel` gives another); a reward head stored with the adapter replaces the base's.
 * @param base - without adapter; for a SEQ_CLS adapter loaded with a (new) reward head
 * @throws CheckpointError when the adapter is for another task or does not fit the base
 */
export async function loadAdapter(runtime: Runtime, base: Model, path: string): Promise<Model> {
  if (base.lora !== undefined)
    throw new CheckpointError(path, "the base model already has an adapter; merge it first.");
  const { config, lora, saved } = await readAdapter(path);
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
  const spec = specOf(config);
  const parameters = parameterShapes(base.decoder, base.task, spec);
  const adapted: Model = { ...base, lora: spec, parameters };
  const tensors = new Map(saved);
  for (const [projection, { a, b }] of lora) {
    tensors.set(`${projection}.lora_A.weight`, a);
    tensors.set(`${projection}.lora_B.weight`, b);
  }
  checkFit(path, base, adapted, tensors);
  for (const [name, { shape, data }] of tensors)
    await runtime.store.set(keyOf(adapted, name), shape, Float32Array.from(data));
  return adapted;
}

function specOf({ r, loraAlpha, loraDropout, targetModules, useRslora }: AdapterConfig): LoraSpec {
  const spec = loraSpec({ rank: r, alpha: loraAlpha, dropout: loraDropout, targets: targetModules });
  return useRslora ? { ...spec, scale: rankStabilised(loraAlpha, r) } : spec;
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
        `"${name}": expected ${formatShape(expected)}, got ${formatShape(shape)}.`,
      );
  }
  for (const name of adapted.parameters.keys()) {
    if (!base.parameters.has(name) && !tensors.has(name))
      throw new CheckpointError(
        path,
        `"${name}" is missing: target_modules names its projection, the file has no weights.`,
      );
  }
}
