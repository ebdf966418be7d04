/** A run's plan as Ray jobs: one per stage that is not kept. Ray knows no order, so whoever follows submits each when its inputs are there. */
import { shellWord } from "../../../base/core/shell.ts";
import type { RaySettings } from "../../recipe/executor.ts";
import type { StageStep } from "../../stages/steps.ts";
import { jobNameOf, type StageJob, thisCommand } from "../cluster/stage-job.ts";
import { cpusOf, fitting, layered } from "../cluster/stage-resources.ts";
import type { RayRequest } from "./ray.ts";

/** What all jobs of a run have in common. */
export type RayContext = {
  /** The run's folder, absolute. */
  readonly folder: string;
  readonly runId: string;
  readonly settings: RaySettings;
  readonly threads: number | undefined;
  readonly workingFolder: string;
};

/** Name of the job that follows all others of a run that was left to the cluster. */
export const FOLLOWER = "run";

/** A stage's job, and the request that submits it. */
export type RayStageJob = StageJob & { readonly request: Omit<RayRequest, "submission_id"> };

/** Members of a job's metadata that tell whose it is. */
export type RayMark = { readonly folder: string; readonly run: string; readonly stage: string };

/** The jobs of a plan. @throws ConfigError for a control character in a path or command */
export function rayJobs(steps: readonly StageStep[], context: RayContext): RayStageJob[] {
  const open = steps.filter(({ state }) => state !== "cached");
  const names = new Set(open.map(({ name }) => name));
  return open.map(({ name, inputs }) =>
    jobOf(context, name, ["stage", context.folder, "--only", name], {
      after: inputs.filter((input) => names.has(input)),
      tasks: layered(fitting(context.settings, name)).array,
      request: amounts(context, name),
    }),
  );
}

/** The job that runs the command itself, for a run that nobody follows from outside: it holds no core. */
export function followerJob(context: RayContext, recipe: string): RayStageJob {
  const argv = ["run", recipe, "--out", context.folder];
  return jobOf(context, FOLLOWER, argv, {
    after: [],
    tasks: undefined,
    request: { entrypoint_num_cpus: 0 },
  });
}

type Amounts = Omit<RayRequest, "submission_id" | "entrypoint" | "metadata" | "runtime_env">;

function amounts({ settings, threads }: RayContext, stage: string): Amounts {
  const { gpus, memory, resources } = layered([settings, ...fitting(settings, stage)]);
  return {
    entrypoint_num_cpus: cpusOf(settings, stage, threads),
    entrypoint_num_gpus: gpus,
    entrypoint_memory: memory === undefined ? undefined : bytesOf(memory),
    entrypoint_resources: resources,
  };
}

function jobOf(
  { folder, runId, settings, workingFolder }: RayContext,
  stage: string,
  argv: readonly string[],
  { after, tasks, request }: Pick<StageJob, "after" | "tasks"> & { readonly request: Amounts },
): RayStageJob {
  const command = [...(settings.command ?? thisCommand()), ...argv].map(shellWord).join(" ");
  const steps = [`cd ${shellWord(workingFolder)}`, ...settings.setup, `exec ${command}`];
  const mark: RayMark = { folder, run: runId, stage };
  const whole = {
    // Ray hands this to a shell; a login on the node is not needed.
    entrypoint: `bash -c ${shellWord(steps.join(" && "))}`,
    metadata: mark,
    runtime_env: { env_vars: settings.env },
    ...request,
  };
  const jobName = jobNameOf(runId, stage);
  return { stage, jobName, after, tasks, request: whole, script: `${JSON.stringify(whole, null, 2)}\n` };
}

/** "16G" as bytes, K being 1024. */
function bytesOf(memory: string): number {
  return Number(memory.slice(0, -1)) * 1024 ** (1 + "KMGT".indexOf(memory.at(-1)!));
}

/** Id under which a task is submitted: one of the same name is never submitted twice. */
export const submissionId = (job: StageJob, task: number, attempt: number): string =>
  `${job.jobName}${job.tasks === undefined ? "" : `-task${task}`}-${attempt}`;
