/** Stages that make the models everything starts from: imported, cut to fewer layers, trimmed to the data's vocabulary. */

import { keepFirstLayers, trimVocabulary } from "../../engine/checkpoint/derive.ts";
import { importLlama2c } from "../../engine/checkpoint/llama2c.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { extractStories15M, STORIES } from "../../engine/checkpoint/stories15m.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { adapterSpec } from "../../engine/model/model.ts";
import type { ModelSource } from "../recipe/model-settings.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { readTexts } from "./data-files.ts";

/** A folder with a model in it: an artefact's `model/`, or the user's own folder with its identity. */
export type ModelFolderRef = Ref;

const importing = defineStage({
  version: 1,
  async run({ work }: Running<Record<string, never>, Record<string, never>>) {
    await importLlama2c({ ...(await extractStories15M()), out: work.path("model"), name: STORIES });
  },
});

/** The model as published; the user's own folder is used where it lies. */
export async function baseModel(deps: JobDeps, from: string): Promise<ModelFolderRef> {
  if (from !== STORIES) return givenModel(from);
  return inModelFolder(await importing(deps, { name: "import-stories15m", config: {}, inputs: {} }));
}

/** A model folder of the user's own. @throws as `modelIdentity` */
export const givenModel = async (folder: string): Promise<ModelFolderRef> => ({
  folder,
  source: await modelIdentity(folder),
});

/** Adapters of the students against their base, before the teacher is trained. @throws ConfigError as `adapterSpec` */
export async function checkAdapters(
  lora: LoraOptions | undefined,
  { folder, source }: ModelFolderRef,
): Promise<void> {
  // In a plan the model may not be there yet.
  const there = typeof source === "string" || source.digest !== undefined;
  if (lora !== undefined && there) adapterSpec(describeModel(await readModelConfig(folder)), lora);
}

const cutting = defineStage({
  version: 1,
  run: ({ work, config, inputs }: Running<{ readonly layers: number }, { readonly base: Ref }>) =>
    keepFirstLayers(inputs.base.folder, work.path("model"), config.layers),
});

/** A base model with fewer layers, where the source asks for it. */
export async function shallowModel(
  deps: JobDeps,
  { layers }: ModelSource,
  base: ModelFolderRef,
  name = "first-layers",
): Promise<ModelFolderRef> {
  if (layers === undefined) return base;
  return inModelFolder(await cutting(deps, { name, config: { layers }, inputs: { base } }));
}

const trimming = defineStage({
  version: 1,
  async run({
    work,
    inputs: { model, data },
  }: Running<Record<string, never>, { readonly model: Ref; readonly data: Artefact }>) {
    await trimVocabulary(model.folder, work.path("model"), { texts: await readTexts(data) });
  },
});

/** A model with the data's tokens only, where the source asks for it. */
export async function trimmedModel(
  deps: JobDeps,
  role: string,
  source: ModelSource,
  model: ModelFolderRef,
  data: Artefact,
): Promise<ModelFolderRef> {
  if (source.vocabulary === "keep") return model;
  return inModelFolder(
    await trimming(deps, { name: `${role}-vocabulary`, config: {}, inputs: { model, data } }),
  );
}

/** The model that a stage left in its folder. */
export const inModelFolder = (artefact: Artefact): ModelFolderRef => ({
  folder: artefact.path("model"),
  source: artefact,
});
