/** Students, one per arm: the SFT start its rows give, or that it shares, then preference training on its labels. */
import { AlignError } from "../../core/errors.ts";
import type { Artefact } from "../stage.ts";
import { armRows, type RowMaterial, rowWords } from "./arm-rows.ts";
import type { JobDeps } from "./deps.ts";
import type { Student } from "./evaluate-stages.ts";
import { errorRateOf, type PoolScores, weakLabelsStage } from "./label-stages.ts";
import type { ModelFolderRef } from "./model-stages.ts";
import { type ArmSettings, type MainJob, plainRows, type RowSpec } from "./settings.ts";
import type { RatioModels } from "./teacher-logratios.ts";
import { preferStage, type RowSource, sftStage } from "./train-stages.ts";

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
  const students: ArmStudent[] = [];
  for (const arm of job.arms) students.push(await trainStudent(deps, job, material, arm));
  return students;
}

async function trainStudent(
  deps: JobDeps,
  job: MainJob,
  material: StudentMaterial,
  arm: ArmSettings,
): Promise<ArmStudent> {
  const { data, base } = material;
  const { limits } = job;
  const { name, training, rows: spec, select, weight } = arm;
  const own = select !== undefined || weight !== undefined;
  const labels = own ? await armLabels(deps, job, material, arm) : material.labels;
  // Weights say nothing of which responses are preferred: arms that differ in them alone share a start.
  const weak = select === undefined || arm.sft !== "own" ? material.labels : labels;
  const start = await startStage(deps, job, base, arm, { job, data, weak });
  const rows = armRows({ job, data, weak: labels }, spec);
  const [sft] = startOf(arm);
  const made = { name, start, arm, rows, labels, sftRows: sft && armRows({ job, data, weak }, sft[1]) };
  if (training !== "prefer") return { ...made, model: start };
  const model = await preferStage(deps, {
    name: `student-${name}`,
    model: start,
    rows,
    limits,
    lora: job.student.lora,
    errorRate: spec.labels === "weak" ? () => errorRateOf(labels) : undefined,
    teacher: ratioModels(material),
    ...(arm.prefer ?? job.student.prefer),
  });
  return { ...made, model };
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
  });
}

/** Name and rows of the fine-tuning before an arm; nothing where there is none. */
export function startOf({ training, sft, rows }: ArmSettings): (readonly [string, RowSpec])[] {
  if (training === "none" || sft === "none") return [];
  const { weightsFrom: _, ...own } = rows;
  const spec = sft === "own" ? own : plainRows(sft);
  return [[`student-sft-${rowWords(spec)}`, spec]];
}
