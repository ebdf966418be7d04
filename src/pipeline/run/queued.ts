/** The jobs of a run in a cluster's queue, for `status`: nothing of a cluster is loaded for a run that was never given to one. */
import { exists } from "../../base/core/files.ts";
import { rayFolder, slurmFolder } from "./cluster/folders.ts";
import type { QueuedJobs } from "./slurm/queued-jobs.ts";

/** What waits or runs there and its lines for a person; null where the run never had such jobs. @throws DataError as `queuedJobs` */
export async function queuedIn(
  folder: string,
): Promise<{ readonly jobs: QueuedJobs; readonly lines: readonly string[] } | null> {
  const jobs = (await slurmJobs(folder)) ?? (await rayJobs(folder));
  if (jobs === null) return null;
  const { formatQueuedJobs } = await import("./slurm/queued-jobs.ts");
  return { jobs, lines: formatQueuedJobs(jobs) };
}

async function slurmJobs(folder: string): Promise<QueuedJobs | null> {
  if (!(await exists(slurmFolder(folder)))) return null;
  return (await import("./slurm/queued-jobs.ts")).queuedJobs(folder);
}

async function rayJobs(folder: string): Promise<QueuedJobs | null> {
  if (!(await exists(rayFolder(folder)))) return null;
  return (await import("./ray/ray-run.ts")).queuedRayJobs(folder);
}
