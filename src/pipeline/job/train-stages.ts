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
import { defineStage, type Inputs, type Ref, type Running } from "../stages/define.ts";
import { type JobDeps, keepCurves, stageDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { type Trained, withAdapter } from "./adapted.ts";
import { errorRateOf } from "./label-stages.ts";
import { inModelFolder, type ModelFolderRef } from "./model-stages.ts";
import { preferencePairs } from "./preference-columns.ts";
import { VALIDATION_FILE } from "./report-validation.ts";
import type { RatioModels } from "./teacher-logratios.ts";
import { type TrainerIdentity, trainElsewhere, trainerIdentity } from "./train-elsewhere.ts";
import { encodeResponses, encodeRows, type RowSource, trainingParts } from "./training-rows.ts";

/** What all training stages are given. */
export type TrainRequest = {
  /** Name of the stage. */
  readonly name: string;
  readonly model: ModelFolderRef;
  readonly rows: RowSource;
  readonly limits: TokenLimits;
  /** Train adapters on frozen weights, kept in `adapter/`; `model/` is the merged one, or with `keep: adapter` these in a model folder. */
  readonly lora?: LoraOptions | undefined;
  /** Leave `model/` out: with `lora` alone. */
  readonly adapterOnly?: boolean | undefined;
  /** Who trains, where that is not this program. */
  readonly trainer?: TrlTrainer | undefined;
};

/** All that a training depends on beside its inputs, with how its rows are made of these. */
type TrainConfig = Pick<TrainRequest, "limits" | "lora" | "adapterOnly"> & {
  readonly settings: TrainSettings;
  readonly trainer?: TrainerIdentity | undefined;
  readonly rows?: unknown;
};
type TrainInputs = { readonly model: Ref } & Inputs;
type Training<Config extends TrainConfig = TrainConfig, In extends TrainInputs = TrainInputs> = Running<
  Config,
  In,
  Pick<TrainRequest, "trainer">
>;

/** What every training's key holds, with its own settings. Of a trainer, what the result depends on. */
const configOf = <Own>({ limits, lora, adapterOnly, trainer, rows }: TrainRequest, own: Own) => ({
  ...{ limits, lora, adapterOnly, trainer: trainer && trainerIdentity(trainer), rows: rows.spec },
  ...own,
});

const inputsOf = ({ model, rows }: TrainRequest) => ({ model, rows: rows.from, beside: rows.beside });

/** A training as it is asked for. */
type Asked<Config extends TrainConfig, In extends TrainInputs> = {
  readonly version: number;
  readonly train: (training: Training<Config, In>, read: RowSource["read"]) => Promise<void>;
  readonly config: Config;
  readonly inputs: In;
};

/** Asks for a training. Its key holds all that its rows are made of (`defineRows`), so that their reader may be handed on. */
async function trained<Config extends TrainConfig, In extends TrainInputs>(
  deps: JobDeps,
  { name, rows, trainer }: TrainRequest,
  { version, train, config, inputs }: Asked<Config, In>,
): Promise<ModelFolderRef> {
  const run = (training: Training<Config, In>) => train(training, rows.read);
  return inModelFolder(await defineStage({ version, run })(deps, { name, config, inputs, how: { trainer } }));
}

/** A training that has nothing beside its settings. */
const plainTraining =
  (version: number, train: Asked<TrainConfig, TrainInputs>["train"]) =>
  (deps: JobDeps, request: TrainRequest & { readonly settings: TrainSettings }): Promise<ModelFolderRef> => {
    const config = configOf(request, { settings: request.settings });
    return trained(deps, request, { version, train, config, inputs: inputsOf(request) });
  };

/** Fine-tunes on the preferred responses. */
export const sftStage = plainTraining(2, fineTune);

async function fineTune(training: Training, read: RowSource["read"]): Promise<void> {
  const { name, work, config, tools, how } = training;
  const { settings, limits } = config;
  if (how.trainer !== undefined) return trainElsewhere(training, how.trainer, { kind: "sft", read });
  await withModel(training, async (policy, tokenizer) => {
    const asked = { name, settings, rows: await read(tools.log) };
    const parts = await trainingParts(work, asked, (some) => encodeResponses(tokenizer, some, limits));
    return withAdapter(training, policy, (model) =>
      trainSft(stageDeps(tools), {
        model,
        rows: parts.training.tokenRows,
        validation: parts.validation?.tokenRows,
        settings: parts.settings,
        folder: work.scratch,
      }),
    );
  });
}

/** Options of `preferStage`. */
export type PreferRequest = TrainRequest &
  PreferSettings & {
    /** The labels whose error rate `flip: auto` takes. */
    readonly errors?: Artefact | undefined;
    /** The teacher's models, for wspo. */
    readonly teacher?: RatioModels | undefined;
  };

type PreferInputs = TrainInputs & {
  readonly errors?: Artefact | undefined;
  readonly teacher?: Ref | undefined;
  readonly teacherReference?: Ref | undefined;
};

/** Preference training; the reference is the model it starts from, scored once before. */
export function preferStage(deps: JobDeps, request: PreferRequest): Promise<ModelFolderRef> {
  const { settings, loss, errors, teacher } = request;
  // An input of a stage whose loss reads it.
  const ratios = loss.type === "wspo" ? teacher : undefined;
  return trained(deps, request, {
    version: 2,
    train: prefer,
    config: configOf(request, { settings, loss }),
    inputs: {
      ...inputsOf(request),
      errors: isAuto(loss) ? errors : undefined,
      teacher: ratios?.policy,
      teacherReference: ratios?.reference,
    },
  });
}

const isAuto = (loss: PreferSettings["loss"]) => "flip" in loss && loss.flip === "auto";

async function prefer(
  training: Training<TrainConfig & Pick<PreferSettings, "loss">, PreferInputs>,
  read: RowSource["read"],
): Promise<void> {
  const { name, work, config, inputs, tools, how } = training;
  const { settings, limits } = config;
  const { errors, teacher: policy, teacherReference: reference } = inputs;
  const loss = resolveFlip(config.loss, errors && (await errorRateOf(errors)), name);
  if (how.trainer !== undefined) return trainElsewhere(training, how.trainer, { kind: "prefer", read, loss });
  await withModel(training, async (start, tokenizer) => {
    const asked = { name, settings, rows: await read(tools.log) };
    const parts = await trainingParts(work, asked, (some) => encodeRows(tokenizer, some, limits));
    const setup = {
      ...{ deps: tools, work, name, policy: start, student: inputs.model.folder, loss, seed: settings.seed },
      teacher: policy && reference && { policy, reference },
    };
    const pairs = {
      ...(await preferencePairs(setup, parts.training)),
      validation: parts.validation && (await preferencePairs(setup, parts.validation, "validation-")),
    };
    const how = { loss, settings: parts.settings, folder: work.scratch };
    return withAdapter(training, start, (model) =>
      trainPreference(stageDeps(tools), { model, ...pairs, ...how }),
    );
  });
}

/** Trains a Bradley-Terry head on a language model: with all weights below it, or with adapters on them. */
export const rewardStage = plainTraining(3, reward);

async function reward(training: Training, read: RowSource["read"]): Promise<void> {
  const { name, work, config, tools, how } = training;
  const { settings, limits } = config;
  if (how.trainer !== undefined) return trainElsewhere(training, how.trainer, { kind: "reward", read });
  const train = async (policy: Model, tokenizer: Tokenizer) => {
    const asked = { name, settings, rows: await read(tools.log) };
    const parts = await trainingParts(work, asked, (some) => encodeRows(tokenizer, some, limits));
    return withAdapter(training, policy, (model) =>
      trainReward(stageDeps(tools), {
        model,
        rows: parts.training.tokenRows,
        validation: parts.validation && { rows: parts.validation.tokenRows },
        settings: parts.settings,
        folder: work.scratch,
      }),
    );
  };
  await withModel(training, train, settings.seed);
}

/** Loads the start, trains, saves `model/` (unless the adapter alone is wanted), the curves and what came of validation, and takes everything out of the store. */
async function withModel(
  { work, config, inputs, tools }: Training,
  train: (model: Model, tokenizer: Tokenizer) => Promise<Trained>,
  rewardHeadSeed?: number,
): Promise<void> {
  const { runtime } = stageDeps(tools);
  const { folder } = inputs.model;
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
    const isKept = config.adapterOnly === true || config.lora?.keep === "adapter";
    if (!isKept)
      await checkFree(work.folder, 4 * parameterCount(model.parameters), "the model that this stage makes");
    const done = await train(model, tokenizer);
    trained = done.model;
    if (!isKept) await saveModel(runtime, trained, work.path("model"));
    if (done.result.validation !== undefined) await VALIDATION_FILE.write(work, done.result.validation);
    await keepCurves(work);
  } finally {
    await releaseModel(runtime, model);
    if (trained !== model) await releaseModel(runtime, trained);
  }
}
