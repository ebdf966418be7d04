/** A model in a parameter store: what it is, which parameters it has, and under which keys they live. */

import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import type { PackedBits, PackedWeights, PackHow } from "../graph/packed.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { packedAttention, packedInputs } from "./attention.ts";
import { createContext, type ModelContext } from "./context.ts";
import type { Task } from "./families/index.ts";
import type { Decoder, Family } from "./family.ts";
import { logits, REWARD_HEAD, rewardScores, runTrunk } from "./heads.ts";
import { isAdapterParameter, isTarget, type LoraOptions, type LoraSpec, loraSpec } from "./lora.ts";
import { packableWeights } from "./packable.ts";

/** Shapes by parameter name, in the order of first use. */
export type ParameterShapes = ReadonlyMap<string, readonly number[]>;

/** A model whose parameters are in a runtime's store. */
export type Model = {
  /** Distinguishes models in one store; keys are `${id}/${parameter}`. */
  readonly id: string;
  readonly family: Family;
  readonly decoder: Decoder;
  readonly task: Task;
  readonly lora: LoraSpec | undefined;
  readonly parameters: ParameterShapes;
  /**
   * Weights in few bits, which are not in the store. The scorer that is opened on the model takes them into its program and out of here;
   * nothing else computes with such a model.
   */
  readonly packed?: { held: PackedWeights | undefined } | undefined;
  /** The JSON object of its `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Folder it came from; its tokenizer files are there. */
  readonly folder: string;
};

/** Store key of a model's parameter. */
export const keyOf = (model: Pick<Model, "id">, parameter: string): string => `${model.id}/${parameter}`;

/** Names of what training changes: the adapters (and a reward head) where there are adapters, else everything. */
export function trainableParameters(model: Pick<Model, "parameters" | "lora">): string[] {
  const names = [...model.parameters.keys()];
  if (model.lora === undefined) return names;
  return names.filter((name) => isAdapterParameter(name) || name === REWARD_HEAD);
}

/** Builds a decoder under a task once. */
function built(decoder: Decoder, task: Task, lora?: LoraSpec): { context: ModelContext; end: Tensor } {
  const inputs = packedInputs();
  const context = createContext({ ...inputs, attention: packedAttention(inputs), lora });
  const { hidden } = runTrunk(context, decoder);
  const reward = () => rewardScores(context, decoder, hidden, input("ends", "int", ["S"]));
  return { context, end: task === "reward" ? reward() : logits(context, decoder, hidden) };
}

/** The parameters a decoder has under a task, found by building it once. */
export function parameterShapes(decoder: Decoder, task: Task, lora?: LoraSpec): ParameterShapes {
  return new Map(
    [...built(decoder, task, lora).context.parameters()].map(([name, tensor]) => [
      name,
      tensor.shape as readonly number[],
    ]),
  );
}

/** How a decoder's weights are packed for scoring, by name; others stay float32. */
export const packableOf = (decoder: Decoder, task: Task, bits: PackedBits): ReadonlyMap<string, PackHow> =>
  packableWeights(built(decoder, task).end, bits, (name) => name === decoder.headName);

/** Elements of all parameters, or of those named. */
export function parameterCount(shapes: ParameterShapes, names: Iterable<string> = shapes.keys()): number {
  let total = 0;
  for (const name of names) total += shapes.get(name)!.reduce((product, size) => product * size, 1);
  return total;
}

/**
 * An adapter for a model, on the family's usual projections where no targets are named.
 * @throws ConfigError as `loraSpec`, and for targets that are on no projection of the model
 */
export function adapterSpec(
  { family, decoder }: Pick<Model, "family" | "decoder">,
  options: LoraOptions,
): LoraSpec {
  const spec = loraSpec(options, family.loraTargets);
  checkTargets({ family, decoder }, spec);
  return spec;
}

/** A target that adapts nothing is a slip, and where all do there is nothing to train. */
function checkTargets({ family, decoder }: Pick<Model, "family" | "decoder">, { targets }: LoraSpec): void {
  const projections = projectionsOf(decoder);
  const names = [...new Set(projections.map((name) => name.split(".").at(-1)!))];
  const unknown = targets.filter((target) => !projections.some((name) => isTarget(name, target)));
  if (unknown.length === 0) return;
  throw new ConfigError(
    unknown.map((target) => {
      const advice =
        didYouMean(target, names) ||
        `. Name some of these, or none for the usual of the family (${family.loraTargets.join(", ")}).`;
      return `lora.target_modules: "${target}" is on no projection of the model (${family.modelType}), expected some of ${names.join(", ")}${advice}`;
    }),
  );
}

/** Names (without ".weight") of what an adapter can sit on, found by putting one everywhere. */
export function projectionsOf(decoder: Decoder): string[] {
  const everywhere: LoraSpec = {
    ...loraSpec({ r: 1, alpha: 1, dropout: 0, targetModules: ["all"] }),
    on: () => ({ rank: 1, scale: 1 }),
  };
  const end = ".lora_A.weight";
  return [...parameterShapes(decoder, "language-model", everywhere).keys()]
    .filter((name) => name.endsWith(end))
    .map((name) => name.slice(0, -end.length));
}

/**
 * Adds an adapter to a model: A is drawn uniformly as PEFT does (Kaiming with a = √5, so ±1/√in), B is zero, and the
 * adapted model starts equal to its base.
 * @throws ConfigError for targets that are on no projection of the model
 */
export async function addAdapter(
  runtime: Runtime,
  model: Model,
  lora: LoraSpec,
  seed: number,
): Promise<Model> {
  checkTargets(model, lora);
  const adapted = { ...model, lora, parameters: parameterShapes(model.decoder, model.task, lora) };
  const rng = createRng(seed);
  for (const [name, shape] of adapted.parameters) {
    if (!isAdapterParameter(name)) continue;
    const data = new Float32Array(shape[0]! * shape[1]!);
    if (name.endsWith("lora_A.weight")) {
      const draw = rng.fork(name);
      const bound = 1 / Math.sqrt(shape[1]!);
      for (let i = 0; i < data.length; i++) data[i] = (2 * draw.next() - 1) * bound;
    }
    await runtime.store.set(keyOf(adapted, name), shape, data);
  }
  return adapted;
}

/** A copy of all parameters under another id, such as the frozen reference of a policy. */
export async function copyModel(runtime: Runtime, model: Model, id: string): Promise<Model> {
  const copy = { ...model, id };
  for (const name of model.parameters.keys()) await runtime.store.copy(keyOf(model, name), keyOf(copy, name));
  return copy;
}

/** Takes a model's parameters out of the store. */
export async function releaseModel(runtime: Runtime, model: Model): Promise<void> {
  await runtime.store.delete([...model.parameters.keys()].map((name) => keyOf(model, name)));
}
