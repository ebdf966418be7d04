/** Labels as functions: what `label`, `combine`, `ask` and `audit` do. */

import { ConfigError } from "../../base/core/errors.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { digestSources, type Source } from "../../method/data/source.ts";
import type { AskResult } from "../../method/labels/ask.ts";
import { readLabellingFacts } from "../../method/labels/labelling.ts";
import type { TeacherChoice } from "../../method/teacher/choice.ts";
import type { Precision } from "../../method/teacher/precisions.ts";
import { sourceInput } from "../../pipeline/job/data-source.ts";
import { limitsFor } from "../../pipeline/job/model-checks.ts";
import { checkReadable, checkRows } from "../../pipeline/job/row-checks.ts";
import { type AnswerFacts, answerFactsSchema, answersStage } from "../../pipeline/label/answers-stage.ts";
import type { AuditKind } from "../../pipeline/label/audit/kinds.ts";
import { type AuditOutcome, runAudit } from "../../pipeline/label/audit/run-audit.ts";
import { auditSettings } from "../../pipeline/label/audit/settings.ts";
import {
  type CombineFacts,
  combineFactsSchema,
  combineStage,
  refusePromise,
} from "../../pipeline/label/combine-stage.ts";
import { type LabelPoolOutcome, labelPoolFile } from "../../pipeline/label/label-pool.ts";
import { labelRulesSchema } from "../../pipeline/label/label-stage.ts";
import { openLabelSet } from "../../pipeline/label/open-labels.ts";
import { writeQuestions } from "../../pipeline/label/write-questions.ts";
import { fetchModel } from "../../pipeline/recipe/hub-models.ts";
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
} from "./options.ts";

/** A pool to label. */
export type LabelCall = Into &
  Reading & {
    /** The pairs: a file, a folder, a glob, hub:Owner/name/file, or several sources; labels in it are not looked at. */
    readonly pool: Source;
    readonly teacher: TeacherChoice;
    /** Labelled pairs that the teacher has not seen: probabilities are fitted on them. */
    readonly calibrate?: Source | undefined;
    /**
     * A cascade: a finished labelling of the pool by a cheaper teacher, with the same `calibrate`. Its labels stay where it is at least `sure` (default
     * 0.9, in [0.5, 1]), this teacher labels the rest, and both are calibrated as one.
     */
    readonly after?: { readonly folder: string; readonly sure?: number | undefined } | undefined;
    /** What the weights of a teacher with models are held in, default float32; fewer bits are compared with float32 first. */
    readonly precision?: Precision | undefined;
    /** Share of labels that fewer bits may turn round, in [0, 1], default 0.005; where the comparison shows more, nothing is labelled. */
    readonly maxTurned?: number | undefined;
    /** `score`, `calibration`, `select`, `weight`, as in a recipe's label section. */
    readonly rules?: Settings;
    /** Of the candidates' order, default 22. */
    readonly seed?: number;
    /** Only score, together with other processes at the same folder. */
    readonly scoreOnly?: boolean;
  };

/**
 * Labels a pool: `labels.jsonl`, and `training.jsonl` and `training.parquet` in TRL's columns. Called again with other rules it uses the scores that
 * are there.
 * @returns the step, and what was counted; no facts of a dry run or of scores alone
 * @throws ConfigError for rules without effect; CheckpointError and DataError for models and files
 */
export function label(options: LabelCall): Promise<LabelPoolOutcome> {
  const {
    pool,
    teacher,
    calibrate,
    after,
    precision,
    maxTurned,
    rules,
    seed = DEFAULT_SEED,
    scoreOnly = false,
    maxLength,
    maxPromptLength,
  } = options;
  return labelPoolFile({
    ...intoOf(options),
    ...given({ maxLength, maxPromptLength }),
    ...{
      pool,
      teacher,
      calibrate,
      after,
      precision,
      maxTurned,
      seed,
      set: settingTexts(rules),
      read: pairReading(options),
      shareOnly: scoreOnly,
    },
  });
}

/** Labellings of one pool, to be one. */
export type CombineCall = Omit<Into, "device" | "threads"> &
  Omit<Reading, "maxLength" | "maxPromptLength"> & {
    readonly pool: Source;
    /** Folders that `label` filled, each calibrated; at least two. */
    readonly folders: readonly string[];
    /** `select` (all, top, threshold) and `weight`. */
    readonly rules?: Settings;
    /** The seed they were labelled with, default 22. */
    readonly seed?: number;
    /** Takes probabilities that were not fitted to people's labels. */
    readonly uncalibrated?: boolean;
  };

/**
 * Labels of several teachers as one: their mean calibrated probability, with `uncertainty.jsonl` beside the labels.
 * @returns the step, and what was counted; no facts of a dry run
 * @throws ConfigError for folders that are no labellings of the pool, or not calibrated
 */
export async function combine(
  options: CombineCall,
): Promise<{ readonly step: StageStep; readonly facts: CombineFacts | undefined }> {
  const { pool, folders, rules, seed = DEFAULT_SEED, uncalibrated = false } = options;
  const texts = settingTexts(rules);
  const odd = texts.find((text) => /^\s*(score|calibration)\b/.test(text));
  if (odd !== undefined)
    throw new ConfigError(
      `--set ${odd}: has no effect on labels that are there. Label with it, then combine.`,
    );
  if (texts.some((text) => /^\s*select\b.*\bpromise\b/.test(text))) refusePromise();
  const { select, weight } = settingsOf(labelRulesSchema, texts);
  const request = {
    ...{ folders, seed, uncalibrated, rules: { select, weight }, read: pairReading(options) },
    pool: await sourceInput(pool),
  };
  const step = await runSingle(intoOf(options), (deps) => combineStage(deps, request));
  if (options.dryRun === true && step.state !== "cached") return { step, facts: undefined };
  return { step, facts: await readLabellingFacts(options.out, combineFactsSchema) };
}

/** Labels to ask people about. */
export type AskCall = {
  /** A folder that `label` or `mergeAnswerFile` filled, a run's `stages/weak-labels-…`, or a labels file. */
  readonly labels: string;
  /** The pool that was labelled; a run's own is found without it. */
  readonly pool?: Source;
  /** A new folder for `questions.jsonl` and `questions.csv`. */
  readonly out: string;
  /** Most questions, default 200. */
  readonly budget?: number;
  /** Abstained and tied pairs (default), or all. */
  readonly among?: "undecided" | "all";
  /** Share drawn at random from all pairs, which alone may calibrate; default a quarter. */
  readonly random?: number;
};

/**
 * Writes the questions that people should answer, most useful first.
 * @throws ConfigError when the folder is there: answers are not written over
 */
export async function ask({ labels, pool, budget = 200, ...options }: AskCall): Promise<AskResult> {
  return writeQuestions(await openLabelSet(labels, pool), { budget, ...options });
}

/** Answers of people to be merged. */
export type MergeCall = Omit<Into, "device" | "threads" | "dryRun"> & {
  readonly labels: string;
  readonly pool?: Source;
  /** Questions with their column `answer` filled in. */
  readonly answers: string;
};

/**
 * Merges what people said into labels, calibrator and labelled rows; scores nothing.
 * @throws DataError for answers that mean nothing; ConfigError as `ask`
 */
export async function mergeAnswerFile({
  labels,
  pool,
  answers,
  ...into
}: MergeCall): Promise<{ readonly step: StageStep; readonly facts: AnswerFacts }> {
  const set = await openLabelSet(labels, pool);
  const step = await runSingle(intoOf(into), (deps) => answersStage(deps, { set, file: answers }));
  return { step, facts: await readLabellingFacts(into.out, answerFactsSchema) };
}

/** Labels to look for errors in. */
export type AuditCall = Into &
  Reading & {
    /** Labelled pairs. */
    readonly file: Source;
    /** The teachers' start: a folder, hub:Owner/name, or stories15M. */
    readonly model: string;
    /** Keep only so many of its layers. */
    readonly layers?: number;
    /** Keep only the tokens of the data. */
    readonly trim?: boolean;
    /** Default implicit-reward. */
    readonly teacher?: AuditKind;
    /** Teachers to train, each without one fold, default 5. */
    readonly folds?: number;
    readonly seed?: number;
    /** Flip this share of labels first and report how well they are found. */
    readonly plant?: number;
    /** `sft`, `prefer` or `reward`, `score`, `calibration`, as in recipes. */
    readonly settings?: Settings;
  };

/** Finds labels that are likely wrong, by teachers that never saw them; nothing is changed. @throws as its stages do */
export async function audit(options: AuditCall): Promise<AuditOutcome> {
  const {
    file,
    layers,
    trim = false,
    teacher = "implicit-reward",
    folds = 5,
    seed = DEFAULT_SEED,
    plant,
  } = options;
  const source = await fetchModel(options.model, options.log);
  const read = pairReading(options);
  await checkReadable([source], [{ file, read }]);
  if (options.dryRun === true) await checkRows([source], [{ file, read }]);
  const request = {
    ...auditSettings(teacher, settingTexts(options.settings), seed),
    ...{ file, digest: await digestSources(file), read, limits: await limitsFor(options, [source]) },
    ...{
      model: { source, layers, vocabulary: trim ? ("trim" as const) : ("keep" as const) },
      folds,
      seed,
      plant,
    },
  };
  const mode = options.dryRun === true ? "plan" : "run";
  return runAudit(request, { ...howOf(options), folder: options.out, mode, fresh: options.fresh === true });
}
