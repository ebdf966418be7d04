/** Models as functions: what `sft`, `prefer`, `reward`, `generate`, `reward-bench` do. */

import { join } from "node:path";
import { ConfigError, listed } from "../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { formatBadRow } from "../../method/data/bad-rows.ts";
import { readPrompts } from "../../method/data/prompts.ts";
import type { Source } from "../../method/data/source.ts";
import {
  GENERATE_FACTS,
  type GenerateFacts,
  generateSchema,
  generateStage,
} from "../../pipeline/job/generate-stage.ts";
import { checkRoom } from "../../pipeline/job/model-checks.ts";
import { checkPrompts } from "../../pipeline/job/row-checks.ts";
import { type TrainingKind, trainModel } from "../../pipeline/job/train-model.ts";
import type { BenchResult, BenchScorer } from "../../pipeline/results/bench.ts";
import { benchFile, scorerOfFolder } from "../../pipeline/results/bench-file.ts";
import { runSingle } from "../../pipeline/stages/single.ts";
import type { StageStep } from "../../pipeline/stages/steps.ts";
import {
  given,
  howOf,
  type Into,
  intoOf,
  pairReading,
  type Reading,
  type Settings,
  settingTexts,
  type Work,
} from "./options.ts";

/** A model to train. */
export type TrainCall = Into &
  Reading & {
    /** Preferences: a file, a folder, a glob, hub:Owner/name/file, or several sources. */
    readonly file: Source;
    /** The model to start from: a folder, or hub:Owner/name[@revision]. */
    readonly model: string;
    /** Named as in a recipe's `student.sft`, `student.prefer` or `teacher.reward`, each with `lora`. */
    readonly settings?: Settings;
    /** Of a training with `lora`: keep `adapter/` (a PEFT folder) and write no merged `model/`. */
    readonly adapterOnly?: boolean;
    /** Of row order, dropout and new weights, default 22. */
    readonly seed?: number;
  };

function train(kind: TrainingKind, options: TrainCall): Promise<StageStep> {
  const { file, model, settings, seed = DEFAULT_SEED, maxLength, maxPromptLength, adapterOnly } = options;
  return trainModel({
    ...intoOf(options),
    ...given({ maxLength, maxPromptLength, adapterOnly }),
    ...{ kind, file, model, seed, set: settingTexts(settings), read: pairReading(options) },
  });
}

/** Fine-tunes a model on the chosen responses; the result is `model/` in `out`. @throws ConfigError, CheckpointError, DataError */
export const sft = (options: TrainCall): Promise<StageStep> => train("sft", options);

/** Trains a model on preferences, its start being the reference; the result is `model/` in `out`. @throws as `sft` */
export const prefer = (options: TrainCall): Promise<StageStep> => train("prefer", options);

/** Trains a Bradley-Terry reward head and the model below it; the result is `model/` in `out`. @throws as `sft` */
export const reward = (options: TrainCall): Promise<StageStep> => train("reward", options);

/** Prompts to answer. */
export type GenerateCall = Omit<Into, "dryRun"> & {
  /** Column `prompt` of data files, a JSON list of texts, or a text file, one a line. */
  readonly prompts: string | readonly string[];
  /** Default `fail`; `skip` leaves bad rows out and says so. */
  readonly onBadRow?: "fail" | "skip" | undefined;
  /** The model that writes. */
  readonly model: string;
  /** `max_new_tokens`, `temperature`, `top_k`, `top_p`, `stop`, `per_prompt`, `gold`, as in a recipe's eval section. */
  readonly settings?: Settings;
  readonly seed?: number;
  /** Only sample, together with other processes at the same folder. */
  readonly sampleOnly?: boolean;
};

/**
 * Samples responses into `responses.jsonl` of `out`, with log-probabilities and gold scores.
 * @returns the step, and what was counted; no facts where prompts were only answered
 * @throws ConfigError for settings; CheckpointError and DataError for model and prompts
 */
export async function generateResponses(
  options: GenerateCall,
): Promise<{ readonly step: StageStep; readonly facts: GenerateFacts | undefined }> {
  const { out, model: folder, seed = DEFAULT_SEED } = options;
  if (out.endsWith(".jsonl"))
    throw new ConfigError(`--out ${out}: expected a folder; the records go to responses.jsonl in it.`);
  const settings = settingsOf(generateSchema, settingTexts(options.settings));
  const files = [options.prompts].flat();
  const { prompts, bad } = await readPrompts(files, { onBadRow: options.onBadRow ?? "fail" });
  const skipped = bad.map((row) => formatBadRow(row));
  if (bad.length > 0) options.log?.warn(`${bad.length} bad rows are skipped: ${listed(skipped, 3)}`);
  await checkPrompts(folder, listed(files), prompts);
  await checkRoom([folder], settings.maxNewTokens, "max_new_tokens (--set)");
  const how = { ...intoOf(options), shareOnly: options.sampleOnly === true };
  const step = await runSingle(how, (deps) =>
    generateStage(deps, { model: folder, prompts, settings, seed }),
  );
  if (step.state === "shared") return { step, facts: undefined };
  return { step, facts: await GENERATE_FACTS.read({ path: (name) => join(out, name) }) };
}

/** Pairs in RewardBench's form, and what scores them. */
export type RewardBenchCall = Work &
  Reading & {
    readonly file: Source;
    /** A teacher, or a model's folder: one score by its head, a language model by its likelihood. */
    readonly scorer: BenchScorer | string;
    readonly seed?: number;
    /** Folder of an endpoint's replies, default `judge-answers`. */
    readonly replies?: string;
  };

/** Accuracy of a teacher or a reward model per subset, per section and in all; ties count as wrong. @throws DataError, CheckpointError */
export async function rewardBench(options: RewardBenchCall): Promise<BenchResult> {
  const { file, scorer: named, seed = DEFAULT_SEED, replies, maxLength, maxPromptLength } = options;
  const { code: _, ...how } = howOf(options);
  const scorer = typeof named === "string" ? await scorerOfFolder(named) : named;
  return benchFile({
    ...{ ...how, file, scorer, seed, read: pairReading(options) },
    ...given({ replies, maxLength, maxPromptLength }),
  });
}
