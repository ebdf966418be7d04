/** The jobs of a run as they stand in the queue, for `status`: whoever submitted them, and from any machine that has Slurm's commands. */
import { AlignError } from "../../../base/core/errors.ts";
import { jobNameOf } from "../cluster/stage-job.ts";
import { readJobs } from "./jobs-file.ts";
import { isLive, type QueuedTask } from "./queue.ts";
import { openSlurm, type Slurm } from "./slurm.ts";

/** Tasks that wait or run, with the stage they are of. */
export type QueuedJobs = {
  readonly tasks: readonly (QueuedTask & { readonly stage: string })[];
  /** Why the queue could not be read; null where it could. */
  readonly problem: string | null;
};

/** Looks a run's jobs up; null when it never had any. @throws DataError when its list of jobs is damaged */
export async function queuedJobs(folder: string, slurm: Slurm = openSlurm()): Promise<QueuedJobs | null> {
  const jobs = await readJobs(folder);
  if (jobs === undefined) return null;
  const stages = new Map(Object.keys(jobs.stages).map((stage) => [jobNameOf(jobs.run, stage), stage]));
  if (stages.size === 0) return { tasks: [], problem: null };
  try {
    const rows = (await slurm.queue([...stages.keys()])).filter(({ state }) => isLive(state));
    return { tasks: rows.map((row) => ({ ...row, stage: stages.get(row.name)! })), problem: null };
  } catch (error) {
    if (error instanceof AlignError) return { tasks: [], problem: error.message };
    throw error;
  }
}

/** Lines for a person, one per task; none where there is nothing to say. */
export function formatQueuedJobs(jobs: QueuedJobs | null): string[] {
  if (jobs === null) return [];
  if (jobs.problem !== null) return [`  jobs are not known: ${jobs.problem}`];
  return jobs.tasks.map(({ stage, ref, state, elapsed, node, reason }) => {
    const where = node === "" ? (reason === "None" ? "" : ` (${reason})`) : ` on ${node}, ${elapsed}`;
    return `  job ${ref}: ${stage}, ${state}${where}`;
  });
}
