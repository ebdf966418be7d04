/** Which jobs belong to a run: `slurm/jobs.json` in its folder, and the names under which they stand in the queue. */
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, DataError } from "../../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../../base/core/files.ts";
import { slurmFolder } from "../cluster/folders.ts";
import { jobNameOf } from "../cluster/stage-job.ts";
import { isLive, jobIdOf } from "./queue.ts";
import type { Slurm } from "./slurm.ts";

const fileSchema = z.strictObject({
  format: z.literal("weak-teacher/slurm-jobs/1"),
  /** `runIdOf` of the run. */
  run: z.string(),
  /** By stage: for each task the job it was last submitted with, and how often it was submitted. */
  stages: z.record(
    z.string(),
    z.array(z.strictObject({ task: z.number(), id: z.string(), attempt: z.number() })),
  ),
});

/** What `jobs.json` holds. */
export type JobsFile = z.infer<typeof fileSchema>;

/** Reads the list; undefined when the run has none. @throws DataError when it is damaged */
export async function readJobs(folder: string): Promise<JobsFile | undefined> {
  const file = jobsFile(folder);
  if (!(await exists(file))) return undefined;
  const parsed = fileSchema.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  throw new DataError(file, 0, "is no list of Slurm jobs. Cancel the run's jobs, remove it and start again.");
}

/** Writes the list whole. */
export function writeJobs(folder: string, jobs: Omit<JobsFile, "format">): Promise<void> {
  return writeJsonAtomic(jobsFile(folder), { format: "weak-teacher/slurm-jobs/1", ...jobs });
}

const jobsFile = (folder: string) => join(slurmFolder(folder), "jobs.json");

/**
 * Jobs read the recipe in the run's folder when they start, so a changed recipe must wait for those of the one before.
 * @throws ConfigError while jobs of another recipe are in the queue
 */
export async function checkNoOtherJobs(slurm: Slurm, folder: string, runId: string): Promise<void> {
  const before = await readJobs(folder);
  if (before === undefined || before.run === runId) return;
  const names = Object.keys(before.stages).map((stage) => jobNameOf(before.run, stage));
  if (names.length === 0) return;
  const live = (await slurm.queue(names)).filter(({ state }) => isLive(state));
  if (live.length === 0) return;
  const ids = [...new Set(live.map(({ ref }) => jobIdOf(ref)))];
  throw new ConfigError(
    `${folder}: ${ids.length} jobs of this run with other settings are in the queue, expected none. Wait for them, or cancel them with: scancel ${ids.join(" ")}`,
  );
}
