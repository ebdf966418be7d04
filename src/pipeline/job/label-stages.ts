/** Stages from a trained teacher to training rows: raw scores of the pool and of held-out labelled pairs, then labels. */

import { ConfigError } from "../../core/errors.ts";
import { readJson, readText, writeJsonAtomic } from "../../core/files.ts";
import { createRng } from "../../core/rng.ts";
import { toCandidates } from "../../data/candidates.ts";
import { readPool } from "../../data/pool.ts";
import type { CandidatePair, HumanLabel, PreferenceRow } from "../../data/rows.ts";
import { promptId } from "../../data/rows.ts";
import { splitRows } from "../../data/split.ts";
import { type Calibrator, calibratorToJson, fitCalibrator } from "../../teacher/calibration.ts";
import { type CalibrationReport, calibrationReport } from "../../teacher/calibration-report.ts";
import type { WeightForm } from "../../teacher/confidence.ts";
import { HELD_OUT_FILE, writeHeldOut } from "../../teacher/held-out-file.ts";
import type { Label } from "../../teacher/label.ts";
import { parseLabels } from "../../teacher/label-file.ts";
import { labelPool } from "../../teacher/labelling.ts";
import { type LabelCounts, labelsOf, planLabels } from "../../teacher/make-labels.ts";
import { type FittedForm, fitForm } from "../../teacher/score-form.ts";
import { closeScores, readScores, readScoresManifest } from "../../teacher/scores-folder.ts";
import type { PromisedSelection } from "../../teacher/selection.ts";
import { writeLabelling } from "../../teacher/write-labels.ts";
import {
  fitOn,
  type HeldOutFit,
  heldOutFit,
  type JudgedLabel,
  judgedLabels,
  LEAST_HELD_OUT,
  type SelectionSettings,
  selectionRule,
} from "../held-out.ts";
import type { Artefact } from "../stage.ts";
import { openTeacher, type TeacherChoice } from "../teachers.ts";
import { poolFolder, readLabelled } from "./data-files.ts";
import type { JobDeps } from "./deps.ts";
import { taughtRows } from "./labelled-part.ts";
import type { ModelFolderRef } from "./model-stages.ts";
import type { MainJob } from "./settings.ts";

/** A teacher's models; a reward head has no reference. */
export type TeacherModels = {
  readonly policy: ModelFolderRef;
  readonly reference?: ModelFolderRef | undefined;
};

/** The labelled rows a teacher learns from, and those kept to calibrate on; no prompt in both. */
export async function splitLabelled(
  data: Artefact,
  job: MainJob,
): Promise<{ train: readonly PreferenceRow[]; heldOut: readonly PreferenceRow[] }> {
  const rows = await readLabelled(data);
  const { heldOut } = job.label;
  const { parts } = splitRows(rows, { seed: job.seed, parts: { heldOut, train: 1 - heldOut } });
  return job.labelled === undefined ? parts : { ...parts, train: taughtRows(parts.train, job.labelled) };
}

/** Scores the pool, or the held-out labelled pairs, with the teacher. Raw scores: nothing later scores again. */
export async function scoresStage(
  deps: JobDeps,
  job: MainJob,
  models: TeacherModels,
  data: Artefact,
  what: "pool" | "held-out",
): Promise<Artefact> {
  const { kind, beta } = job.teacher;
  return deps.pipeline.stage({
    name: `${what}-scores`,
    version: 1,
    config: {
      kind,
      beta,
      limits: job.limits,
      ...(what === "held-out" ? { heldOut: job.label.heldOut, seed: job.seed } : {}),
    },
    inputs: {
      policy: models.policy.source,
      ...(models.reference ? { reference: models.reference.source } : {}),
      data,
    },
    share: async (work) => {
      const pairs =
        what === "pool" ? await readPool(poolFolder(data)) : (await heldOutPairs(data, job)).pairs;
      const options = { limits: job.limits, name: "weak", replies: `${work.log}/replies` };
      const teacher = await openTeacher(deps, choiceOf(job, models), options);
      try {
        const { signal, log } = deps;
        const { report } = await labelPool({ teacher, pairs, folder: work.path("scores"), log, signal });
        await writeJsonAtomic(`${work.log}/rate.json`, report);
      } finally {
        await teacher.close();
      }
    },
    run: (work) => closeScores(work.path("scores")),
  });
}

function choiceOf({ teacher }: MainJob, models: TeacherModels): TeacherChoice {
  const policy = models.policy.folder;
  switch (teacher.kind) {
    case "implicit-reward":
      return { kind: teacher.kind, policy, reference: models.reference!.folder, beta: teacher.beta };
    case "likelihood":
      return { kind: teacher.kind, policy };
    case "reward-head":
      return { kind: teacher.kind, model: policy };
    default:
      return teacher.kind satisfies never;
  }
}

async function heldOutPairs(
  data: Artefact,
  job: MainJob,
): Promise<{ pairs: readonly CandidatePair[]; human: readonly HumanLabel[] }> {
  const { heldOut } = await splitLabelled(data, job);
  const { pairs, humanLabels } = toCandidates(heldOut, job.seed);
  return { pairs, human: humanLabels };
}

/** What the labels stage knows beside the labels. */
export type LabelFacts = {
  readonly teacher: string;
  readonly counts: LabelCounts;
  readonly promise: PromisedSelection | null;
  readonly calibration: CalibrationReport | null;
  readonly heldOutAccuracy: { readonly agree: number; readonly n: number };
  readonly settings: Readonly<Record<string, unknown>>;
};

/** Scores of the pool and of the held-out labelled pairs. */
export type PoolScores = { readonly pool: Artefact; readonly heldOut: Artefact };

/** How labels are made of scores, and what the stage that does it is called. */
export type LabelRules = {
  readonly name: string;
  readonly selection: SelectionSettings;
  readonly weight: WeightForm;
};

/** Labels of the pool: calibrated on held-out labelled pairs, selected, weighted; and the rows to train on. */
export async function weakLabelsStage(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  scores: PoolScores,
  rules: LabelRules = { name: "weak-labels", ...job.label },
): Promise<Artefact> {
  const { calibration, heldOut } = job.label;
  const { name, selection, weight } = rules;
  return deps.pipeline.stage({
    name,
    version: 2,
    config: { calibration, selection, weight, heldOut, form: job.teacher.form, seed: job.seed },
    inputs: { data, pool: scores.pool, heldOut: scores.heldOut },
    run: async (work) => {
      const folder = scores.pool.path("scores");
      const judged = await judgeHeldOut(job, data, folder, scores.heldOut.path("scores"));
      const plan = await planLabels(folder, {
        form: judged.form,
        calibrator: judged.calibrator,
        select: selectionRule(selection, () => judged),
        weight,
      });
      await writeLabelling(work.folder, plan, await readPool(poolFolder(data)));
      await writeHeldOut(work.path(HELD_OUT_FILE), judged.pairs);
      const facts: LabelFacts = {
        teacher: (await readScoresManifest(folder)).teacher.name,
        counts: plan.counts,
        promise: plan.promise,
        calibration: judged.report,
        heldOutAccuracy: { agree: judged.agrees.filter(Boolean).length, n: judged.agrees.length },
        settings: { ...plan.settings, calibrator: calibratorToJson(judged.calibrator) },
      };
      await writeJsonAtomic(work.path("facts.json"), facts);
    },
  });
}

type Judged = HeldOutFit & {
  readonly form: FittedForm;
  readonly report: CalibrationReport | null;
};

/** Fits the calibrator on all held-out pairs; its report is of one fitted on half of their prompts and judged on the other. */
async function judgeHeldOut(job: MainJob, data: Artefact, pool: string, heldOut: string): Promise<Judged> {
  const { pairs, human } = await heldOutPairs(data, job);
  const form = await fitForm(job.teacher.form, readScores(pool));
  const labels = await labelsOf(readScores(heldOut), { form, teacher: "held-out" });
  const judged = judgedLabels(labels, new Map(human.map(({ id, preferred }) => [id, preferred])));
  if (judged.length < LEAST_HELD_OUT)
    throw new ConfigError(
      `label.held_out: only ${judged.length} held-out pairs have a score, expected at least ${LEAST_HELD_OUT} to calibrate on. Raise label.held_out or label more pairs.`,
    );
  const groups = new Map(pairs.map((pair) => [pair.id, promptId(pair.prompt)]));
  const fit = heldOutFit(fitOn(job.label.calibration, judged), judged);
  return { form, report: honestReport(job, judged, groups), ...fit };
}

/** The calibration before and after, on pairs of prompts that the calibrator was not fitted on; null when one half is empty. */
function honestReport(
  job: MainJob,
  judged: readonly JudgedLabel[],
  groups: ReadonlyMap<string, string>,
): CalibrationReport | null {
  const rng = createRng(job.seed);
  const prompts = rng.fork("calibration").shuffle([...new Set(groups.values())]);
  const half = new Set(prompts.filter((_, i) => i % 2 === 0));
  const inside = ({ label }: JudgedLabel) => half.has(groups.get(label.id)!);
  const [fit, check] = [judged.filter(inside), judged.filter((one) => !inside(one))];
  if (fit.length === 0 || check.length === 0) return null;
  const probabilities = (calibrator: Calibrator) => check.map(({ label }) => calibrator.apply(label.margin));
  return calibrationReport(
    probabilities(fitCalibrator("none", [], [])),
    probabilities(fitOn(job.label.calibration, fit)),
    check.map(({ prefersA }) => prefersA),
    {
      rng: rng.fork("calibration-report"),
      groups: check.map(({ label }) => groups.get(label.id)!),
    },
  );
}

/** Labels a stage wrote. */
export async function readLabels(artefact: Artefact): Promise<Label[]> {
  const file = artefact.path("labels.jsonl");
  return parseLabels(await readText(file, 2 ** 31), file);
}

/** What the labels stage knows. */
export const readLabelFacts = async (labels: Artefact): Promise<LabelFacts> =>
  (await readJson(labels.path("facts.json"))) as LabelFacts;

/** Share of held-out labelled pairs on which the teacher sides against the person. */
export async function errorRateOf(labels: Artefact): Promise<number> {
  const { agree, n } = (await readLabelFacts(labels)).heldOutAccuracy;
  return 1 - agree / n;
}
