/**
 * The main job, top to bottom: data, weak teacher, labels, students on weak and other labels, measurements, report.
 * Every step is a stage of its own; in plan mode nothing runs and each says what it would do.
 */
import type { Artefact } from "../stage.ts";
import { checkHumanArms } from "./arm-rows.ts";
import { filesStage, worldStage } from "./data-stage.ts";
import type { JobDeps } from "./deps.ts";
import { generationsStage, heldOutStage, type OwnStart, ownStarts, type Student } from "./evaluate-stages.ts";
import { type JudgedArm, judgeStudents } from "./judge-stages.ts";
import { scoresStage, splitLabelled, type TeacherModels, weakLabelsStage } from "./label-stages.ts";
import { baseModel, type ModelFolderRef, shallowModel, trimmedModel } from "./model-stages.ts";
import type { ArmSettings, MainJob } from "./settings.ts";
import { type ArmStudent, type StudentMaterial, trainStudents } from "./student-stages.ts";
import { preferStage, rewardStage, sftStage } from "./train-stages.ts";

/** A student and what was measured of it. */
export type MeasuredStudent = Student & {
  readonly arm: ArmSettings | undefined;
  readonly generations: Artefact | undefined;
  readonly heldOut: Artefact;
};

/** Everything the job made, for the report. */
export type JobResult = {
  /** What each arm learnt from, in the order of the arms. */
  readonly arms: readonly ArmStudent[];
  readonly data: Artefact;
  readonly teacher: TeacherModels;
  readonly labels: Artefact;
  readonly students: readonly MeasuredStudent[];
  readonly judged: readonly JudgedArm[];
  readonly starts: readonly OwnStart[];
};

/** Everything before the students. */
export type Labelled = StudentMaterial & { readonly teacher: TeacherModels };

/** Runs (or plans) the job. */
export async function runMainJob(deps: JobDeps, job: MainJob): Promise<JobResult> {
  const labelled = await runLabelling(deps, job);
  const { data, teacher, labels } = labelled;
  const students: MeasuredStudent[] = [];
  const arms = await trainStudents(deps, job, labelled);
  for (const one of arms) students.push(await measureStudent(deps, job, data, one));
  const { gold, ownBaselines } = job.evaluation;
  const starts = gold.length > 0 && ownBaselines ? await ownStarts(deps, job, data, students) : [];
  const judged = await judgeStudents(deps, job, students);
  return { arms, data, teacher, labels, students, judged, starts };
}

/** Data, teacher and labels. */
export async function runLabelling(deps: JobDeps, job: MainJob): Promise<Labelled> {
  const from = {
    weak: await baseModel(deps, job.models.weak.from),
    student: await baseModel(deps, job.models.student.from),
  };
  // A world is sampled from the whole student, so that students of all depths live in one world.
  const data =
    job.data.kind === "world"
      ? await worldStage(deps, job.data, job.seed, from.student)
      : await filesStage(deps, job.data, job.seed);
  await checkHumanArms(job, data);
  const model = async (role: "weak" | "student") => {
    const shallow = await shallowModel(deps, job.models[role], from[role]);
    return trimmedModel(deps, role, job.models[role], shallow, data);
  };
  const teacher = await trainTeacher(deps, job, await model("weak"), data);
  const pool = await scoresStage(deps, job, teacher, data, "pool");
  const heldOut = await scoresStage(deps, job, teacher, data, "held-out");
  const scores = { pool, heldOut };
  const labels = await weakLabelsStage(deps, job, data, scores);
  return { data, teacher, scores, labels, base: await model("student") };
}

/** Generations on the test prompts, where anybody evaluates them, and held-out accuracy. */
export async function measureStudent(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  student: Student & { readonly arm: ArmSettings | undefined },
): Promise<MeasuredStudent> {
  const generates = job.evaluation.gold.length + job.evaluation.judges.length > 0;
  const generations = generates ? await generationsStage(deps, job, data, student) : undefined;
  return { ...student, generations, heldOut: await heldOutStage(deps, job, data, student) };
}

/** SFT on the labelled part's preferred responses, then preference training or a reward head on its pairs. */
async function trainTeacher(
  deps: JobDeps,
  job: MainJob,
  weak: ModelFolderRef,
  data: Artefact,
): Promise<TeacherModels> {
  const { limits, teacher } = job;
  const { labelled } = job;
  const rows = { from: data, spec: labelled, read: async () => (await splitLabelled(data, job)).train };
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
