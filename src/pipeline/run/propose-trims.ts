/**
 * Models of which a trimmed vocabulary would save time: small ones, of whose arithmetic the head has a large share. What it would save is
 * the estimate of the job as it is over that of the job with `vocabulary: trim`.
 */
import type { Runtime } from "../../engine/runtime/runtime.ts";
import type { MachineRate } from "../../method/train/machine-rate.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { givensOf, membersOf } from "../recipe/teacher-settings.ts";
import { estimateJob, type SampledRows, type StageEstimate, tokensLeft } from "./estimate.ts";

/** A model whose vocabulary may be trimmed. */
export type TrimProposal = {
  readonly role: "student" | "weak";
  /** How many times faster the stages that compute with it are expected to be. */
  readonly factor: number;
  /** Tokens that are expected to be left, by the size of the data. */
  readonly left: number;
};

/** Less than this is not worth other logits and a check of every text. */
const WORTH = 1.2;

/** Stages that compute with the model of a role. */
const STAGES = {
  student: /^(student-|generate-|test-accuracy-)/,
  weak: /^(teacher-|pool-scores|held-out-scores|test-scores)/,
} as const;

/** What trimming would bring, for the models that are trained here with a vocabulary that is kept. */
export async function proposeTrims(
  runtime: Runtime,
  job: MainJob,
  found: {
    readonly rate: MachineRate;
    readonly rows: SampledRows;
    readonly stages: readonly StageEstimate[];
  },
): Promise<TrimProposal[]> {
  const proposals: TrimProposal[] = [];
  for (const role of ["student", "weak"] as const) {
    if (!isTrainedHere(job, role)) continue;
    const models = { ...job.models, [role]: { ...job.models[role], vocabulary: "trim" as const } };
    const trimmed = await estimateJob(runtime, trimmedJob(job, models), found);
    const seconds = (stages: readonly StageEstimate[]) =>
      stages
        .filter(({ stage }) => STAGES[role].test(stage))
        .reduce((sum, { estimate }) => sum + estimate.seconds, 0);
    const factor = seconds(found.stages) / Math.max(seconds(trimmed), Number.MIN_VALUE);
    if (factor >= WORTH) proposals.push({ role, factor, left: tokensLeft(found.rows) });
  }
  return proposals;
}

/** The members of an ensemble carry the model that they were given. */
function trimmedJob(job: MainJob, models: MainJob["models"]): MainJob {
  const { teacher } = job;
  const trim = <T extends { readonly weak: MainJob["models"]["weak"] }>(one: T): T =>
    one.weak === job.models.weak ? { ...one, weak: models.weak } : one;
  if (teacher.kind === "cascade")
    return {
      ...job,
      models,
      teacher: { ...teacher, first: trim(teacher.first), second: trim(teacher.second) },
    };
  if (teacher.kind !== "ensemble") return { ...job, models };
  const members = teacher.members.map((one) =>
    one.weak === job.models.weak ? { ...one, weak: models.weak! } : one,
  );
  return { ...job, models, teacher: { ...teacher, members } };
}

function isTrainedHere({ models, teacher, student, seed }: MainJob, role: TrimProposal["role"]): boolean {
  const model = models[role];
  if (model === undefined || model.vocabulary === "trim") return false;
  if (role === "student") return student.trainer === undefined;
  // A judge's question has words that the data does not.
  if (givensOf(teacher, model).some((one) => one.model === model && one.given.kind === "judge-local"))
    return false;
  const members = membersOf(teacher, seed, model).filter(({ weak }) => weak === model);
  return members.length > 0 && members.every(({ trainer }) => trainer === undefined);
}

/** A line for each, in the words of a recipe; none without any. */
export const formatTrims = (trims: readonly TrimProposal[]): string =>
  trims
    .map(
      ({ role, factor, left }) =>
        `--set models.${role}.vocabulary=trim: about ${factor.toFixed(1)} times faster where the ${role === "student" ? "student" : "teacher's model"} computes, with about ${left} tokens left of its vocabulary; texts keep their tokens, other texts are spelt in smaller pieces`,
    )
    .join("\n");
