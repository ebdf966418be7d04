/** One training stage as one call: a data file and a model folder in, a model folder out. */
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { freeBytes } from "../../base/core/disk.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { formatBytes, silentLog } from "../../base/core/log.ts";
import { settingsOf } from "../../base/settings/set.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { parameterCount } from "../../engine/model/model.ts";
import { readPreferences } from "../../method/data/load.ts";
import type { PairOptions } from "../../method/data/pairs.ts";
import { digestSources, type Source } from "../../method/data/source.ts";
import { CHECKPOINT_BYTES } from "../../method/train/estimate.ts";
import { fetchModel } from "../recipe/hub-models.ts";
import { preferOf } from "../recipe/job.ts";
import { adaptedSftSchema, adaptersIn, preferSchema, rewardSchema, sftOf } from "../recipe/training.ts";
import type { Digested } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import { runSingle, type SingleOptions } from "../stages/single.ts";
import type { StageStep } from "../stages/steps.ts";
import { encodableBy } from "./encodable.ts";
import { type AskedLimits, limitsFor } from "./model-checks.ts";
import { shapeOf } from "./model-shape.ts";
import { checkAdapters, givenModel } from "./model-stages.ts";
import { checkReadable, checkRows } from "./row-checks.ts";
import { preferStage, rewardStage, sftStage, type TrainRequest } from "./train-stages.ts";
import { defineRows } from "./training-rows.ts";

/** What is trained: on chosen responses, on preferences against the start as reference, or a Bradley-Terry reward head. */
export type TrainingKind = "sft" | "prefer" | "reward";

/** What to train from what. */
export type TrainModelRequest = SingleOptions &
  AskedLimits & {
    readonly kind: TrainingKind;
    /** Preferences. */
    readonly file: Source;
    /** The model to start from: a folder, or hub:Owner/name[@revision]. */
    readonly model: string;
    /** Training settings as texts of `--set`, named as in recipes. */
    readonly set: readonly string[];
    readonly read: PairOptions;
    readonly seed: number;
    /** Of a training with `lora`: leave the merged model out, and keep the adapter alone. */
    readonly adapterOnly?: boolean | undefined;
  };

/**
 * Trains, or says what would be done; the model is in `model/` of `out`.
 * @throws ConfigError for settings that do not fit the kind, and as `runSingle`; CheckpointError and DataError for model and file
 */
export async function trainModel(call: TrainModelRequest): Promise<StageStep> {
  const { kind, file, read, log = silentLog } = call;
  const folder = await fetchModel(call.model, log);
  const request: TrainRequest = {
    name: kind,
    model: await givenModel(folder),
    rows: await rowsOf(call, folder),
    limits: await limitsFor(call, [folder]),
  };
  await checkReadable([folder], [{ file, read }]);
  // Nobody reads the rows for work then.
  if (call.dryRun === true) {
    await checkRows([folder], [{ file, read }]);
    log.info(`${kind}: ${await diskInWords(folder, call.out)}`);
  }
  return runSingle(call, (deps) => TRAIN[kind](deps, request, call));
}

async function diskInWords(model: string, out: string): Promise<string> {
  const parameters = parameterCount((await shapeOf({ source: model, vocabulary: "keep" })).parameters);
  const free = await freeBytes(out);
  const there = free === undefined ? "" : `; ${formatBytes(free)} are free`;
  return `the model takes ${formatBytes(4 * parameters)} of disk, a checkpoint of all its weights ${formatBytes(CHECKPOINT_BYTES * parameters)}${there}`;
}

/** A file of preferences, how it is read, and the model whose tokenizer and template must take its rows. */
type PreferenceFile = {
  readonly file: Source;
  readonly how: PairOptions;
  readonly reader: string;
};

const fileRows = defineRows<undefined, Digested<PreferenceFile>>(async ({ from: { value } }, log) => {
  const { check } = await encodableBy([value.reader]);
  const { rows, report } = await readPreferences(value.file, { ...value.how, log, check });
  return { rows, badRows: report.bad.length };
});

/** The rows, named by the digest of the files and by how they are read; the seed draws a mixture. The model is an input of its own. */
async function rowsOf(
  { file, read, seed }: TrainModelRequest,
  reader: string,
): Promise<TrainRequest["rows"]> {
  const how = { ...read, ...(typeof file === "string" ? {} : { seed }) };
  const source = digestOf([await digestSources(file), how]);
  return fileRows({ spec: undefined, from: { value: { file, how, reader }, source } });
}

type Train = (deps: JobDeps, request: TrainRequest, call: TrainModelRequest) => Promise<unknown>;

const TRAIN: Readonly<Record<TrainingKind, Train>> = {
  sft: async (deps, request, { set, seed, adapterOnly }) => {
    const { settings, lora } = sftOf(settingsOf(adaptedSftSchema, set), seed);
    return sftStage(deps, { ...(await adapted(request, lora, adapterOnly)), settings });
  },
  reward: async (deps, request, { set, seed, adapterOnly }) => {
    const { own, lora } = besideAdapters(set);
    const settings = { ...settingsOf(rewardSchema, own), seed };
    return rewardStage(deps, { ...(await adapted(request, lora, adapterOnly)), settings });
  },
  prefer: async (deps, request, { set, seed, adapterOnly }) => {
    const { own, lora } = besideAdapters(set);
    const settings = settingsOf(preferSchema, own);
    if (settings.loss.weighted || settings.loss.type === "soft")
      throw new ConfigError(
        "--set loss: a preference file holds no weights or soft labels; use a plain loss here, or a recipe.",
      );
    const chosen = preferOf(settings, seed, "loss");
    return preferStage(deps, { ...(await adapted(request, lora, adapterOnly)), ...chosen });
  },
};

/** Settings of a section that has `lora` beside it in a recipe. */
function besideAdapters(set: readonly string[]): {
  readonly own: readonly string[];
  readonly lora: LoraOptions | undefined;
} {
  const adapter = set.filter((text) => /^\s*lora\s*[.=]/.test(text));
  const schema = z.strictObject({ lora: adaptersIn("Training of adapters on frozen weights") });
  return {
    own: set.filter((text) => !adapter.includes(text)),
    lora: settingsOf(schema, adapter).lora ?? undefined,
  };
}

/** A request with adapters that the model has a place for. @throws ConfigError where there is none to keep alone */
async function adapted(
  request: TrainRequest,
  lora: LoraOptions | undefined,
  adapterOnly = false,
): Promise<TrainRequest> {
  if (adapterOnly && lora === undefined)
    throw new ConfigError(
      "--adapter-only: has no effect without adapters. Train some (--set lora.r=8), or leave it out.",
    );
  if (adapterOnly && lora?.keep !== undefined)
    throw new ConfigError(
      `--set lora.keep=${lora.keep}: has no effect with --adapter-only, which keeps the adapter without a model folder. Leave one out.`,
    );
  await checkAdapters(lora, request.model);
  return { ...request, lora, ...(adapterOnly && { adapterOnly }) };
}
