/**
 * What a run made, in its own folder: with its record a finished run is reported and exported without its models, its data and the place it
 * was computed in.
 */

import { armRows } from "../job/arm-rows.ts";
import type { JobResult, MeasuredStudent } from "../job/main-job.ts";
import { type ArmStudent, startOf } from "../job/student-stages.ts";
import type { RowSource } from "../job/training-rows.ts";
import { jobOf } from "../recipe/job.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Recipe } from "../recipe/schema.ts";
import type { Artefact } from "../stages/stage.ts";
import type { StageStep } from "../stages/steps.ts";
import { type KeptReport, readRecorded, writeRecorded } from "./recorded.ts";

/** Writes down what a finished run made. @param code - version of the package @param report - undefined while there is none */
export async function writeRunRecord(
  folder: string,
  result: JobResult,
  steps: readonly StageStep[],
  code: string,
  report?: KeptReport,
): Promise<void> {
  await writeRecorded(folder, { result, steps }, code, report);
}

/** A finished run as its record says, planned from nothing else. */
export type RecordedRun = {
  readonly job: MainJob;
  readonly result: JobResult;
  readonly steps: readonly StageStep[];
};

/**
 * A finished run by its record; undefined where there is none, it is of another recipe or version, or an artefact is not there.
 * @param asked - the recipe in the folder
 * @throws DataError when a file of an artefact is not what its stage made
 */
export async function readRunRecord(
  folder: string,
  asked: Recipe,
  code: string,
): Promise<RecordedRun | undefined> {
  const recorded = await readRecorded(folder, code);
  if (recorded === undefined) return undefined;
  const { steps } = recorded;
  const result = recorded.result as JobResult;
  const job = jobOf(asked);
  const arms = result.arms.map((arm) => withRows(job, arm));
  const students = result.students.map((student): MeasuredStudent => {
    const arm = job.arms.find(({ name }) => name === student.name);
    return { ...student, arm };
  });
  return { job, steps, result: { ...result, arms, students } };
}

const isWeakLabels = (origin: RowSource["from"] | undefined): origin is Artefact =>
  origin !== undefined && "stage" in origin && origin.stage.startsWith("weak-labels");

/** How an arm's rows are made of artefacts is code, which no file holds. */
function withRows(job: MainJob, student: ArmStudent): ArmStudent {
  const arm = job.arms.find(({ name }) => name === student.name)!;
  const { pairs: data, labels, sftRows } = student;
  const weak = [sftRows?.from, sftRows?.beside].find(isWeakLabels) ?? labels;
  const [start] = startOf(arm);
  return {
    ...student,
    arm,
    rows: armRows({ job, data, weak: labels }, arm.rows),
    sftRows: start && armRows({ job, data, weak }, start[1]),
  };
}
