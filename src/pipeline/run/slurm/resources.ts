/** What each stage's job asks the cluster for. */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { SlurmSettings, StageResources } from "../../recipe/executor.ts";
import type { Recipe } from "../../recipe/schema.ts";
import type { StageStep } from "../../stages/steps.ts";

/** Resources of a job with its number of cores decided. */
export type JobResources = StageResources & { readonly cpus: number };

/** The resources of a stage: those of all, with those of every pattern that fits laid over in their order. */
export function resourcesOf(
  settings: SlurmSettings,
  stage: string,
  threads: number | undefined,
): JobResources {
  const { partition, account, qos, time, cpus, memory, gres, extra = [] } = settings;
  const fitting = Object.entries(settings.stages).filter(([pattern]) => matches(pattern, stage));
  const over: StageResources = Object.assign({}, ...fitting.map(([, one]) => defined(one)));
  const merged = { ...defined({ partition, account, qos, time, memory, gres }), ...over };
  return {
    ...merged,
    cpus: over.cpus ?? cpus ?? threads ?? 1,
    extra: [...extra, ...fitting.flatMap(([, one]) => one.extra ?? [])],
  };
}

/**
 * Checks the resources against the stages of a run.
 * @throws ConfigError for a pattern that fits no stage, an array for a stage that cannot be shared, more threads than cores
 */
export function checkResources(
  settings: SlurmSettings,
  { threads }: Pick<Recipe, "threads">,
  steps: readonly StageStep[],
): void {
  const names = steps.map(({ name }) => name);
  const issues = Object.keys(settings.stages)
    .filter((pattern) => !names.some((name) => matches(pattern, name)))
    .map((pattern) => {
      const advice = didYouMean(pattern, names) || `; there are ${names.join(", ")}.`;
      return `executor.stages.${pattern}: fits no stage of this run${advice}`;
    });
  for (const { name, shared } of steps) {
    const { array, cpus } = resourcesOf(settings, name, threads);
    if (array !== undefined && !shared)
      issues.push(
        `executor.stages: ${name} has array: ${array}, but its work is not cut into shards. Give array to ${names.filter((_, i) => steps[i]!.shared).join(" or ")} only.`,
      );
    if (threads !== undefined && threads > cpus)
      issues.push(`executor: ${name} has ${cpus} cpus, expected at least the recipe's threads, ${threads}.`);
  }
  if (issues.length > 0) throw new ConfigError([...new Set(issues)]);
}

/** Threads a stage computes on: the recipe's, or the cores of its job. */
export const threadsOf = (settings: SlurmSettings, stage: string, threads: number | undefined): number =>
  threads ?? resourcesOf(settings, stage, threads).cpus;

/** True when a pattern with * for any letters is the name. */
function matches(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.split("*").join(".*")}$`).test(name);
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
