/** What is exported: the rows and settings of one arm of a run, or of a folder that `weak-teacher label` wrote. */

import { join, resolve } from "node:path";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import { modelPath } from "../../base/core/model-path.ts";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { settingsOf } from "../../base/settings/set.ts";
import { readModelConfig } from "../../engine/checkpoint/model-folder.ts";
import { STORIES } from "../../engine/checkpoint/stories15m.ts";
import { describeModel } from "../../engine/model/families/index.ts";
import { llama } from "../../engine/model/families/llama.ts";
import type { LoraOptions } from "../../engine/model/lora.ts";
import { TRAINING_ROWS } from "../../method/data/training-file.ts";
import type { CalibrationReport } from "../../method/labels/calibration-report.ts";
import { resolveFlip } from "../../method/objective/loss-spec.ts";
import type { ExportRow, StudentSettings } from "../elsewhere/request.ts";
import { errorRateOf, type LabelFacts, type PoolScores, readLabelFacts } from "../job/label-stages.ts";
import { singleScores } from "../job/member-scores.ts";
import type { ArmStudent } from "../job/student-stages.ts";
import type { TrainingRow } from "../job/training-rows.ts";
import { jobOf, preferOf } from "../recipe/job.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import type { Recipe } from "../recipe/schema.ts";
import { preferSchema, sftSchema } from "../recipe/training.ts";
import { openRecordedRun, openRun, type RunOptions } from "../run/run.ts";
import { readStageRecord } from "../stages/cache.ts";

/** Rows, settings and where they come from. */
export type ExportSource = {
  readonly rows: readonly ExportRow[];
  /** Rows of the fine-tuning before; undefined where there is none. */
  readonly sftRows: readonly ExportRow[] | undefined;
  readonly student: StudentSettings;
  /** Where labels come from, for the card and the manifest. */
  readonly origin: ExportOrigin;
};

/** Provenance of the rows. */
export type ExportOrigin = {
  readonly name: string;
  readonly arm: string | undefined;
  readonly labels: string;
  readonly teacher: string | undefined;
  /** Name of an artefact to its SHA-256. */
  readonly digests: Readonly<Record<string, string>>;
  /** Agreement with people on held-out pairs. */
  readonly agreement: LabelFacts["heldOutAccuracy"] | undefined;
  readonly calibration: CalibrationReport | null;
  readonly seed: number;
};

/** Choices that only some sources take. */
export type SourceOptions = RunOptions & {
  readonly arm?: string | undefined;
  /** The base model to train there; default the recipe's student. */
  readonly model?: string | undefined;
  /** A recipe that gives a labels folder its settings. */
  readonly recipe?: string | undefined;
};

/** Opens a run or a labels folder. @throws ConfigError when it is neither, or an option has no effect on it */
export async function openSource(folder: string, options: SourceOptions): Promise<ExportSource> {
  if (await exists(join(folder, RESOLVED))) return fromRun(folder, options);
  if (await exists(join(folder, "training.jsonl"))) return fromLabels(folder, options);
  throw new ConfigError(
    `${folder}: is neither the folder of a run (${RESOLVED}) nor of labels (training.jsonl).`,
  );
}

async function fromRun(folder: string, options: SourceOptions): Promise<ExportSource> {
  if (options.recipe !== undefined)
    throw new ConfigError("--recipe: has no effect on a run, which has its own. Leave it out.");
  const { asked, recipe, job, result } =
    (await openRecordedRun(folder, options.code)) ?? (await openRun(folder, options));
  const { arm, rows, sftRows, labels } = armOf(result.arms, options.arm);
  for (const { stage, digest } of [result.data, labels])
    if (digest === undefined)
      throw new AlignError("pipeline", `${folder}: stage ${stage} is not finished. Finish the run first.`);
  if (arm.training === "none")
    throw new ConfigError(`--arm ${arm.name}: is the base as it is; there is nothing to train.`);
  const { settings, loss } = arm.prefer ?? job.student.prefer;
  const auto = "flip" in loss && loss.flip === "auto";
  const trained = arm.training === "prefer";
  const weak = arm.rows.labels === "weak";
  const facts = weak ? await readLabelFacts(labels) : undefined;
  return {
    rows: (await rows.read()).rows.map(exportRow),
    sftRows: sftRows && (await sftRows.read()).rows.map(exportRow),
    student: {
      model: await modelName(options.model ?? hubName(asked.models.student) ?? result.base.folder),
      sft: sftRows && job.student.sft,
      sftLora: job.student.sftLora !== undefined,
      prefer: trained ? settings : undefined,
      loss: trained ? resolveFlip(loss, auto ? await errorRateOf(labels) : undefined) : undefined,
      lora: trained ? await namedLora(job.student.lora, recipe.models.student.source) : undefined,
      limits: job.limits,
      seed: job.seed,
    },
    origin: {
      name: job.name,
      arm: arm.name,
      labels: arm.rows.labels,
      teacher: facts?.teacher.name,
      digests: {
        data: result.data.digest!,
        ...(weak ? { labels: labels.digest!, ...teacherDigests(result.scores) } : {}),
      },
      agreement: facts?.heldOutAccuracy,
      calibration: facts?.calibration ?? null,
      seed: job.seed,
    },
  };
}

/** The student as the hub has it, where the run took it from there and trains it whole. */
const hubName = ({ source, layers, vocabulary }: Recipe["models"]["student"]) =>
  source.startsWith("hub:") && layers === undefined && vocabulary !== "trim"
    ? source.slice("hub:".length)
    : undefined;

/**
 * A model as another program finds it: a folder of this machine by its whole path, from wherever training is started; other names as they are.
 * @throws ConfigError for the built-in model, which only this program knows
 */
async function modelName(model: string): Promise<string> {
  if (model === STORIES)
    throw new ConfigError(
      `--model ${STORIES}: is built in here and known to no other trainer. Name a folder with its model: one that sft wrote, or the run's import-stories15m stage.`,
    );
  const path = await modelPath(model);
  return (await exists(join(path, "config.json"))) ? resolve(path) : model.replace(/^hub:/, "");
}

function exportRow({ id, prompt, chosen, rejected, weight, pChosen: p }: TrainingRow): ExportRow {
  return {
    id,
    prompt,
    chosen,
    rejected,
    ...(weight === undefined ? {} : { weight }),
    ...(p === undefined ? {} : { pChosen: p }),
  };
}

/** Digests of the models that labelled, the members of an ensemble numbered from the second; a judge behind an endpoint has none. */
function teacherDigests(scores: PoolScores): Record<string, string> {
  const digest = (ref: { source: unknown } | undefined) =>
    typeof ref?.source === "string" ? ref.source : (ref?.source as { digest?: string } | undefined)?.digest;
  const named = singleScores(scores).flatMap(({ models }, i) => {
    const number = i === 0 ? "" : `-${i + 1}`;
    return [
      [`teacher${number}-policy`, digest(models?.policy)] as const,
      [`teacher${number}-reference`, digest(models?.reference)] as const,
    ];
  });
  return Object.fromEntries(named.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The arm of a name, or the first that trains on weak labels. */
function armOf(students: readonly ArmStudent[], name: string | undefined): ArmStudent {
  const names = students.map((one) => one.name);
  const weak = ({ arm }: ArmStudent) => arm.rows.labels === "weak" && arm.training === "prefer";
  const found =
    name === undefined ? (students.find(weak) ?? students[0]) : students.find((one) => one.name === name);
  if (found === undefined)
    throw new ConfigError(
      `--arm ${name}: the run has no such arm${didYouMean(name ?? "", names) || `; there are ${names.join(", ")}.`}`,
    );
  return found;
}

async function fromLabels(folder: string, options: SourceOptions): Promise<ExportSource> {
  if (options.arm !== undefined)
    throw new ConfigError(`--arm: has no effect on a folder of labels, which has no arms. Leave it out.`);
  const rows = await TRAINING_ROWS.read(join(folder, "training.jsonl"));
  const student = await studentOf(options);
  const record = await readStageRecord(folder);
  const sources = new Set(rows.map(({ labelSource }) => labelSource));
  return {
    rows,
    sftRows: rows,
    student,
    origin: {
      name: folder,
      arm: undefined,
      labels: "weak",
      teacher: [...sources].join(", "),
      digests: record === undefined ? {} : { labels: record.digest },
      agreement: undefined,
      calibration: null,
      seed: student.seed,
    },
  };
}

/** Settings of a recipe's student; without a recipe, the defaults and the model that must be named. */
async function studentOf({ recipe: file, model }: SourceOptions): Promise<StudentSettings> {
  if (file !== undefined) {
    const recipe = await loadRecipe(file);
    const { student, limits, seed } = jobOf(recipe);
    return {
      model: await modelName(model ?? wholeModel(recipe.models.student)),
      sft: student.sft,
      sftLora: student.sftLora !== undefined,
      prefer: student.prefer.settings,
      loss: resolveFlip(student.prefer.loss),
      lora: await namedLora(student.lora, recipe.models.student.source),
      limits,
      seed,
    };
  }
  if (model === undefined)
    throw new ConfigError(
      "--model: is missing; a folder of labels does not say which model is to be trained.",
    );
  const seed = DEFAULT_SEED;
  const prefer = preferOf(settingsOf(preferSchema, []), seed, "prefer.loss");
  return {
    model: await modelName(model),
    sft: { ...settingsOf(sftSchema, []), seed },
    sftLora: false,
    prefer: prefer.settings,
    loss: resolveFlip(prefer.loss),
    lora: undefined,
    limits: { maxLength: 512, maxPromptLength: 256 },
    seed,
  };
}

/** The source of a recipe's student. @throws ConfigError where the recipe changes it, for then only a run has the model that is trained */
function wholeModel({ source, layers, vocabulary }: Recipe["models"]["student"]): string {
  if (layers === undefined && vocabulary !== "trim") return source;
  throw new ConfigError(
    "--model: is missing; the recipe cuts its student (layers or vocabulary: trim), and a folder of labels does not hold what is left. Name the folder, such as the one in a run's stages.",
  );
}

/** Adapters with their targets named: the family's usual ones where the recipe names none. */
async function namedLora(lora: LoraOptions | undefined, model: string): Promise<StudentSettings["lora"]> {
  return lora && { ...lora, targetModules: lora.targetModules ?? (await usualTargets(model)) };
}

async function usualTargets(model: string): Promise<readonly string[]> {
  if (model === STORIES) return llama.loraTargets;
  if (await exists(join(await modelPath(model), "config.json")))
    return describeModel(await readModelConfig(model), `${model}/config.json`).family.loraTargets;
  throw new ConfigError(
    `student.lora.target_modules: is missing, and ${model}, whose family would say, is not on this machine. Name the projections, such as [q_proj, v_proj].`,
  );
}
