/** Stages that train: SFT, preference training and reward heads, each from a model folder and a file of rows to a model folder. */

import { checkFree } from "../../base/core/disk.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { loadModel, saveModel } from "../../engine/checkpoint/load-model.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { type Model, parameterCount, releaseModel } from "../../engine/model/model.ts";
import type { TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import { resolveFlip } from "../../method/objective/loss-spec.ts";
import { trainPreference } from "../../method/train/prefer.ts";
import { trainReward } from "../../method/train/reward.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { trainSft } from "../../method/train/sft.ts";
import type { PreferSettings } from "../recipe/model-settings.ts";
import type { TrlTrainer } from "../recipe/trainer.ts";
import { type JobDeps, keepCurves, stageDeps } from "../stages/deps.ts";
import { atWork } from "../stages/progress.ts";
import type { Stage, WorkFolder } from "../stages/stage.ts";
import { type Trained, withAdapter } from "./adapted.ts";
import { inModelFolder, type ModelFolderRef } from "./model-stages.ts";
import { preferencePairs } from "./preference-columns.ts";
import { VALIDATION_FILE } from "./report-validation.ts";
import type { RatioModels } from "./teacher-logratios.ts";
import { type TrainElsewhere, trainElsewhere, trainerConfig } from "./train-elsewhere.ts";
import { encodeResponses, encodeRows, type RowSource, trainingParts } from "./training-rows.ts";

/** What rows add to the identity of the stage that trains on them. */
const rowInputs = ({ from, beside }: RowSource) => ({ rows: from, ...(beside ? { beside } : {}) });
const rowConfig = ({ spec }: RowSource) => (spec === undefined ? {} : { rows: spec });

/** What all training stages are given. */
export type TrainRequest = {
  /** Name of the stage. */
  readonly name: string;
  readonly model: ModelFolderRef;
  readonly rows: RowSource;
  readonly limits: TokenLimits;
  /** Train adapters on frozen weights, kept in `adapter/`; `model/` is the merged one. */
  readonly lora?: LoraOptions | undefined;
  /** Leave `model/` out: with `lora` alone. */
  readonly adapterOnly?: boolean | undefined;
  /** Who trains, where that is not this program. */
  readonly trainer?: TrlTrainer | undefined;
};

/** What adapters add to the identity of a stage: nothing where there are none. */
const adapterConfig = ({ lora, adapterOnly }: TrainRequest) => ({
  ...(lora && { lora }),
  ...(adapterOnly === true && { adapterOnly }),
});

/** The training by a trainer of others, where the request names one. */
const byOthers = (
  deps: JobDeps,
  work: WorkFolder,
  { trainer, ...training }: Omit<TrainElsewhere, "trainer"> & Pick<TrainRequest, "trainer">,
): Promise<void> | undefined => trainer && trainElsewhere(deps, work, { ...training, trainer });

/** Fine-tunes on the preferred responses. */
export async function sftStage(
  deps: JobDeps,
  request: TrainRequest & { settings: TrainSettings },
): Promise<ModelFolderRef> {
  const { name, model, rows, limits, settings } = request;
  const stage: Stage = {
    name,
    version: 2,
    config: { settings, limits, ...adapterConfig(request), ...trainerConfig(request), ...rowConfig(rows) },
    inputs: { model: model.source, ...rowInputs(rows) },
    run: (work) =>
      byOthers(atWork(deps, work), work, { ...request, kind: "sft" }) ??
      withModel(atWork(deps, work), request, work, async (policy, tokenizer) => {
        const parts = await trainingParts(work, request, (some) => encodeResponses(tokenizer, some, limits));
        return withAdapter(deps, work, { ...request, policy, seed: settings.seed }, (trained) =>
          trainSft(stageDeps(atWork(deps, work)), {
            model: trained,
            rows: parts.training.tokenRows,
            validation: parts.validation?.tokenRows,
            settings: parts.settings,
            folder: work.scratch,
          }),
        );
      }),
  };
  return inModelFolder(await deps.pipeline.stage(stage));
}

/** Options of `preferStage`. */
export type PreferRequest = TrainRequest &
  PreferSettings & {
    /** The labels' error rate, for `flip: auto`. */
    readonly errorRate?: (() => Promise<number>) | undefined;
    /** The teacher's models, for wspo. */
    readonly teacher?: RatioModels | undefined;
  };

/** Preference training; the reference is the model it starts from, scored once before. */
export async function preferStage(deps: JobDeps, request: PreferRequest): Promise<ModelFolderRef> {
  const { name, model, rows, limits, settings, loss: asked, teacher } = request;
  const stage: Stage = {
    name,
    version: 2,
    config: {
      ...{ settings, loss: asked, limits },
      ...{ ...adapterConfig(request), ...trainerConfig(request), ...rowConfig(rows) },
    },
    inputs: { model: model.source, ...rowInputs(rows), ...ratioInputs(request) },
    run: async (work) => {
      const here = atWork(deps, work);
      const auto = "flip" in asked && asked.flip === "auto";
      const loss = resolveFlip(asked, auto ? await request.errorRate?.() : undefined, name);
      const others = byOthers(here, work, { ...request, kind: "prefer", loss });
      if (others !== undefined) return others;
      return withModel(here, request, work, async (policy, tokenizer) => {
        const parts = await trainingParts(work, request, (some) => encodeRows(tokenizer, some, limits));
        const start = { policy, student: model.folder };
        const setup = { deps: here, work, name, ...start, loss, seed: settings.seed, teacher };
        const beside = {
          ...(await preferencePairs(setup, parts.training)),
          validation: parts.validation && (await preferencePairs(setup, parts.validation, "validation-")),
          loss,
          settings: parts.settings,
          folder: work.scratch,
        };
        return withAdapter(deps, work, { ...request, policy, seed: settings.seed }, (trained) =>
          trainPreference(stageDeps(here), { model: trained, ...beside }),
        );
      });
    },
  };
  return inModelFolder(await deps.pipeline.stage(stage));
}

/** The teacher is an input of a stage whose loss reads it. */
const ratioInputs = ({ loss, teacher }: PreferRequest) =>
  loss.type === "wspo" && teacher !== undefined
    ? { teacher: teacher.policy.source, teacherReference: teacher.reference.source }
    : {};

/** Trains a Bradley-Terry head on a language model: with all weights below it, or with adapters on them. */
export async function rewardStage(
  deps: JobDeps,
  request: TrainRequest & { settings: TrainSettings },
): Promise<ModelFolderRef> {
  const { name, model, rows, limits, settings } = request;
  const stage: Stage = {
    name,
    version: 3,
    config: { settings, limits, ...adapterConfig(request), ...trainerConfig(request), ...rowConfig(rows) },
    inputs: { model: model.source, ...rowInputs(rows) },
    run: (work) =>
      byOthers(atWork(deps, work), work, { ...request, kind: "reward" }) ??
      withModel(
        deps,
        request,
        work,
        async (policy, tokenizer) => {
          const parts = await trainingParts(work, request, (some) => encodeRows(tokenizer, some, limits));
          return withAdapter(deps, work, { ...request, policy, seed: settings.seed }, (trained) =>
            trainReward(stageDeps(atWork(deps, work)), {
              model: trained,
              rows: parts.training.tokenRows,
              validation: parts.validation && { rows: parts.validation.tokenRows },
              settings: parts.settings,
              folder: work.scratch,
            }),
          );
        },
        settings.seed,
      ),
  };
  return inModelFolder(await deps.pipeline.stage(stage));
}

/** Loads the start, trains, saves `model/` (unless the adapter alone is wanted), the curves and what came of validation, and takes everything out of the store. */
async function withModel(
  deps: JobDeps,
  { model: { folder }, adapterOnly }: Pick<TrainRequest, "model" | "adapterOnly">,
  work: WorkFolder,
  train: (model: Model, tokenizer: Tokenizer) => Promise<Trained>,
  rewardHeadSeed?: number,
): Promise<void> {
  const { runtime } = stageDeps(deps);
  const tokenizer = await loadTokenizer(folder);
  const head = rewardHeadSeed === undefined ? {} : { newRewardHead: { seed: rewardHeadSeed } };
  const model = await loadModel(runtime, folder, { id: "training", ...head });
  if (rewardHeadSeed === undefined && model.task !== "language-model") {
    await releaseModel(runtime, model);
    throw new CheckpointError(folder, "is a reward model, expected a language model to train.");
  }
  let trained = model;
  try {
    // Checkpoints and the model are looked at again when they are written; hours before that this much is known.
    await checkFree(work.folder, 4 * parameterCount(model.parameters), "the model that this stage makes");
    const done = await train(model, tokenizer);
    trained = done.model;
    if (adapterOnly !== true) await saveModel(runtime, trained, work.path("model"));
    if (done.result.validation !== undefined) await VALIDATION_FILE.write(work, done.result.validation);
    await keepCurves(work);
  } finally {
    await releaseModel(runtime, model);
    if (trained !== model) await releaseModel(runtime, trained);
  }
}
