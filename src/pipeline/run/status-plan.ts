/** The stages that a run is to have, for `status` of one that is not finished: told by its recipe. */
import { join } from "node:path";
import { messageOf } from "../../base/core/errors.ts";
import { silentLog } from "../../base/core/log.ts";
import { runMainJob } from "../job/main-job.ts";
import { jobOf } from "../recipe/job.ts";
import { loadRecipe } from "../recipe/parse.ts";
import { RESOLVED } from "../recipe/resolved.ts";
import { seedsOf } from "../recipe/seeds.ts";
import { openPipeline } from "../stages/pipeline.ts";
import type { StageStep } from "../stages/steps.ts";

/** Stages in their order, or why they are not known. */
export type RunPlan = {
  readonly steps: readonly Pick<StageStep, "name" | "folder">[];
  readonly problem: string | null;
};

/** The plan of a run, or the seeds whose runs a folder holds. A recipe that cannot be planned, or only with a download, is said and no more. */
export async function plannedIn(
  folder: string,
  code: string,
): Promise<RunPlan | { readonly seeds: readonly number[] }> {
  try {
    const recipe = await loadRecipe(join(folder, RESOLVED), { set: [`out=${JSON.stringify(folder)}`] });
    if (recipe.seeds !== undefined) return { seeds: seedsOf(recipe) };
    if (Object.values(recipe.models).some((model) => model?.source.startsWith("hub:")))
      return { steps: [], problem: "models of the hub are not looked up" };
    const pipeline = openPipeline({ folder, code, mode: "plan" });
    const runtime = () => {
      throw new Error("internal: a plan computes nothing");
    };
    await runMainJob({ pipeline, runtime, log: silentLog }, jobOf(recipe));
    return { steps: pipeline.steps(), problem: null };
  } catch (error) {
    return { steps: [], problem: messageOf(error) };
  }
}
