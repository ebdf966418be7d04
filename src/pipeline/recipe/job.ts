/** A recipe in the words of the main job. */

import { ConfigError } from "../../base/core/errors.ts";
import type { Margin } from "../../base/stats/equivalence.ts";
import { defaultThreads } from "../../engine/runtime/device.ts";
import type { SourcePart } from "../../method/data/source.ts";
import { resolveFlip } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { ArmSettings, DataSource, FilesData, MainJob, WorldData } from "./job-settings.ts";
import type { PreferSettings } from "./model-settings.ts";
import type { Recipe } from "./schema.ts";
import { checkOneSeed } from "./seeds.ts";
import { teacherOf } from "./teacher-job.ts";
import { trainerOf } from "./trainer.ts";
import { sftOf } from "./training.ts";

/** Prompts that responses are generated to, unless the recipe says how many. */
const TEST_PROMPTS = 256;

/**
 * What a recipe asks for, with its seed in every stage.
 * @throws ConfigError for a recipe of several seeds, for `flip: auto` where labels are not the teacher's, and for a loss that a run cannot feed yet
 */
export function jobOf(recipe: Recipe): MainJob {
  checkOneSeed(recipe);
  const sft = sftOf(recipe.student.sft, recipe.seed);
  const { name, seed, models, data, labelled, teacher, label, student, arms } = recipe;
  const { gold, judges, ownBaselines, nBootstrap, parity, generate, ...sampling } = recipe.eval;
  const teacherSeed = labelled.seed ?? seed;
  // Only the student of one implicit reward has log-ratios to learn from.
  const ratios = teacher.kind === "implicit-reward";
  const studentPrefer = preferOf(student.prefer, seed, "student.prefer.loss", { ratios });
  const weak = models.weak ?? undefined;
  return {
    name,
    seed,
    dataSeed: data.seed,
    models: { weak, student: models.student },
    data: dataOf(recipe),
    limits: { maxLength: data.maxLength, maxPromptLength: data.maxPromptLength },
    labelled: labelledOf(labelled, teacherSeed),
    teacher: teacherOf(teacher, {
      seed: teacherSeed,
      weak,
      prefer: (settings, own, where) => withoutAuto(preferOf(settings, own, where), where),
    }),
    label: {
      calibration: label.calibration,
      heldOut: label.heldOut ?? (label.calibrationFolds > 0 ? 0 : 1),
      folds: label.calibrationFolds,
      selection: label.select,
      weight: label.weight,
    },
    student: {
      sft: sft.settings,
      sftLora: sft.lora,
      prefer: studentPrefer,
      lora: student.lora ?? undefined,
      trainer: trainerOf(student.trainer),
    },
    arms: arms.map((arm) => armOf(arm, studentPrefer, seed, { ratios })),
    evaluation: {
      generation: {
        ...sampling,
        seed,
        maxPromptLength: data.maxPromptLength,
      },
      server: generate ?? undefined,
      ...{ gold, judges, ownBaselines },
      resamples: nBootstrap,
      parity: marginOf(parity),
    },
  };
}

/** What counts as equal: a fixed difference where one is given, else a share of the gain. */
export const marginOf = ({
  share,
  margin,
}: {
  readonly share: number;
  readonly margin?: number | undefined;
}): Margin => (margin === undefined ? { kind: "share", share } : { kind: "fixed", margin });

/** Undefined where nothing is done, whatever the seed. */
function labelledOf(
  { size, by, mix, poison, sameSteps }: Recipe["labelled"],
  seed: number,
): MainJob["labelled"] {
  if ([size, mix, poison].every((setting) => setting === undefined)) return undefined;
  return defined({ size, by: by ?? "subset", mix, poison, seed, ...(sameSteps && { sameSteps: true }) });
}

function armOf(
  arm: Recipe["arms"][number],
  student: PreferSettings,
  seed: number,
  has: { readonly ratios: boolean },
): ArmSettings {
  const { name, labels, training, prefer, data, subset, select, weight, weightsFrom, size, sft } = arm;
  const { flip, flipWhich } = arm;
  const where = `arms.${name}.prefer.loss`;
  const own = prefer && preferOf(prefer, seed, where, has);
  if (labels !== "weak" && training === "prefer") withoutAuto(own ?? student, where);
  const keptOnly = labels !== "weak" && (select !== undefined || weightsFrom !== undefined);
  const which = flipWhich === "random" ? undefined : flipWhich;
  const rows = { labels, data, subset, keptOnly, weightsFrom, flip, flipWhich: which, size };
  return { name, training, rows: defined(rows), select, weight, sft, prefer: own };
}

/** Without members that are undefined, so that equal rows have equal digests. */
const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;

/** Where and on how many cores a recipe computes. */
export function computeOf({ device, threads, executor }: Recipe) {
  // A job has the cores it asked for, whatever this machine has.
  const otherwise = executor.kind === "local" ? defaultThreads() : (executor.cpus ?? 1);
  return { device, threads: threads ?? otherwise };
}

type RecipePrefer = Recipe["student"]["prefer"];

/**
 * Preference training in the words of the training room.
 * @param has.ratios - true where an implicit-reward teacher's log-ratios are at hand
 * @throws ConfigError for wspo where they are not
 */
export function preferOf(
  { beta: _, loss, ...settings }: RecipePrefer,
  seed: number,
  where: string,
  { ratios }: { readonly ratios: boolean } = { ratios: false },
): PreferSettings {
  const complete: TrainSettings = { ...settings, seed };
  if (loss.type === "wspo" && !ratios)
    throw new ConfigError(
      `${where}: wspo learns from the log-ratios of one teacher of kind implicit-reward, which there is not here. Choose another loss or, in a recipe, that kind.`,
    );
  return { settings: complete, loss };
}

/** Labels that are not a calibrated teacher's have no error rate to take. */
function withoutAuto(prefer: PreferSettings, where: string): PreferSettings {
  resolveFlip(prefer.loss, undefined, where);
  return prefer;
}

type RecipeSource = Exclude<NonNullable<Recipe["data"]["source"]>, readonly unknown[]>;

function dataOf({ data, seed }: Recipe): FilesData | WorldData {
  const { source, split, labelled, unlabelled, test, world } = data;
  if (world !== undefined) {
    const {
      prompts,
      promptLimit,
      pairsPerPrompt,
      gold,
      tau,
      goldAgreement,
      labelled: share,
      test: kept,
      ...sampling
    } = world;
    return {
      kind: "world",
      ...{ prompts, promptLimit, pairsPerPrompt, gold, labelled: share, test: kept },
      people: goldAgreement === undefined ? { tau: tau! } : { goldAgreement },
      sampling: { ...sampling, seed: data.seed ?? seed },
    };
  }
  const partOf = ({ header, ...rest }: RecipeSource): SourcePart => ({
    ...(header === "auto" ? {} : { header: header === "yes" }),
    ...rest,
  });
  const sourceOf = (given: NonNullable<typeof source>): DataSource => {
    const onBadRow = data.onBadRow ?? "fail";
    if (Array.isArray(given)) return { source: given.map(partOf), onBadRow };
    const { file, ...how } = partOf(given);
    return { source: file, onBadRow, ...how };
  };
  const files = { labelled, pool: unlabelled, test };
  return {
    kind: "files",
    main: source && sourceOf(source),
    split: { labelled: split?.labelled ?? 0, pool: split?.unlabelled ?? 0, test: split?.test ?? 0 },
    files: Object.fromEntries(
      Object.entries(files).flatMap(([part, one]) => (one === undefined ? [] : [[part, sourceOf(one)]])),
    ),
    testPrompts: data.testPrompts ?? TEST_PROMPTS,
    ...(data.overLength === "drop" ? { overLength: data.overLength } : {}),
  };
}
