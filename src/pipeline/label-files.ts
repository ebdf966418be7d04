/** Labelling by itself: a pool and a teacher's model folders in, labels and training rows out. */
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../core/errors.ts";
import { writeJsonAtomic } from "../core/files.ts";
import { type LoadOptions, readCandidates } from "../data/load.ts";
import type { CandidatePair } from "../data/rows.ts";
import {
  CALIBRATION_METHODS,
  type Calibrator,
  calibratorToJson,
  fitCalibrator,
} from "../teacher/calibration.ts";
import { openControl } from "../teacher/control-teachers.ts";
import { openImplicitReward } from "../teacher/implicit-reward.ts";
import { isDecided, type Label } from "../teacher/label.ts";
import { labelPool } from "../teacher/labelling.ts";
import { openLikelihood } from "../teacher/likelihood.ts";
import { type LabelCounts, labelsOf, makeLabels, type SelectionRule } from "../teacher/make-labels.ts";
import { openRewardHead } from "../teacher/reward-head.ts";
import { type FittedForm, fitForm } from "../teacher/score-form.ts";
import { readScores } from "../teacher/scores-folder.ts";
import type { Teacher } from "../teacher/teacher.ts";
import { writeLabelFile, writeTrainingRows } from "../teacher/write-labels.ts";
import type { TokenLimits } from "../text/pair.ts";
import { type JobDeps, stageDeps } from "./job/deps.ts";
import { scoreOf } from "./recipe/job.ts";
import { scoreSchema } from "./recipe/schema.ts";
import { labelSchema } from "./recipe/sections.ts";
import type { Artefact, WorkFolder } from "./stage.ts";

/** Who labels. */
export type TeacherChoice =
  | {
      readonly kind: "implicit-reward";
      readonly policy: string;
      readonly reference: string;
      readonly beta: number;
    }
  | { readonly kind: "likelihood"; readonly policy: string }
  | { readonly kind: "reward-head"; readonly model: string }
  | { readonly kind: "random"; readonly seed: number }
  | { readonly kind: "longer" };

/** How scores become labels; `calibration` needs labelled pairs to be fitted on. */
export const labelRulesSchema = labelSchema.omit({ heldOut: true }).extend({
  calibration: z
    .enum(CALIBRATION_METHODS)
    .optional()
    .describe("How margins become probabilities; default temperature."),
  score: scoreSchema.prefault("sum"),
});

/** One labelling. */
export type LabelRequest = {
  readonly teacher: TeacherChoice;
  /** Digests of what the choice names: models. */
  readonly models: Readonly<Record<string, string>>;
  readonly pool: { readonly file: string; readonly digest: string };
  readonly calibrate: { readonly file: string; readonly digest: string } | undefined;
  readonly read: Omit<LoadOptions, "log">;
  readonly limits: TokenLimits;
  readonly rules: z.output<typeof labelRulesSchema>;
  readonly seed: number;
};

/** Scores the pool, makes labels of the scores, and writes `labels.jsonl`, `training.jsonl` and `training.parquet`. */
export async function labelStage(deps: JobDeps, request: LabelRequest): Promise<Artefact> {
  const { teacher, models, pool, calibrate, limits, rules, seed, read } = request;
  const { kind, ...options } = teacher;
  const settings = Object.fromEntries(
    Object.entries(options).filter(([, value]) => typeof value === "number"),
  );
  return deps.pipeline.stage({
    name: "label",
    version: 1,
    config: { kind, settings, limits, rules, seed, read },
    inputs: {
      ...models,
      pool: pool.digest,
      ...(calibrate === undefined ? {} : { calibrate: calibrate.digest }),
    },
    run: async (work) => {
      const { pairs } = await readCandidates(pool.file, { ...read, seed, log: deps.log });
      const scores = work.path("scores");
      const judged = await scoreAll(deps, work, request, pairs);
      const { select } = rules;
      const made = await makeLabels(scores, {
        form: judged.form,
        weight: rules.weight,
        select:
          select.kind === "promise" ? { rule: "promise", ...select, ...heldOutOf(judged) } : ruleOf(select),
        ...(judged.calibrator === undefined ? {} : { calibrator: judged.calibrator }),
      });
      await writeLabelFile(work.path("labels.jsonl"), made.labels);
      await writeTrainingRows(work.path("training.jsonl"), made, pairs);
      await writeTrainingRows(work.path("training.parquet"), made, pairs);
      const calibrator = judged.calibrator && calibratorToJson(judged.calibrator);
      await writeJsonAtomic(work.path("facts.json"), {
        ...made.settings,
        calibrator,
        counts: made.counts,
        promise: made.promise,
      });
    },
  });
}

type Select = z.output<typeof labelRulesSchema>["select"];

function ruleOf(select: Exclude<Select, { kind: "promise" }>): SelectionRule {
  switch (select.kind) {
    case "all":
      return { rule: "all" };
    case "top":
      return { rule: "top", percent: select.percent };
    case "threshold":
      return { rule: "threshold", minConfidence: select.confidence };
    default:
      return select satisfies never;
  }
}

type Judged = {
  readonly form: FittedForm;
  readonly calibrator: Calibrator | undefined;
  readonly heldOut: readonly { readonly confidence: number; readonly agrees: boolean }[] | undefined;
};

function heldOutOf({ heldOut }: Judged): { heldOutConfidence: number[]; heldOutAgrees: boolean[] } {
  if (heldOut === undefined)
    throw new ConfigError(
      "--set select.kind=promise: a promise needs labelled pairs. Name a file of them with --calibrate.",
    );
  return {
    heldOutConfidence: heldOut.map(({ confidence }) => confidence),
    heldOutAgrees: heldOut.map(({ agrees }) => agrees),
  };
}

/** Scores the pool and the labelled pairs, if there are any; fits what the scores' form and the calibration leave open. */
async function scoreAll(
  deps: JobDeps,
  work: WorkFolder,
  request: LabelRequest,
  pairs: readonly CandidatePair[],
): Promise<Judged> {
  const { log, signal } = deps;
  const { calibrate, read, seed, rules } = request;
  const teacher = await openTeacher(deps, request);
  try {
    const scores = work.path("scores");
    const { report } = await labelPool({ teacher, pairs, folder: scores, log, signal });
    await writeJsonAtomic(join(work.log, "rate.json"), report);
    const form = await fitForm(scoreOf(rules.score), readScores(scores));
    if (calibrate === undefined) return { form, calibrator: undefined, heldOut: undefined };
    const known = await readCandidates(calibrate.file, { ...read, seed, log });
    const folder = work.path("held-out-scores");
    await labelPool({ teacher, pairs: known.pairs, folder, log, signal });
    const labels = (await labelsOf(readScores(folder), { form, teacher: teacher.name })).filter(isDecided);
    const human = new Map(known.humanLabels.map(({ id, preferred }) => [id, preferred]));
    return { form, ...calibrated(labels, human, rules.calibration ?? "temperature", calibrate.file) };
  } finally {
    await teacher.close();
  }
}

/** Fewer than this and a fit says nothing. */
const LEAST_HELD_OUT = 10;

function calibrated(
  labels: readonly (Label & { preferred: "a" | "b" })[],
  human: ReadonlyMap<string, "a" | "b" | "tie">,
  method: (typeof CALIBRATION_METHODS)[number],
  file: string,
): Omit<Judged, "form"> {
  const decided = labels.filter(({ id }) => human.get(id) === "a" || human.get(id) === "b");
  if (decided.length < LEAST_HELD_OUT)
    throw new ConfigError(
      `--calibrate ${file}: expected at least ${LEAST_HELD_OUT} pairs that people and teacher decided, got ${decided.length}.`,
    );
  const prefersA = decided.map(({ id }) => human.get(id) === "a");
  const calibrator = fitCalibrator(
    method,
    decided.map(({ margin }) => margin),
    prefersA,
  );
  const heldOut = decided.map(({ margin, preferred }, i) => {
    const p = calibrator.apply(margin);
    return { confidence: Math.max(p, 1 - p), agrees: (preferred === "a") === prefersA[i] };
  });
  return { calibrator, heldOut };
}

function openTeacher(deps: JobDeps, { teacher, limits }: LabelRequest): Promise<Teacher> | Teacher {
  switch (teacher.kind) {
    case "implicit-reward":
      return openImplicitReward(stageDeps(deps).runtime, { ...teacher, limits });
    case "likelihood":
      return openLikelihood(stageDeps(deps).runtime, { policy: teacher.policy, limits });
    case "reward-head":
      return openRewardHead(stageDeps(deps).runtime, { model: teacher.model, limits });
    case "random":
      return openControl({ control: "random", seed: teacher.seed });
    case "longer":
      return openControl({ control: "longer" });
    default:
      return teacher satisfies never;
  }
}

/** What a labelling counted, from its folder's `facts.json`. */
export type LabelFactsFile = { readonly counts: LabelCounts };
