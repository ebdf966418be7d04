/**
 * The main job, top to bottom: data, weak teacher, labels, students on weak and other labels, measurements, report.
 * Every step is a stage of its own; in plan mode nothing runs and each says what it would do.
 */

import type { ArmSettings, MainJob } from "../recipe/job-settings.ts";
import { givensOf, membersOf } from "../recipe/teacher-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { checkHumanArms } from "./arm-rows.ts";
import { filesStage } from "./data-stage.ts";
import { jobEncodable } from "./encodable.ts";
import {
  generationsStage,
  type OwnStart,
  ownStarts,
  type Student,
  testAccuracyStage,
} from "./evaluate-stages.ts";
import { explainStage } from "./explain-stage.ts";
import { checkGoldRoom } from "./gold-room.ts";
import { checkHeldOut } from "./judge-held-out.ts";
import { type JudgedArm, judgeStudents } from "./judge-stages.ts";
import { type PoolScores, weakLabelsStage } from "./label-stages.ts";
import { checkJobModels } from "./model-checks.ts";
import { baseModel, checkAdapters, type ModelFolderRef, shallowModel, trimmedModel } from "./model-stages.ts";
import type { LengthRule } from "./over-length.ts";
import { type ArmStudent, type StudentMaterial, trainStudents } from "./student-stages.ts";
import { teacherScores } from "./teacher-stages.ts";
import { checkTrainers } from "./trainer-checks.ts";
import { worldStage } from "./world-stage.ts";

/** A student and what was measured of it. */
export type MeasuredStudent = Student & {
  readonly arm: ArmSettings | undefined;
  readonly generations: Artefact | undefined;
  readonly testAccuracy: Artefact;
};

/** Everything the job made, for the report. */
export type JobResult = {
  /** What every student is made from: the recipe's model, cut and trimmed where it asks for that. */
  readonly base: ModelFolderRef;
  /** What each arm learnt from, in the order of the arms. */
  readonly arms: readonly ArmStudent[];
  readonly data: Artefact;
  /** Raw scores by each teacher that has a say, and its models. */
  readonly scores: PoolScores;
  readonly labels: Artefact;
  /** Why the teacher differs from people, by token; only of one implicit reward. */
  readonly explained: Artefact | undefined;
  readonly students: readonly MeasuredStudent[];
  readonly judged: readonly JudgedArm[];
  readonly starts: readonly OwnStart[];
};

/** Runs (or plans) the job. */
export async function runMainJob(deps: JobDeps, job: MainJob): Promise<JobResult> {
  const labelled = await runLabelling(deps, job);
  const { data, scores, labels } = labelled;
  const explained = await explainLabels(deps, job, labelled);
  const students: MeasuredStudent[] = [];
  const arms = await trainStudents(deps, job, labelled);
  for (const one of arms) students.push(await measureStudent(deps, job, data, one));
  const { gold, ownBaselines } = job.evaluation;
  const starts = gold.length > 0 && ownBaselines ? await ownStarts(deps, job, data, students) : [];
  const judged = await judgeStudents(deps, job, students);
  return { base: labelled.base, arms, data, scores, labels, explained, students, judged, starts };
}

/** Data, teacher and labels. */
export async function runLabelling(deps: JobDeps, job: MainJob): Promise<StudentMaterial> {
  const { models } = job;
  checkTrainers(job);
  await checkJobModels(job);
  const whole = await baseModel(deps, models.student.source);
  for (const lora of [job.student.lora, job.student.sftLora]) await checkAdapters(lora, whole);
  // A world is sampled from the whole student, so that students of all depths live in one world.
  const seed = job.dataSeed ?? job.seed;
  const data =
    job.data.kind === "world"
      ? await worldStage(deps, job.data, seed, whole)
      : await filesStage(deps, job.data, seed, {
          length: await lengthRule(deps, job, whole),
          encodable: await jobEncodable(job),
        });
  await checkHumanArms(job, data);
  await checkHeldOut(job, data);
  await checkGoldRoom(job, data);
  const scores = await teacherScores(deps, job, data);
  const labels = await weakLabelsStage(deps, job, data, scores);
  const shallow = await shallowModel(deps, models.student, whole);
  return { data, scores, labels, base: await trimmedModel(deps, "student", models.student, shallow, data) };
}

/** Whose limits leave rows out, where the recipe leaves rows out: the student's and those of the models that label. */
async function lengthRule(
  deps: JobDeps,
  { data, limits, teacher, models, seed }: MainJob,
  student: ModelFolderRef,
): Promise<LengthRule | undefined> {
  if (data.kind !== "files" || data.overLength === undefined) return undefined;
  const members = membersOf(teacher, seed, models.weak).map(({ weak }) => weak.source);
  const judges = givensOf(teacher, models.weak).flatMap(({ given, model }) =>
    given.kind === "judge-local" ? [model!.source] : [],
  );
  const others = [...new Set([...members, ...judges])].filter((source) => source !== models.student.source);
  const weak = await Promise.all(others.map((from) => baseModel(deps, from)));
  return { models: [student, ...weak], limits };
}

/** What each token adds to the teacher's surest disagreements with people, for the report. */
async function explainLabels(
  deps: JobDeps,
  job: MainJob,
  { data, scores: [first], labels }: StudentMaterial,
): Promise<Artefact | undefined> {
  const { limits, teacher } = job;
  const { policy, reference } = first?.models ?? {};
  if (teacher.kind !== "implicit-reward" || policy === undefined || reference === undefined) return undefined;
  return explainStage(deps, {
    name: "explain",
    config: { beta: teacher.beta, limits },
    inputs: { data, labels, policy, reference },
  });
}

/** Generations on the test prompts, where anybody evaluates them, and test accuracy. */
export async function measureStudent(
  deps: JobDeps,
  job: MainJob,
  data: Artefact,
  student: Student & { readonly arm: ArmSettings | undefined },
): Promise<MeasuredStudent> {
  const generates = job.evaluation.gold.length + job.evaluation.judges.length > 0;
  const generations = generates ? await generationsStage(deps, job, data, student) : undefined;
  return { ...student, generations, testAccuracy: await testAccuracyStage(deps, job, data, student) };
}
