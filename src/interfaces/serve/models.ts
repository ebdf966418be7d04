/** The models of a server: a base, adapters on it, and a reference, by the names that requests call them. */
import { basename, resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { CheckpointError, ConfigError } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import { digestAdapter, readAdapter } from "../../engine/checkpoint/adapter.ts";
import { loadAdapter } from "../../engine/checkpoint/adapter-model.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { copyModel } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { loadTokenizer } from "../../engine/text/tokenizer.ts";
import { checkReference } from "../../method/teacher/implicit-reward.ts";
import { modelDigest, type TeacherModel } from "../../method/teacher/teacher-model.ts";
import { Problem } from "./problem.ts";

/** A model that answers to a name. */
export type ServedModel = TeacherModel & {
  readonly name: string;
  /** Name of the base it is an adapter of; null for a model of its own. */
  readonly parent: string | null;
  /** What implicit rewards are measured against. */
  readonly reference: ServedModel | undefined;
};

/** Which models to load. */
export type ModelsOptions = {
  /** Model folder of a language model or a reward model. */
  readonly model: string;
  /** Default: the folder's name. */
  readonly name?: string | undefined;
  /** PEFT adapters on the model, each under its name; their reference is the model. */
  readonly adapters?: readonly { readonly name: string; readonly folder: string }[] | undefined;
  /** Model folder; served under the name `reference`. */
  readonly reference?: string | undefined;
  readonly log?: Log | undefined;
};

/** Name of the reference among the models. */
export const REFERENCE_NAME = "reference";

/**
 * Loads the models of a server. The first adapter shares the base's weights, each further one takes a copy of them.
 * @throws ConfigError when two have one name; CheckpointError when a folder is wrong or the reference does not fit the model
 */
export async function loadServedModels(
  runtime: Runtime,
  options: ModelsOptions,
): Promise<Map<string, ServedModel>> {
  const { adapters = [], reference: folder } = options;
  const name = options.name ?? basename(resolve(options.model));
  checkNames([name, ...adapters.map((adapter) => adapter.name), ...(folder ? [REFERENCE_NAME] : [])]);
  const loaded = await load(runtime, options.model, name);
  const reference = folder === undefined ? undefined : await load(runtime, folder, REFERENCE_NAME);
  if (reference !== undefined) {
    checkTasks(loaded, reference, folder!);
    await checkReference({ model: options.model, reference: folder! }, loaded, reference);
  }
  const base = { ...loaded, reference };
  const models = new Map([[name, base]]);
  for (const [i, adapter] of adapters.entries())
    models.set(adapter.name, await withAdapter(runtime, base, { ...adapter, log: options.log }, i));
  if (reference !== undefined) models.set(REFERENCE_NAME, reference);
  return models;
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ConfigError(
      `serve: two models are called ${twice}, expected a name for each. Name them with --name and --lora name=folder.`,
    );
}

async function load(runtime: Runtime, folder: string, name: string): Promise<ServedModel> {
  const [digest, tokenizer] = await Promise.all([modelDigest(folder), loadTokenizer(folder)]);
  const model = await loadModel(runtime, folder, { id: `serve/${name}` });
  return { name, parent: null, model, tokenizer, digest, reference: undefined };
}

function checkTasks(policy: ServedModel, reference: ServedModel, folder: string): void {
  for (const { model, name } of [policy, reference])
    if (model.task !== "language-model")
      throw new CheckpointError(
        folder,
        `cannot be a reference here, expected two language models, got a reward model (${name}). Leave --reference out.`,
      );
}

async function withAdapter(
  runtime: Runtime,
  base: ServedModel,
  { name, folder, log }: { readonly name: string; readonly folder: string; readonly log?: Log | undefined },
  index: number,
): Promise<ServedModel> {
  const adapter = await readAdapter(folder);
  // Modules stored whole with an adapter would replace the base's own, which is served too.
  const shared = index === 0 && adapter.saved.size === 0;
  const under = shared ? base.model : await copyModel(runtime, base.model, `serve/${name}`);
  const model = await loadAdapter(runtime, under, folder, { log });
  const digest = digestOf({ base: base.digest, adapter: digestAdapter(adapter) });
  return { ...base, name, parent: base.name, model, digest, reference: base };
}

/** The model of a request; without a name the base. @throws Problem 404 */
export function modelNamed(
  models: ReadonlyMap<string, ServedModel>,
  name: string | null | undefined,
): ServedModel {
  const [first] = models.values();
  const found = name === null || name === undefined ? first : models.get(name);
  if (found !== undefined) return found;
  throw new Problem(
    404,
    `model: is not served here, expected one of ${[...models.keys()].join(", ")}, got ${JSON.stringify(name!.slice(0, 100))}.`,
    { param: "model", code: "model_not_found" },
  );
}
