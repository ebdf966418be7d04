/** What variants will take: each stage that is not kept once, where it is first needed. */
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { measureRate } from "../../method/train/machine-rate.ts";
import type { MainJob } from "../recipe/job-settings.ts";
import { estimateJob, OVERHEAD_SECONDS } from "../run/estimate.ts";
import { estimateDisk, type StageDisk } from "../run/estimate-disk.ts";
import type { PlannedStage } from "./plan.ts";

/** What a variant's open stages take that no variant before it makes. */
export type VariantEstimate = { readonly seconds: number; readonly disk: readonly StageDisk[] };

/** Of each variant, in order. */
export async function estimateVariants(
  runtime: Runtime,
  planned: readonly { readonly stages: readonly PlannedStage[]; readonly job: MainJob }[],
): Promise<VariantEstimate[]> {
  const rate = await measureRate(runtime);
  const counted = new Set<string>();
  const totals: VariantEstimate[] = [];
  for (const { stages, job } of planned) {
    const open = stages.filter(({ state, symbol }) => state !== "cached" && !counted.has(symbol));
    const estimates = open.length === 0 ? [] : await estimateJob(runtime, job, { rate });
    const byName = new Map(estimates.map(({ stage, estimate }) => [stage, estimate.seconds]));
    const names = open.map(({ name }) => name);
    totals.push({
      seconds: names.reduce((total, name) => total + OVERHEAD_SECONDS + (byName.get(name) ?? 0), 0),
      disk: open.length === 0 ? [] : (await estimateDisk(job, estimates, names)).stages,
    });
    for (const { symbol } of open) counted.add(symbol);
  }
  return totals;
}
