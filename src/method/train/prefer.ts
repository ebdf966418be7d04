/** Preference training: any loss of `method/objective/loss-spec.ts` on pairs, against reference log-probabilities computed before. */
import { digestOf } from "../../base/core/digest.ts";
import { NumericsError } from "../../base/core/errors.ts";
import { float32Rounding } from "../../base/core/float32.ts";
import type { Log } from "../../base/core/log.ts";
import type { Model } from "../../engine/model/model.ts";
import type { ResolvedLossSpec } from "../objective/loss-spec.ts";
import { type PairOutputs, preferenceMetrics } from "../objective/metrics.ts";
import { lossInputs } from "../objective/preference.ts";
import { microBatches, toMicroBatch } from "./global-batch.ts";
import { digestNumbers, digestRows } from "./identity.ts";
import type { LossData, StageDeps, StageInput, TrainResult } from "./job.ts";
import { train } from "./loop.ts";
import type { MetricsLine } from "./metrics.ts";
import { type PreferencePairs, preferenceData } from "./preference-data.ts";
import { preferenceGraph } from "./preference-graph.ts";
import type { MicroBatchResult, TrainingPrograms } from "./programs.ts";

/** What preference training takes. */
export type PreferenceInput = StageInput &
  PreferencePairs & {
    readonly loss: ResolvedLossSpec;
    /** Pairs to measure the loss on, with the same columns. */
    readonly validation?: PreferencePairs | undefined;
    /** Set when the policy is meant to start elsewhere than at the reference; leaves out the check of step 0. */
    readonly referenceDiffers?: boolean | undefined;
  };

/**
 * Trains a policy on pairs.
 * @throws NumericsError when the policy does not start at its reference: rewards at step 0 are not 0 up to rounding
 * @throws ConfigError when a column the loss reads is missing; DataError when one has another length; as `train` otherwise
 */
export async function trainPreference(deps: StageDeps, request: PreferenceInput): Promise<TrainResult> {
  const { model, settings, folder, fresh, loss, validation, referenceDiffers } = request;
  const data = preferenceData(deps.runtime, model, loss, request);
  const checked = lossInputs(loss).has("reference") && referenceDiffers !== true;
  return train(deps, {
    model,
    settings,
    folder,
    fresh,
    stage: "prefer",
    identity: `prefer ${digestOf(loss)} ${digestColumns(request)}${validation === undefined ? "" : ` ${digestRows(validation.rows)} ${digestColumns(validation)}`}`,
    build: preferenceGraph(loss),
    data,
    validation: validation && preferenceData(deps.runtime, model, loss, validation),
    metrics: preferenceBatchMetrics,
    ...(checked
      ? { check: (programs: TrainingPrograms) => expectZeroRewards(programs, model, data, settings.tokens) }
      : {}),
    watch: chosenWatch(deps.log),
  });
}

function digestColumns({
  reference,
  weights,
  softLabels,
  teacherLogratios,
  mismatched,
}: PreferencePairs): string {
  return digestNumbers(
    reference?.flatMap(({ logps }) => logps),
    weights,
    softLabels,
    teacherLogratios?.flatMap((row) => row.flatMap((tokens) => Array.from(tokens))),
    mismatched?.reference,
  );
}

function preferenceBatchMetrics(
  batches: readonly MicroBatchResult[],
  normaliser: number,
): { readonly loss: number } & Record<string, number> {
  const outputs = batches.map(
    ({ values }) => values as Readonly<Record<keyof PairOutputs | "chosenLengths", ArrayLike<number>>>,
  );
  const total = (name: keyof (typeof outputs)[number]) =>
    outputs.reduce((sum, values) => sum + Array.from(values[name]).reduce((a, b) => a + b, 0), 0);
  const perToken = total("chosenLogps") / total("chosenLengths");
  const pairs = outputs.map(({ chosenLengths: _, ...values }) => values);
  return { ...preferenceMetrics(pairs, normaliser), "logps/chosen_per_token": perToken };
}

/** A policy equal to its reference has rewards of 0, up to rounding. */
async function expectZeroRewards(
  programs: TrainingPrograms,
  model: Model,
  data: LossData,
  tokens: number,
): Promise<void> {
  const first = data.rows.slice(0, 8).map((_, i) => i);
  const rows = microBatches(data, first, tokens)[0]!;
  const { values } = await programs.evaluate(await toMicroBatch(model, data, rows));
  for (const side of ["chosen", "rejected"] as const) {
    const [rewards, logps] = [values[`${side}Rewards`]!, values[`${side}Logps`]!];
    const lengths = rows.map((row) => data.rows[row]!.responses[side === "chosen" ? 0 : 1]!.length);
    const limits = lengths.map((length, i) => stepZeroLimit(length, logps[i]!));
    const at = Array.from(rewards).findIndex((reward, i) => !(Math.abs(reward) <= limits[i]!));
    if (at >= 0)
      throw new NumericsError(
        "prefer step 0",
        `the reward of the ${side} response of row ${rows[at]! + 1} is ${rewards[at]}, expected 0 within ${limits[at]!.toPrecision(2)}: the policy does ` +
          "not start at the reference these log-probabilities come from. Score the rows with the model that training starts from.",
      );
  }
}

/**
 * Largest reward of a policy that equals its reference. Tokens' log-probabilities differ between two programs by about 1e-6 of their size (dot
 * products of some thousand numbers), and the training program adds them up in float32.
 */
function stepZeroLimit(length: number, logp: number): number {
  return 1e-4 * Math.max(1, Math.abs(logp) / 100) + 2 * float32Rounding(length, logp);
}

/** Nats per token that the chosen responses may lose before a person is told. */
const CHOSEN_DROP = 1;

function chosenWatch(log: Log): (line: MetricsLine) => void {
  let start: number | undefined;
  let told = false;
  return ({ "logps/chosen_per_token": now = 0, global_step: step }) => {
    start ??= now;
    if (told || start - now <= CHOSEN_DROP) return;
    told = true;
    log.warn(
      `prefer step ${step}: chosen responses lost ${(start - now).toFixed(2)} nats per token since the start. Preference losses ` +
        "only ask for a margin, so some loss is normal; this much often means the learning rate is too high. " +
        "sft_coefficient above 0 holds it up.",
    );
  };
}
