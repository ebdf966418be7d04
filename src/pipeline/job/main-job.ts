/**
 * The main job, top to bottom: data, weak teacher, labels, students on weak and other labels, measurements, report.
 * Every step is a stage of its own; in plan mode nothing runs and each says what it would do.
 */
import { AlignError } from "../../core/errors.ts";
import type { Artefact } from "../stage.ts";
import { armRows } from "./arm-rows.ts";
import { filesStage, worldStage } from "./data-stage.ts";
import type { JobDeps } from "./deps.ts";
import { generationsStage, heldOutStage, type Student } from "./evaluate-stages.ts";
import {
  errorRateOf,
  scoresStage,
  splitLabelled,
  type TeacherModels,
  weakLabelsStage,
} from "./label-stages.ts";
import { baseModel, type ModelFolderRef, shallowModel, trimmedModel } from "./model-stages.ts";
import type { ArmSettings, LabelSource, MainJob } from "./settings.ts";
import { preferStage, rewardStage, sftStage } from "./train-stages.ts";

/** A student and what was measured of it. */
export type MeasuredStudent = Student & {
  readonly arm: ArmSettings | undefined;
  readonly generations: Artefact | undefined;
  readonly heldOut: Artefact;
};

/** Everything the job made, for the report. */
export type JobResult = {
  readonly data: Artefact;
  readonly teacher: TeacherModels;
  readonly labels: Artefact;
  readonly students: readonly MeasuredStudent[];
};

/** Runs (or plans) the job. */
export async function runMainJob(deps: JobDeps, job: MainJob): Promise<JobResult> {
  const base = {
    weak: await baseModel(deps, job.models.weak.from),
    student: await baseModel(deps, job.models.student.from),
  };
  const data =
    job.data.kind === "world"
      ? await worldStage(deps, job.data, job.seed, base.student)
      : await filesStage(deps, job.data, job.seed);
  const shallow = await shallowModel(deps, job.models.weak, base.weak);
  const weak = await trimmedModel(deps, "weak", job.models.weak, shallow, data);
  const student = await trimmedModel(deps, "student", job.models.student, base.student, data);

  const teacher = await trainTeacher(deps, job, weak, data);
  const pool = await scoresStage(deps, job, teacher, data, "pool");
  const heldOut = await scoresStage(deps, job, teacher, data, "held-out");
  const labels = await weakLabelsStage(deps, job, data, { pool, heldOut });

  const students = await trainStudents(deps, job, student, data, labels);
  const measured: MeasuredStudent[] = [];
  for (const one of students) {
    const generates = job.evaluation.gold.length > 0;
    const generations = generates ? await generationsStage(deps, job, data, one) : undefined;
    measured.push({ ...one, generations, heldOut: await heldOutStage(deps, job, data, one) });
  }
  return { data, teacher, labels, students: measured };
}

/** SFT on the labelled part's preferred responses, then preference training or a reward head on its pairs. */
async function trainTeacher(
  deps: JobDeps,
  job: MainJob,
  weak: ModelFolderRef,
  data: Artefact,
): Promise<TeacherModels> {
  const { limits, teacher } = job;
  const rows = { from: data, read: async () => (await splitLabelled(data, job)).train };
  const reference = await sftStage(deps, {
    name: "teacher-sft",
    model: weak,
    rows,
    limits,
    settings: teacher.sft,
  });
  if (teacher.kind === "reward-head")
    return {
      policy: await rewardStage(deps, {
        name: "teacher-reward",
        model: reference,
        rows,
        limits,
        settings: teacher.reward,
      }),
    };
  const policy = await preferStage(deps, {
    name: "teacher-prefer",
    model: reference,
    rows,
    limits,
    ...teacher.prefer,
  });
  return { policy, reference };
}

/** Each source of labels has its own SFT start, on the responses it prefers (papers.md 1.2); arms on one source share it. */
async function trainStudents(
  deps: JobDeps,
  job: MainJob,
  student: ModelFolderRef,
  data: Artefact,
  labels: Artefact,
): Promise<(Student & { arm: ArmSettings | undefined })[]> {
  const { limits } = job;
  const starts = new Map<LabelSource, ModelFolderRef>();
  const students: (Student & { arm: ArmSettings | undefined })[] = [];
  for (const arm of job.arms) {
    const rows = armRows(job, data, arm.labels, labels);
    let start = starts.get(arm.labels);
    if (start === undefined) {
      start = await sftStage(deps, {
        name: `student-sft-${arm.labels}`,
        model: student,
        rows,
        limits,
        settings: job.student.sft,
      });
      starts.set(arm.labels, start);
    }
    const { lora } = job.student;
    const prefer = arm.prefer ?? job.student.prefer;
    const model =
      arm.training === "sft"
        ? start
        : await preferStage(deps, {
            name: `student-${arm.name}`,
            model: start,
            rows,
            limits,
            lora,
            errorRate: arm.labels === "weak" ? () => errorRateOf(labels) : undefined,
            ...prefer,
          });
    students.push({ name: arm.name, model, start, arm });
  }
  if (students.length === 0) throw new AlignError("config", "arms: expected at least one arm, got none.");
  return students;
}
