/**
 * Learning rates over a run, as factors of the peak rate. Steps count from 0 like PyTorch's `LambdaLR`:
 * the first update uses `schedule(0)`, so with warm-up it changes nothing, as in transformers.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { didYouMean } from "../../base/core/suggest.ts";

/** Names of the schedules, the default first. */
export const SCHEDULES = ["linear", "cosine", "constant"] as const;

/** What a schedule depends on, in updates. */
export type ScheduleOptions = {
  /** Updates during which the rate rises linearly from 0; default 0. */
  readonly warmupSteps?: number;
  /** Updates of the whole run, warm-up included. */
  readonly totalSteps: number;
};

/** step (from 0) → factor in [0, 1]. */
export type Schedule = (step: number) => number;

/** Rises over the warm-up, then stays at 1: `get_constant_schedule_with_warmup`. */
export function constantSchedule({ warmupSteps = 0 }: Pick<ScheduleOptions, "warmupSteps"> = {}): Schedule {
  return (step) => (step < warmupSteps ? step / Math.max(1, warmupSteps) : 1);
}

/** Rises over the warm-up, then falls to 0 at `totalSteps`: `get_linear_schedule_with_warmup`. */
export function linearSchedule({ warmupSteps = 0, totalSteps }: ScheduleOptions): Schedule {
  return (step) =>
    step < warmupSteps
      ? step / Math.max(1, warmupSteps)
      : Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
}

/**
 * Rises over the warm-up, then falls along half a cosine: `get_cosine_schedule_with_warmup` with half a cycle
 * (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, equation 5, without restarts).
 */
export function cosineSchedule({ warmupSteps = 0, totalSteps }: ScheduleOptions): Schedule {
  return (step) => {
    if (step < warmupSteps) return step / Math.max(1, warmupSteps);
    const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    // transformers lets the cosine rise again after the end; no run takes such a step.
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}

/**
 * The schedule of a name.
 * @throws ConfigError when the name or the counts are wrong
 */
export function createSchedule(name: string, options: ScheduleOptions): Schedule {
  const known = SCHEDULES.find((schedule) => schedule === name);
  if (known === undefined)
    throw new ConfigError(
      `schedule: expected ${SCHEDULES.join(", ")}, got "${name}"${didYouMean(name, SCHEDULES)}`,
    );
  const { warmupSteps = 0, totalSteps } = options;
  const counts = Number.isInteger(warmupSteps) && Number.isInteger(totalSteps);
  if (!counts || warmupSteps < 0 || totalSteps < 1 || warmupSteps > totalSteps)
    throw new ConfigError(
      `schedule: expected 0 <= warm-up <= total steps, got a warm-up of ${warmupSteps} and a total of ${totalSteps}.`,
    );
  if (known === "constant") return constantSchedule(options);
  return known === "linear" ? linearSchedule(options) : cosineSchedule(options);
}
