/** AdamW and its schedule as the settings ask for them, on the parameters that training changes. */
import { keyOf, type Model, trainableParameters } from "../../engine/model/model.ts";
import { createAdamW } from "../../engine/optim/adamw.ts";
import { createSchedule } from "../../engine/optim/schedule.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { trainingLanes } from "./parts.ts";
import { gradientKeyOf } from "./programs.ts";
import type { TrainSettings } from "./settings.ts";
import type { SavedArrays } from "./state.ts";

/** The optimiser of a run. */
export interface StepOptimizer {
  /** Where the moments live, by their name in a checkpoint. */
  readonly moments: SavedArrays;
  /**
   * Updates the parameters from the gradients, which are 0 afterwards. `step` counts from 1.
   * @returns the rate used and the gradients' global norm before clipping
   * @throws NumericsError when that norm is not finite; nothing is updated then
   */
  step(step: number): Promise<{ readonly gradNorm: number; readonly learningRate: number }>;
  /** Takes the moments out of the store. */
  release(): Promise<void>;
}

/**
 * Opens the optimiser of a run with its moments at 0.
 * @throws ConfigError when the warm-up is longer than the run
 */
export async function openOptimizer(
  runtime: Runtime,
  model: Model,
  settings: TrainSettings,
  steps: number,
): Promise<StepOptimizer> {
  const names = trainableParameters(model);
  // On the cores of one lane: an update is bound by memory, and between the lanes' work other threads must be woken for it first.
  const updating = runtime.lanes(trainingLanes(runtime, model))[0]!;
  const stateKeyOf = (name: string, moment: "m" | "v") => `${model.id}/adam.${moment}:${name}`;
  const [beta1, beta2] = settings.betas;
  const adamw = createAdamW(updating, {
    parameters: Object.fromEntries(names.map((name) => [name, model.parameters.get(name)!])),
    keyOf: (name) => keyOf(model, name),
    gradKeyOf: (name) => gradientKeyOf(model, name),
    stateKeyOf,
    beta1,
    beta2,
    epsilon: settings.epsilon,
    weightDecay: settings.weightDecay,
    ...(settings.decayAll ? { decays: () => true } : {}),
  });
  const schedule = createSchedule(settings.schedule, {
    warmupSteps: warmupOf(settings, steps),
    totalSteps: steps,
  });
  await adamw.init();
  return {
    moments: new Map(
      names.flatMap((name) =>
        (["m", "v"] as const).map((moment) => [
          `${moment}.${name}`,
          { key: stateKeyOf(name, moment), shape: model.parameters.get(name)! },
        ]),
      ),
    ),
    async step(step) {
      const learningRate = settings.learningRate * schedule(step - 1);
      const clip = settings.maxGradNorm === null ? {} : { maxGradNorm: settings.maxGradNorm };
      const { gradNorm } = await adamw.step({ learningRate, step, ...clip });
      return { gradNorm, learningRate };
    },
    release: () => runtime.store.delete(adamw.stateKeys()),
  };
}

/** Steps of warm-up: as given, or the share of all steps rounded up as Hugging Face does. */
export function warmupOf(
  { warmupSteps, warmupRatio }: Pick<TrainSettings, "warmupSteps" | "warmupRatio">,
  steps: number,
): number {
  return warmupSteps ?? Math.ceil(warmupRatio * steps);
}
