/** Stages that make the models everything starts from: imported, cut to fewer layers, trimmed to the data's vocabulary. */

import { keepFirstLayers, trimVocabulary } from "../../engine/checkpoint/derive.ts";
import { importLlama2c } from "../../engine/checkpoint/llama2c.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { modelIdentity } from "../../engine/checkpoint/model-identity.ts";
import { extractStories15M } from "../../engine/checkpoint/stories15m.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { adapterSpec } from "../../engine/model/model.ts";
import type { ModelSource } from "../recipe/model-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact, Stage } from "../stages/stage.ts";
import { readTexts } from "./data-files.ts";

/** Name of the built-in pretrained model. */
export const STORIES = "stories15M";

/** A folder with a model in it: an artefact's `model/`, or the user's own folder with its digest. */
export type ModelFolderRef = { readonly folder: string; readonly source: Artefact | string };

/** The model as published; the user's own folder is used where it lies. */
export async function baseModel({ pipeline }: JobDeps, from: string): Promise<ModelFolderRef> {
  if (from !== STORIES) return { folder: from, source: await modelIdentity(from) };
  const stage: Stage = {
    name: "import-stories15m",
    version: 1,
    config: {},
    inputs: {},
    run: async (work) => {
      await importLlama2c({ ...(await extractStories15M()), out: work.path("model"), name: STORIES });
    },
  };
  return inModelFolder(await pipeline.stage(stage));
}

/** Adapters of the students against their base, before the teacher is trained. @throws ConfigError as `adapterSpec` */
export async function checkAdapters(
  lora: LoraOptions | undefined,
  { folder, source }: ModelFolderRef,
): Promise<void> {
  // In a plan the model may not be there yet.
  const there = typeof source === "string" || source.digest !== undefined;
  if (lora !== undefined && there) adapterSpec(describeModel(await readModelConfig(folder)), lora);
}

/** A base model with fewer layers, where the source asks for it. */
export async function shallowModel(
  deps: JobDeps,
  source: ModelSource,
  base: ModelFolderRef,
  name = "first-layers",
): Promise<ModelFolderRef> {
  const { layers } = source;
  if (layers === undefined) return base;
  return inModelFolder(
    await deps.pipeline.stage({
      name,
      version: 1,
      config: { layers },
      inputs: { base: base.source },
      run: (work) => keepFirstLayers(base.folder, work.path("model"), layers),
    }),
  );
}

/** A model with the data's tokens only, where the source asks for it. */
export async function trimmedModel(
  deps: JobDeps,
  role: string,
  source: ModelSource,
  model: ModelFolderRef,
  data: Artefact,
): Promise<ModelFolderRef> {
  if (!source.trimVocabulary) return model;
  return inModelFolder(
    await deps.pipeline.stage({
      name: `${role}-vocabulary`,
      version: 1,
      config: {},
      inputs: { model: model.source, data },
      run: async (work) => {
        await trimVocabulary(model.folder, work.path("model"), { texts: await readTexts(data) });
      },
    }),
  );
}

/** The model that a stage left in its folder. */
export const inModelFolder = (artefact: Artefact): ModelFolderRef => ({
  folder: artefact.path("model"),
  source: artefact,
});
