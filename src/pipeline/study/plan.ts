/**
 * A plan of many variants. Before anything is computed no digest is known, so stages are told apart by what they are made of all the
 * way down: what two variants share is counted once.
 */
import { join } from "node:path";
import { digestOf } from "../../base/core/digest.ts";
import { findStage } from "../stages/cache.ts";
import type { Pipeline, StageState } from "../stages/pipeline.ts";
import { prunedStages } from "../stages/pruned.ts";
import { type Artefact, artefactAt, folderName, identityOf, keyOf, type Stage } from "../stages/stage.ts";
import { refuseChanged } from "../stages/verify.ts";

/** A stage of a plan. */
export type PlannedStage = { readonly name: string; readonly state: StageState; readonly symbol: string };

/** A pipeline that runs nothing and remembers what would be. */
export interface StudyPlan {
  /** A pipeline for one variant; its stages are those it asks for, in order. */
  variant(): { readonly pipeline: Pipeline; readonly stages: readonly PlannedStage[] };
}

/** Opens a plan over the folder of studies. */
export function openStudyPlan(folder: string, code: string): StudyPlan {
  const symbols = new WeakMap<Artefact, string>();
  const results = new Map<string, { artefact: Artefact; planned: PlannedStage }>();
  const restored = prunedStages();
  const symbolOf = (input: Artefact | string) =>
    typeof input === "string" ? input : (input.digest ?? symbols.get(input) ?? input.folder);
  const plan = async (stage: Stage) => {
    const { name, version, config } = stage;
    const inputs = Object.fromEntries(
      Object.entries(stage.inputs).map(([key, input]) => [key, symbolOf(input)]),
    );
    const symbol = digestOf({ name, version, config, inputs });
    const before = results.get(symbol);
    if (before !== undefined) return before;
    const { artefact, state, pruned } = await look(folder, stage, code);
    symbols.set(artefact, symbol);
    if (state !== "cached") await restored.restoreInputs(stage);
    const result = { artefact, planned: { name, state, symbol } };
    if (pruned)
      restored.add(artefact, async () => {
        await restored.restoreInputs(stage);
        result.planned.state = "run";
        return undefined;
      });
    results.set(symbol, result);
    return result;
  };
  return {
    variant() {
      const stages: PlannedStage[] = [];
      const stage = async (asked: Stage) => {
        const { artefact, planned } = await plan(asked);
        if (!stages.some(({ symbol }) => symbol === planned.symbol)) stages.push(planned);
        return artefact;
      };
      return { pipeline: { mode: "plan", folder, stage, steps: () => [] }, stages };
    },
  };
}

async function look(
  folder: string,
  stage: Stage,
  code: string,
): Promise<{ artefact: Artefact; state: StageState; pruned?: boolean }> {
  const stages = join(folder, "stages");
  const identity = identityOf(stage, code);
  if (identity === undefined)
    return { artefact: artefactAt(stage.name, stages, undefined), state: "depends" };
  const found = await findStage(stages, identity);
  if (found.state === "changed") refuseChanged(found.folder, found);
  if (found.state === "cached") return { artefact: found.artefact, state: "cached", pruned: found.pruned };
  const artefact = artefactAt(stage.name, join(stages, folderName(stage.name, keyOf(identity))), undefined);
  return { artefact, state: found.state === "begun" ? "resume" : "run" };
}
