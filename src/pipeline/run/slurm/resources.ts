/** What each stage's job asks Slurm for. */
import type { SlurmSettings, StageResources } from "../../recipe/executor.ts";
import { cpusOf, defined, fitting, layered } from "../cluster/stage-resources.ts";

/** Resources of a job with its number of cores decided. */
export type JobResources = StageResources & { readonly cpus: number };

/** The resources of a stage: those of all, with those of every pattern that fits laid over in their order; `extra` adds up. */
export function resourcesOf(
  settings: SlurmSettings,
  stage: string,
  threads: number | undefined,
): JobResources {
  const { partition, account, qos, time, memory, gres, extra = [] } = settings;
  const own = fitting(settings, stage);
  return {
    ...defined({ partition, account, qos, time, memory, gres }),
    ...layered(own),
    cpus: cpusOf(settings, stage, threads),
    extra: [...extra, ...own.flatMap((one) => one.extra ?? [])],
  };
}
