/** The arms of a run compared by each of its gold scorers. */
import { createRng } from "../../base/core/rng.ts";
import { ARM_RECORDS, type EvaluatedArm } from "../../method/evaluate/arm.ts";
import { type ArmTable, compareArms } from "../../method/evaluate/compare-arms.ts";
import { goldName } from "../../method/evaluate/gold.ts";
import type { JobResult } from "../job/main-job.ts";
import { baselineOf, humanOf, type MainJob } from "../recipe/job-settings.ts";

/** Arms with their records, and a table of them per gold scorer, the leading one first. */
export type ComparedArms = { readonly arms: readonly EvaluatedArm[]; readonly tables: readonly ArmTable[] };

/** Reads the records and compares; no tables without gold scorers. */
export async function comparedArms(
  job: MainJob,
  { students, starts }: Pick<JobResult, "students" | "starts">,
): Promise<ComparedArms> {
  const { gold, resamples, generation } = job.evaluation;
  const arms: EvaluatedArm[] = [];
  for (const { name, generations } of students) {
    if (generations === undefined) return { arms: [], tables: [] };
    const ownSft = starts.find(({ arm }) => arm === name)?.start;
    arms.push({ name, ownSft, records: await ARM_RECORDS.read(generations.path("records.jsonl")) });
  }
  const unlisted = new Map(
    starts.flatMap(({ start, generations }) => (generations ? [[start, generations] as const] : [])),
  );
  const references: EvaluatedArm[] = [];
  for (const [name, generations] of unlisted)
    references.push({ name, records: await ARM_RECORDS.read(generations.path("records.jsonl")) });
  const { temperature, topK, topP } = generation;
  const options = {
    sft: baselineOf(job),
    human: humanOf(job),
    exactSampling: temperature === 1 && topK === undefined && (topP === undefined || topP === 1),
    starts: references,
    rng: createRng(job.seed).fork("report"),
    resamples,
  };
  return { arms, tables: gold.map((spec) => compareArms(arms, { ...options, gold: goldName(spec) })) };
}
