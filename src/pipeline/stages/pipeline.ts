/**
 * Runs stages one after another, each at most once: a stage that is kept is taken as it is, one that was cut off goes on, and one that
 * another process works on is waited for. In a plan nothing runs; each stage says what it would do.
 */
import { join } from "node:path";
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { findStage } from "./cache.ts";
import { prunedStages } from "./pruned.ts";
import { graphOf, type How, runStage, stagesFolder, stepOf } from "./run-stage.ts";
import {
  type Artefact,
  artefactAt,
  folderName,
  type Identity,
  identityOf,
  keyOf,
  type Stage,
} from "./stage.ts";
import type { PipelineOptions, StageStep } from "./steps.ts";
import { refuseChanged } from "./verify.ts";

export { formatSteps, type PipelineOptions, type StageState, type StageStep } from "./steps.ts";

/** The stages of one run. */
export interface Pipeline {
  readonly mode: "run" | "plan";
  /** The run's folder. */
  readonly folder: string;
  /**
   * Gives the result of a stage, computing it if it is not kept.
   * @throws what the stage throws (its work folder stays, to go on from); InterruptedError before it starts when asked to stop
   */
  stage(stage: Stage): Promise<Artefact>;
  /** What was done or would be done so far, in the order the stages were asked for. */
  steps(): readonly StageStep[];
}

/** Opens the stages of a run. */
export function openPipeline(options: PipelineOptions): Pipeline {
  const { mode: asked = "run", only } = options;
  // With one stage alone most artefacts may be missing, as in a plan.
  const mode = only === undefined ? asked : "plan";
  const known = new Map<string, Promise<Artefact>>();
  const steps: (StageStep | undefined)[] = [];
  const pruned = prunedStages();
  return {
    mode,
    folder: options.folder,
    stage(stage) {
      checkName(stage.name);
      const identity = identityOf(stage, options.code);
      const id = identity === undefined ? stage.name : keyOf(identity);
      const before = known.get(id);
      if (before !== undefined) return before;
      const place = steps.push(undefined) - 1;
      const note = (step: StageStep) => {
        steps[place] = step;
      };
      const runs = asked === "run" && (only === undefined || only === stage.name);
      const how = { note, pruned, whole: only === stage.name };
      const result = runs
        ? runStage(options, stage, identity ?? missingInput(stage), how)
        : planStage(options, stage, identity, how);
      known.set(id, result);
      return result;
    },
    steps: () => steps.filter((step) => step !== undefined),
  };
}

/** @throws AlignError "pipeline" naming what is not there yet */
function missingInput({ name, inputs }: Stage): never {
  const open = Object.values(inputs).flatMap((input) =>
    typeof input === "string" || input.digest !== undefined ? [] : [input.stage],
  );
  throw new AlignError(
    "pipeline",
    `stage ${name}: ${open.join(" and ")} ${open.length > 1 ? "are" : "is"} not there, which it needs. Run that first.`,
  );
}

/** @throws ConfigError when a run has no stage of that name */
export function checkStageExists(name: string, steps: readonly StageStep[]): void {
  const names = steps.map((step) => step.name);
  if (names.includes(name)) return;
  const advice = didYouMean(name, names) || `; there are ${names.join(", ")}.`;
  throw new ConfigError(`stage ${name}: this run has no such stage${advice}`);
}

async function planStage(
  options: PipelineOptions,
  stage: Stage,
  identity: Identity | undefined,
  { note, pruned }: How,
): Promise<Artefact> {
  const { name } = stage;
  if (identity === undefined) {
    await pruned.restoreInputs(stage);
    note({
      ...{ name, state: "depends", key: undefined, folder: undefined, elapsedSeconds: undefined },
      ...graphOf(stage),
    });
    return artefactAt(name, stagesFolder(options), undefined);
  }
  const found = await findStage(stagesFolder(options), identity);
  if (found.state === "changed" && options.fresh !== true) refuseChanged(found.folder, found);
  if (found.state === "cached" && options.fresh !== true) {
    const step = stepOf(options, stage, identity, "cached", found.record.elapsedSeconds);
    note({ ...step, pruned: found.pruned });
    if (found.pruned) pruned.add(found.artefact, () => planAgain(options, stage, step, { note, pruned }));
    return found.artefact;
  }
  await pruned.restoreInputs(stage);
  const state = found.state === "begun" && options.fresh !== true ? "resume" : "run";
  note(stepOf(options, stage, identity, state));
  return artefactAt(name, join(stagesFolder(options), folderName(name, keyOf(identity))), undefined);
}

/** Says that a pruned stage would be made again, or, before one that runs by itself, that it must be. */
async function planAgain(
  { only }: PipelineOptions,
  stage: Stage,
  step: StageStep,
  { note, pruned }: Pick<How, "note" | "pruned">,
): Promise<undefined> {
  if (only !== undefined)
    throw new AlignError(
      "pipeline",
      `stage ${only}: ${stage.name}, which it needs, was pruned. Run that first: it is made again.`,
    );
  await pruned.restoreInputs(stage);
  note({ ...step, state: "run", pruned: true, elapsedSeconds: undefined });
  return undefined;
}

function checkName(name: string): void {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) throw new Error(`internal: stage name ${JSON.stringify(name)}`);
}
