/** Training curves of runs over each other. */
import type { Curve } from "../../../report/data.ts";
import type { ComparedRun } from "./run-folder.ts";

/**
 * Curves that two runs or more have, by stage and metric: one chart each, a line for each run. Stages have the same name in all runs; what
 * only one run trained is in its own report.
 */
export function overlaid(runs: readonly Pick<ComparedRun, "name" | "curves">[]): Curve[] {
  const found = new Map<string, Curve[]>();
  for (const { name, curves } of runs)
    for (const { stage, metric, points, xLabel } of curves) {
      const key = JSON.stringify([stage, metric]);
      const one: Curve = {
        stage,
        metric: name,
        panel: metric,
        points,
        xLabel,
      };
      found.set(key, [...(found.get(key) ?? []), one]);
    }
  return [...found.values()].filter((curves) => curves.length > 1).flat();
}
