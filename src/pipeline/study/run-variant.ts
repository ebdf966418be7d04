/** Runs (or plans) one variant: the recipe's stages and what studies want beside them; then reads what came out. */

import { readTest } from "../job/data-files.ts";
import { type MeasuredStudent, measureStudent, runLabelling } from "../job/main-job.ts";
import type { TeacherModels } from "../job/member-scores.ts";
import { trainStudents } from "../job/student-stages.ts";
import { withLocalModels } from "../recipe/hub-models.ts";
import { jobOf } from "../recipe/job.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { JobDeps } from "../stages/deps.ts";
import type { Artefact } from "../stages/stage.ts";
import { SFT } from "./arms.ts";
import { bestOfName, bestOfStage, type ChosenResponses, readBestOf } from "./best-of.ts";
import { poolGoldStage, readPoolGold, readRescored, rescoredStage } from "./extra-stages.ts";
import { type ArmOutcome, type CellOutcome, readArmOutcome, readLabelOutcome } from "./outcomes.ts";
import { type Variant, variantRecipe } from "./variants.ts";

/** The artefacts of a variant. */
export type VariantResult = {
  readonly job: MainJob;
  readonly data: Artefact;
  readonly labels: Artefact;
  readonly students: readonly MeasuredStudent[];
  readonly teacher: MeasuredStudent | undefined;
  readonly poolGold: Artefact | undefined;
  readonly rescored: Artefact | undefined;
  readonly bestOf: ChosenResponses | undefined;
};

/** The job of a variant. @throws ConfigError as `loadRecipe` and `jobOf` */
export async function variantJob(variant: Variant, log?: JobDeps["log"]): Promise<MainJob> {
  return jobOf(await withLocalModels(await variantRecipe(variant), log));
}

/** Runs or plans the stages of a variant. */
export async function runVariant(deps: JobDeps, variant: Variant, job: MainJob): Promise<VariantResult> {
  const labelled = await runLabelling(deps, job);
  const { data, labels, scores } = labelled;
  const students: MeasuredStudent[] = [];
  if (variant.arms.length > 0)
    for (const student of await trainStudents(deps, job, labelled))
      students.push(await measureStudent(deps, job, data, student));
  const sft = students.find(({ name }) => name === SFT.name);
  const teacher = variant.teacherAnswers ? teacherAsStudent(scores[0]?.models) : undefined;
  return {
    job,
    data,
    labels,
    students,
    teacher: teacher && (await measureStudent(deps, job, data, teacher)),
    poolGold: variant.poolGold ? await poolGoldStage(deps, job, data) : undefined,
    rescored: variant.rescored ? await rescoredStage(deps, job, data, scores) : undefined,
    bestOf: variant.bestOf && sft !== undefined ? await bestOfStage(deps, job, data, sft, scores) : undefined,
  };
}

/** The first teacher, to answer the test prompts; a reward head, a judge or a control answers nothing. */
function teacherAsStudent(models: TeacherModels | undefined) {
  return models?.reference === undefined
    ? undefined
    : { name: "teacher", model: models.policy, start: models.reference, arm: undefined };
}

/** Reads a finished variant. */
export async function readVariant(result: VariantResult): Promise<CellOutcome> {
  const { job, data, labels, students, teacher, poolGold, rescored, bestOf } = result;
  const arms = new Map<string, ArmOutcome>();
  for (const student of students) arms.set(student.name, await readArmOutcome(job, student));
  const sft = arms.get(SFT.name);
  if (bestOf !== undefined && sft !== undefined)
    for (const [n, records] of await readBestOf(bestOf))
      arms.set(bestOfName(n), { ...sft, name: bestOfName(n), records });
  return {
    ...(await readLabelOutcome(job, data, labels, await readPoolGold(data, poolGold))),
    job,
    arms,
    teacher: teacher === undefined ? undefined : await readArmOutcome(job, teacher),
    test: await readTest(data),
    rescored: rescored === undefined ? undefined : await readRescored(rescored),
  };
}
