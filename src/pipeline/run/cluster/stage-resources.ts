/** What the job of each stage asks a cluster for: the same rules whichever cluster it is. */
import { ConfigError } from "../../../base/core/errors.ts";
import { didYouMean } from "../../../base/core/suggest.ts";
import type { Recipe } from "../../recipe/schema.ts";
import type { StageStep } from "../../stages/steps.ts";

/** What every cluster's resources have. */
type Common = { readonly cpus?: number | undefined; readonly array?: number | undefined };

/** Settings of an executor whose jobs have cores, and resources by pattern of a stage's name. */
export type ClusterSettings<R extends Common = Common> = {
  readonly cpus?: number | undefined;
  readonly stages: Readonly<Record<string, R>>;
};

/** Resources of the patterns that fit a stage, in their order. */
export const fitting = <R extends Common>({ stages }: ClusterSettings<R>, stage: string): readonly R[] =>
  Object.entries(stages).flatMap(([pattern, one]) => (matches(pattern, stage) ? [one] : []));

/** Several resources as one: what a later one names counts. */
export const layered = <R extends Common>(parts: readonly R[]): R =>
  Object.assign({}, ...parts.map(defined)) as R;

/** Cores of a stage's job: its own, those of all, the recipe's threads, or one. */
export const cpusOf = (settings: ClusterSettings, stage: string, threads: number | undefined): number =>
  layered(fitting(settings, stage)).cpus ?? settings.cpus ?? threads ?? 1;

/** Threads a stage computes on: the recipe's, or the cores of its job. */
export const threadsOf = (settings: ClusterSettings, stage: string, threads: number | undefined): number =>
  threads ?? cpusOf(settings, stage, threads);

/**
 * Checks the resources against the stages of a run.
 * @throws ConfigError for a pattern that fits no stage, an array for a stage that cannot be shared, more threads than cores
 */
export function checkResources(
  settings: ClusterSettings,
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
    const { array } = layered(fitting(settings, name));
    const cpus = cpusOf(settings, name, threads);
    if (array !== undefined && !shared)
      issues.push(
        `executor.stages: ${name} has array: ${array}, but its work is not cut into shards. Give array to ${names.filter((_, i) => steps[i]!.shared).join(" or ")} only.`,
      );
    if (threads !== undefined && threads > cpus)
      issues.push(`executor: ${name} has ${cpus} cpus, expected at least the recipe's threads, ${threads}.`);
  }
  if (issues.length > 0) throw new ConfigError([...new Set(issues)]);
}

/** True when a pattern with * for any letters is the name. */
function matches(pattern: string, name: string): boolean {
  return new RegExp(`^${pattern.split("*").join(".*")}$`).test(name);
}

/** Without members that are undefined. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
