/** Stages that train: SFT, preference training and reward heads, each from a model folder and a file of rows to a model folder. */

import { CheckpointError, DataError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { loadModel, saveModel } from "../../engine/checkpoint/load-model.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import { encodePromptResponse, type TokenLimits } from "../../engine/text/pair.ts";
import { loadTokenizer, type Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import { resolveFlip } from "../../method/objective/loss-spec.ts";
import { lossInputs } from "../../method/objective/preference.ts";
import { openScorer, type RowScore } from "../../method/objective/score.ts";
import { trainPreference } from "../../method/train/prefer.ts";
import { mismatchedRows } from "../../method/train/preference-data.ts";
import { trainReward } from "../../method/train/reward.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import { trainSft } from "../../method/train/sft.ts";
import type { PreferSettings } from "../recipe/model-settings.ts";
import { type JobDeps, keepCurves, stageDeps } from "../stages/deps.ts";
import type { Stage, WorkFolder } from "../stages/stage.ts";
import { withAdapter } from "./adapted.ts";
import { inModelFolder, type ModelFolderRef } from "./model-stages.ts";
import { type RatioModels, teacherLogratios } from "./teacher-logratios.ts";
import { encodeRows, type RowSource, type TrainingRow, UNUSABLE, withSteps } from "./training-rows.ts";

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
};

/** Fine-tunes on the preferred responses. */
export async function sftStage(
  deps: JobDeps,
  {
    name,
    model,
    rows,
    limits,
    settings,
    lora,
  }: TrainRequest & { settings: TrainSettings; lora?: LoraOptions | undefined },
): Promise<ModelFolderRef> {
  const stage: Stage = {
    name,
    version: 2,
    config: { settings, limits, ...(lora && { lora }), ...rowConfig(rows) },
    inputs: { model: model.source, ...rowInputs(rows) },
    run: (work) =>
      withModel(deps, model, work, async (policy, tokenizer) => {
        const encode = (some: readonly TrainingRow[]) =>
          some.map(({ prompt, chosen }) =>
            encodePromptResponse(tokenizer, { prompt, response: chosen }, limits),
          );
        const usableOf = (some: ReturnType<typeof encode>) =>
          some.filter(({ flags }) => !flags.some((flag) => UNUSABLE.includes(flag)));
        const encoded = encode(await rows.read());
        const usable = usableOf(encoded);
        const tokenRows = usable.map(({ prompt, response }) => ({ prompt, responses: [response] }));
        await writeCounts(work, name, encoded, [usable.length, rows.badRows?.()]);
        const stepped = await withSteps(settings, rows, (all) => usableOf(encode(all)).length);
        return withAdapter(deps, work, { model, policy, lora, seed: settings.seed }, (trained) =>
          trainSft(stageDeps(deps), {
            model: trained,
            rows: tokenRows,
            settings: stepped,
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
    readonly lora?: LoraOptions | undefined;
    /** The labels' error rate, for `flip: auto`. */
    readonly errorRate?: (() => Promise<number>) | undefined;
    /** The teacher's models, for wspo. */
    readonly teacher?: RatioModels | undefined;
  };

/** Preference training; the reference is the model it starts from, scored once before. */
export async function preferStage(deps: JobDeps, request: PreferRequest): Promise<ModelFolderRef> {
  const { name, model, rows, limits, settings, loss: asked, lora } = request;
  const stage: Stage = {
    name,
    version: 2,
    config: { settings, loss: asked, limits, lora, ...rowConfig(rows) },
    inputs: { model: model.source, ...rowInputs(rows), ...ratioInputs(request) },
    run: (work) =>
      withModel(deps, model, work, async (policy, tokenizer) => {
        const read = await rows.read();
        const { kept, tokenRows } = encodeRows(tokenizer, read, limits);
        await writeCounts(work, name, read, [kept.length, rows.badRows?.()]);
        const auto = "flip" in asked && asked.flip === "auto";
        const loss = resolveFlip(asked, auto ? await request.errorRate?.() : undefined, name);
        const wanted = lossInputs(loss);
        const reference = wanted.has("reference")
          ? await referenceScores(deps, work, policy, tokenRows, { perToken: wanted.has("tokens") })
          : undefined;
        const beside = {
          rows: tokenRows,
          reference,
          weights: wanted.has("weights") ? kept.map((row) => required(name, row, "weight")) : undefined,
          mismatched: wanted.has("klEstimate")
            ? await mismatched(deps, work, policy, tokenRows, settings.seed)
            : undefined,
          softLabels: wanted.has("pChosen") ? kept.map((row) => required(name, row, "pChosen")) : undefined,
          teacherLogratios: wanted.has("tokens")
            ? await teacherLogratios(deps, work, ratioModels(request), tokenizer, tokenRows)
            : undefined,
          loss,
          settings: await withSteps(settings, rows, (all) => encodeRows(tokenizer, all, limits).kept.length),
          folder: work.scratch,
        };
        return withAdapter(deps, work, { model, policy, lora, seed: settings.seed }, (trained) =>
          trainPreference(stageDeps(deps), { model: trained, ...beside }),
        );
      }),
  };
  return inModelFolder(await deps.pipeline.stage(stage));
}

function ratioModels({ name, teacher }: PreferRequest): RatioModels {
  if (teacher === undefined) throw new Error(`internal: ${name} has a loss that needs a teacher's models`);
  return teacher;
}

/** The teacher is an input of a stage whose loss reads it. */
const ratioInputs = (request: PreferRequest) =>
  request.loss.type === "wspo"
    ? { teacher: ratioModels(request).policy.source, teacherReference: ratioModels(request).reference.source }
    : {};

/** Trains a Bradley-Terry head on a language model. */
export async function rewardStage(
  deps: JobDeps,
  { name, model, rows, limits, settings }: TrainRequest & { settings: TrainSettings },
): Promise<ModelFolderRef> {
  const stage: Stage = {
    name,
    version: 3,
    config: { settings, limits, ...rowConfig(rows) },
    inputs: { model: model.source, ...rowInputs(rows) },
    run: (work) =>
      withModel(
        deps,
        model,
        work,
        async (policy, tokenizer) => {
          const read = await rows.read();
          const { kept, tokenRows } = encodeRows(tokenizer, read, limits);
          await writeCounts(work, name, read, [kept.length, rows.badRows?.()]);
          await trainReward(stageDeps(deps), {
            model: policy,
            rows: tokenRows,
            settings: await withSteps(
              settings,
              rows,
              (all) => encodeRows(tokenizer, all, limits).kept.length,
            ),
            folder: work.scratch,
          });
          return policy;
        },
        settings.seed,
      ),
  };
  return inModelFolder(await deps.pipeline.stage(stage));
}

/** Loads the start, trains, saves `model/` and the curves, and takes everything out of the store. */
async function withModel(
  deps: JobDeps,
  { folder }: ModelFolderRef,
  work: WorkFolder,
  train: (model: Model, tokenizer: Tokenizer) => Promise<Model>,
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
    trained = await train(model, tokenizer);
    await saveModel(runtime, trained, work.path("model"));
    await keepCurves(work);
  } finally {
    await releaseModel(runtime, model);
    if (trained !== model) await releaseModel(runtime, trained);
  }
}

/** Reference log-probabilities, computed before any update and kept until the stage is done. */
async function referenceScores(
  deps: JobDeps,
  work: WorkFolder,
  model: Model,
  rows: readonly TokenRow[],
  { name = "reference.json", perToken = false }: { name?: string; perToken?: boolean } = {},
): Promise<ReferenceScore[]> {
  const file = `${work.scratch}/${name}`;
  if (await exists(file)) return (await readJson(file, 2 ** 32)) as ReferenceScore[];
  const scorer = await openScorer(deps.runtime(), model, { perToken });
  const progress = deps.log.progress("reference", rows.length, "pairs");
  const scores: ReferenceScore[] = [];
  for (let start = 0; start < rows.length; start += REFERENCE_CHUNK) {
    const chunk = await scorer.score(rows.slice(start, start + REFERENCE_CHUNK));
    // Lists, not typed arrays, which JSON would keep as objects.
    const lists = ({ perToken: tokens }: RowScore) =>
      tokens === undefined ? {} : { perToken: tokens.map((one) => Array.from(one)) };
    scores.push(...chunk.map((score) => ({ logps: score.logps, ...lists(score) })));
    progress.update(scores.length);
  }
  progress.end();
  await writeJsonAtomic(file, scores);
  return scores;
}

type ReferenceScore = {
  readonly logps: readonly number[];
  readonly perToken?: readonly (readonly number[])[];
};

const REFERENCE_CHUNK = 512;

/** Responses beside prompts that are not theirs, with their reference log-probabilities: KTO's estimate of the KL. */
async function mismatched(
  deps: JobDeps,
  work: WorkFolder,
  model: Model,
  rows: readonly TokenRow[],
  seed: number,
): Promise<{ rows: TokenRow[]; reference: number[] }> {
  const other = mismatchedRows(rows, seed);
  const scores = await referenceScores(deps, work, model, other, { name: "mismatched.json" });
  return { rows: other, reference: scores.map(({ logps }) => logps[0]!) };
}

async function writeCounts(
  work: WorkFolder,
  name: string,
  rows: readonly unknown[],
  [used, badRows = 0]: readonly [number, number | undefined],
): Promise<void> {
  if (used === 0)
    throw new DataError(
      name,
      0,
      `none of ${rows.length} rows can be trained on: every label is a tie, abstained or empty.`,
    );
  await writeJsonAtomic(work.path("rows.json"), {
    rows: rows.length,
    used,
    leftOut: rows.length - used,
    badRows,
  });
}

function required(name: string, row: TrainingRow, column: "weight" | "pChosen"): number {
  const value = row[column];
  if (value === undefined)
    throw new DataError(name, 0, `row ${row.id} has no ${column}, which the loss reads.`);
  return value;
}
