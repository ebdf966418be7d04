/** A run's plan as jobs: one per stage that is not kept, after those it takes something from. */
import { join } from "node:path";
import type { SlurmSettings } from "../../recipe/executor.ts";
import type { StageStep } from "../../stages/steps.ts";
import { slurmFolder } from "../cluster/folders.ts";
import { jobNameOf, type StageJob, thisCommand } from "../cluster/stage-job.ts";
import { type JobResources, resourcesOf } from "./resources.ts";
import { batchScript, literalPath } from "./script.ts";

/** What all jobs of a run have in common. */
export type JobContext = {
  /** The run's folder, absolute. */
  readonly folder: string;
  readonly runId: string;
  readonly settings: SlurmSettings;
  readonly threads: number | undefined;
  readonly workingFolder: string;
  /** Nobody follows: jobs whose inputs failed are dropped by Slurm, and a last job writes the report. */
  readonly detach: boolean;
};

/** Name of the job that writes the report. */
export const REPORT_JOB = "report";

/** Path of the log of a stage's task. */
export function logFile(folder: string, stage: string, id: string, task: number | undefined): string {
  return join(slurmFolder(folder), `${stage}-${id}${task === undefined ? "" : `_${task}`}.out`);
}

/** The jobs of a plan, each behind those it depends on. */
export function stageJobs(steps: readonly StageStep[], context: JobContext): StageJob[] {
  const open = steps.filter(({ state }) => state !== "cached");
  const names = new Set(open.map(({ name }) => name));
  const jobs = open.map(({ name, inputs }) =>
    jobOf(context, {
      stage: name,
      after: inputs.filter((input) => names.has(input)),
      resources: resourcesOf(context.settings, name, context.threads),
      argv: ["stage", context.folder, "--only", name],
    }),
  );
  return context.detach ? [...jobs, reportJob(context, open)] : jobs;
}

/** The report comes after everything: the stages that nothing else takes from come last. */
function reportJob(context: JobContext, open: readonly StageStep[]): StageJob {
  const taken = new Set(open.flatMap(({ inputs }) => inputs));
  const { array: _, ...resources } = resourcesOf(context.settings, REPORT_JOB, context.threads);
  return jobOf(context, {
    stage: REPORT_JOB,
    after: open.map(({ name }) => name).filter((name) => !taken.has(name)),
    resources,
    argv: ["report", context.folder],
  });
}

type JobParts = {
  readonly stage: string;
  readonly after: readonly string[];
  readonly resources: JobResources;
  readonly argv: readonly string[];
};

function jobOf(context: JobContext, { stage, after, resources, argv }: JobParts): StageJob {
  const { folder, settings } = context;
  const tasks = resources.array;
  const jobName = jobNameOf(context.runId, stage);
  const placeholders = tasks === undefined ? "%j" : "%A_%a";
  const script = batchScript({
    jobName,
    log: `${literalPath(join(slurmFolder(folder), stage))}-${placeholders}.out`,
    workingFolder: context.workingFolder,
    resources,
    setup: settings.setup,
    argv: [...(settings.command ?? thisCommand()), ...argv],
    dropWhenInputsFail: context.detach,
  });
  return { stage, jobName, after, tasks, script };
}
