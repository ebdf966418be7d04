/** The clusters that a recipe may name, behind one call each. */
import type { RaySettings, SlurmSettings } from "../recipe/executor.ts";
import type { StageStep } from "../stages/steps.ts";
import type { ClusterRun, StageJob } from "./cluster/stage-job.ts";
import { planRayJobs, runOnRay } from "./ray/ray-run.ts";
import { planJobs, runOnSlurm } from "./slurm/slurm-run.ts";

/** Settings of an executor that is a cluster. */
export type AnyCluster = SlurmSettings | RaySettings;

/** The jobs that a cluster would be given. @throws ConfigError when resources do not fit the stages */
export const clusterJobs = (
  run: Pick<ClusterRun<AnyCluster>, "folder" | "recipe" | "settings" | "detach">,
  steps: readonly StageStep[],
): Promise<readonly StageJob[]> =>
  run.settings.kind === "slurm"
    ? planJobs({ ...run, settings: run.settings }, steps)
    : planRayJobs({ ...run, settings: run.settings }, steps);

/** Submits and follows a run's stages. @returns ids of jobs by stage @throws as `runOnSlurm` and `runOnRay` */
export const runOnCluster = (run: ClusterRun<AnyCluster>): Promise<Record<string, string[]>> =>
  run.settings.kind === "slurm"
    ? runOnSlurm({ ...run, settings: run.settings })
    : runOnRay({ ...run, settings: run.settings });
