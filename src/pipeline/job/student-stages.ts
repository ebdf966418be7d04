/** Students, one per arm: the SFT start its rows give, or that it shares, then preference training on its labels. */
import { AlignError } from "../../base/core/errors.ts";
import { checkKept } from "../../method/labels/kept-words.ts";
import { type ArmSettings, type MainJob, plainRows, type RowSpec } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { armPairsStage } from "./arm-pairs.ts";
import { armRows, type RowMaterial, rowWords, usesWeak } from "./arm-rows.ts";
import type { Student } from "./evaluate-stages.ts";
import { type PoolScores, readLabelFacts, weakLabelsStage } from "./label-stages.ts";
import type { ModelFolderRef } from "./model-stages.ts";
import type { RatioModels } from "./teacher-logratios.ts";
import { preferStage, sftStage } from "./train-stages.ts";
import type { RowSource } from "./training-rows.ts";

/** What students are made from; `labels` are the teacher's by the job's own rules. */
export type StudentMaterial = {
  readonly base: ModelFolderRef;
  readonly data: Artefact;
  readonly scores: PoolScores;
  readonly labels: Artefact;
};

/** A student, the arm it is of, and what it learnt from. */
export type ArmStudent = Student & {
  readonly arm: ArmSettings;
  /** The rows of its preference training, and of the fine-tuning before it where there is one. */
  readonly rows: RowSource;
  readonly sftRows: RowSource | undefined;
  /** The pairs that all arms learn from (`arm-pairs.ts`). */
  readonly pairs: Artefact;
  /** The weak labels by the arm's own rules. */
  readonly labels: Artefact;
};

/** Trains (or plans) all arms. Arms whose fine-tuning reads the same rows share one start (papers.md 1.2). */
export async function trainStudents(
  deps: JobDeps,
  job: MainJob,
  material: StudentMaterial,
): Promise<ArmStudent[]> {
  if (job.arms.length === 0) throw new AlignError("config", "arms: expected at least one arm, got none.");
  // All labels before any training: an arm that has none to learn from is told so at once.
  const arms: [ArmSettings, ArmLabels][] = [];
  for (const arm of job.arms) arms.push([arm, await labelsFor(deps, job, material, arm)]);
  const pairs = await armPairsStage(deps, job, material);
  const students: ArmStudent[] = [];
  for (const [arm, labels] of arms)
    students.push(await trainStudent(deps, job, { ...material, pairs }, arm, labels));
  return students;
}

async function trainStudent(
  deps: JobDeps,
  job: MainJob,
  material: StudentMaterial & { readonly pairs: Artefact },
  arm: ArmSettings,
  { weak, labels }: ArmLabels,
): Promise<ArmStudent> {
  const { pairs, base } = material;
  // What arms learn from is of the pairs that all can use.
  const data = pairs;
  const { limits } = job;
  const { name, training, rows: spec } = arm;
  const start = await startStage(deps, job, base, arm, { job, data, weak });
  const rows = armRows({ job, data, weak: labels }, spec);
  const [sft] = startOf(arm);
  const made = {
    name,
    start,
    arm,
    rows,
    labels,
    pairs,
    sftRows: sft && armRows({ job, data, weak }, sft[1]),
  };
  if (training !== "prefer") return { ...made, model: start };
  const model = await preferStage(deps, {
    name: `student-${name}`,
    model: start,
    rows,
    limits,
    ...{ lora: job.student.lora, trainer: job.student.trainer },
    errors: spec.labels === "weak" ? labels : undefined,
    teacher: ratioModels(material),
    ...(arm.prefer ?? job.student.prefer),
  });
  return { ...made, model };
}

/** The weak labels of an arm, and those that its fine-tuning reads. */
type ArmLabels = { readonly labels: Artefact; readonly weak: Artefact };

async function labelsFor(
  deps: JobDeps,
  job: MainJob,
  material: StudentMaterial,
  arm: ArmSettings,
): Promise<ArmLabels> {
  const own = arm.select !== undefined || arm.weight !== undefined;
  const labels = own ? await armLabels(deps, job, material, arm) : material.labels;
  // Weights say nothing of which responses are preferred: arms that differ in them alone share a start.
  const weak = arm.select === undefined || arm.sft !== "own" ? material.labels : labels;
  await checkWeak(arm, { weak, labels });
  return { labels, weak };
}

/**
 * Stops, before anything trains, where the selection of the weak labels that an arm learns from kept none.
 * @throws AlignError ("nothing-kept") with what was asked for and why nothing is left
 */
async function checkWeak(arm: ArmSettings, { weak, labels }: ArmLabels): Promise<void> {
  const of = [...startOf(arm).map(([, spec]) => [spec, weak] as const), [arm.rows, labels] as const];
  // In a plan the labels may not be there yet.
  for (const [spec, from] of arm.training === "none" ? [] : of)
    if (usesWeak(spec) && from.digest !== undefined) checkKept(`arm ${arm.name}`, await readLabelFacts(from));
}

/** The models of a single implicit-reward teacher, which wspo learns from. */
function ratioModels({ scores: [first, ...others] }: StudentMaterial): RatioModels | undefined {
  const { policy, reference } = first?.models ?? {};
  return others.length > 0 || policy === undefined || reference === undefined
    ? undefined
    : { policy, reference };
}

function armLabels(
  deps: JobDeps,
  job: MainJob,
  { data, scores }: StudentMaterial,
  { name, select, weight }: ArmSettings,
): Promise<Artefact> {
  const { selection, weight: standard } = job.label;
  const rules = { selection: select ?? selection, weight: weight ?? standard };
  return weakLabelsStage(deps, job, data, scores, { name: `weak-labels-${name}`, ...rules });
}

async function startStage(
  deps: JobDeps,
  job: MainJob,
  base: ModelFolderRef,
  arm: ArmSettings,
  material: RowMaterial,
): Promise<ModelFolderRef> {
  const [start] = startOf(arm);
  if (start === undefined) return base;
  const [name, spec] = start;
  return sftStage(deps, {
    name,
    model: base,
    rows: armRows(material, spec),
    limits: job.limits,
    settings: job.student.sft,
    ...{ lora: job.student.sftLora, trainer: job.student.trainer },
  });
}

/** Name and rows of the fine-tuning before an arm; nothing where there is none. */
export function startOf({ training, sft, rows }: ArmSettings): (readonly [string, RowSpec])[] {
  if (training === "none" || sft === "none") return [];
  const { weightsFrom: _, ...own } = rows;
  const spec = sft === "own" ? own : plainRows(sft);
  return [[`student-sft-${rowWords(spec)}`, spec]];
}
