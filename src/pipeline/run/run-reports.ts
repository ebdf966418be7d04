/**
 * The report of a run. Its intervals are thousands of resamples, seconds of work: the run's record keeps the report's value under all that it
 * was computed from, and where all of that stands only its pages are written again.
 */
import { resolve } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import type { ReportData } from "../../report/data.ts";
import { type ReportFiles, writeReport } from "../../report/render.ts";
import type { JobResult } from "../job/main-job.ts";
import { computeOf } from "../recipe/job.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import type { Recipe } from "../recipe/schema.ts";
import { recipeYaml } from "../recipe/write.ts";
import { timesOf, usedTools, writeRunReport } from "../results/run-report.ts";
import type { StageStep } from "../stages/steps.ts";
import { readKeptReport, resultDigest } from "./recorded.ts";
import { writeRunRecord } from "./run-record.ts";
import { sourceCommit } from "./source-commit.ts";

/** A report: its files and what is in them. */
export type RunReport = ReportFiles & { readonly data: ReportData };

/** A run whose stages are all there. */
type Reported = {
  readonly recipe: Recipe;
  readonly job: MainJob;
  readonly result: JobResult;
  readonly steps: readonly StageStep[];
};

/** Records a finished run and writes its report into its folder. @param fresh - everything in it is computed again */
export async function recordAndReport(
  run: Reported,
  { code, fresh = false }: { readonly code: string; readonly fresh?: boolean },
): Promise<RunReport> {
  const { recipe, job, result, steps } = run;
  const folder = resolve(recipe.out);
  const key = reportKey(run, code);
  const stands = !fresh && steps.every(({ state }) => state === "cached");
  const kept = stands ? ((await readKeptReport(folder, key)) as ReportData | undefined) : undefined;
  // Should the report fail, the run is there all the same.
  await writeRunRecord(folder, result, steps, code);
  const report =
    kept === undefined
      ? await reportOf(recipe, job, result, steps, code)
      : await writeAgain(folder, { ...kept, times: timesOf(steps, await usedTools(result)) });
  const { times: _, ...data } = report.data;
  await writeRunRecord(folder, result, steps, code, { key, data });
  return report;
}

const writeAgain = async (folder: string, data: ReportData): Promise<RunReport> => ({
  ...(await writeReport(folder, data)),
  data,
});

/** Digest of all that a report is computed from: curves lie in logs, which no digest holds, so when each stage was made goes with it. */
function reportKey({ recipe, result, steps }: Reported, code: string): string {
  const made = steps.map(({ name, key, elapsedSeconds }) => [name, key ?? null, elapsedSeconds ?? null]);
  const commit = sourceCommit() ?? null;
  return digestOf({
    code,
    commit,
    recipe: wordsOf(recipe),
    compute: computeOf(recipe),
    made,
    result: resultDigest(result, recipe.out),
  });
}

/** Where it was computed is no part of what was computed. */
const wordsOf = ({ executor: _, ...whatever }: Recipe): string => recipeYaml(whatever);

/** Writes the report of a result; into the run's folder unless `to` names another. */
export function reportOf(
  recipe: Recipe,
  job: MainJob,
  result: JobResult,
  steps: readonly StageStep[],
  version: string,
  to?: string,
): Promise<RunReport> {
  const folder = resolve(recipe.out);
  return writeRunReport(to ?? folder, job, result, {
    folder,
    recipe: wordsOf(recipe),
    version,
    commit: sourceCommit(),
    steps,
    ...computeOf(recipe),
  });
}
