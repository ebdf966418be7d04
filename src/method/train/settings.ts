/** How to train, for every stage alike. Defaults are Hugging Face's where it has one. */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { didYouMean } from "../../base/core/suggest.ts";
import { validationSchema } from "./validation.ts";

const count = z.number().int().positive();
const share = z.number().min(0).lt(1);

/** What section `validation` is, wherever it stands. */
export const VALIDATION =
  "Rows set aside by prompt, with the labels that are trained on, to measure on while training goes on: which weights are kept, and when training ends early. Left out: every row is trained on, and the last weights are kept.";

const shape = {
  epochs: z.number().positive().default(1).describe("Passes over the rows; a fraction ends within one."),
  maxSteps: count.optional().describe("Ends after this many optimiser steps, whatever the epochs."),
  batchSize: count
    .default(16)
    .describe("Rows per optimiser step; micro-batches add up to exactly this batch."),
  learningRate: z.number().positive().default(5e-5).describe("Peak learning rate."),
  schedule: z
    .enum(["constant", "linear", "cosine"])
    .default("linear")
    .describe("How the learning rate falls to 0 after the warm-up."),
  warmupSteps: z.number().int().nonnegative().optional().describe("Steps of warm-up; overrides warmupRatio."),
  warmupRatio: share.default(0).describe("Warm-up as a share of all steps."),
  weightDecay: z.number().nonnegative().default(0).describe("Decoupled decay; norms and biases are exempt."),
  decayAll: z
    .boolean()
    .default(false)
    .describe("Decay norms and biases too, as plain torch.optim.AdamW does."),
  betas: z
    .tuple([share, share])
    .default([0.9, 0.999])
    .describe("AdamW's decay rates of the first and second moment."),
  epsilon: z.number().positive().default(1e-8).describe("AdamW's guard against division by 0."),
  maxGradNorm: z
    .number()
    .positive()
    .nullable()
    .default(1)
    .describe("Gradients are scaled down to this global norm; null leaves them."),
  seed: z.number().int().nonnegative().default(42).describe("Seed of the order of rows and of dropout."),
  tokens: count
    .default(1536)
    .describe(
      "Tokens of a micro-batch: sets memory and nothing else; does not change results beyond rounding.",
    ),
  groupByLength: z.boolean().default(false).describe("Put rows of like length into one batch: less padding."),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe(
      "Compute layers again in the backward pass instead of keeping their values: a third more time, far less memory.",
    ),
  saveSteps: count.default(500).describe("A checkpoint every so many steps."),
  saveSeconds: z
    .number()
    .positive()
    .default(600)
    .describe("And whenever so many seconds passed since the last."),
  saveTotalLimit: count.default(2).describe("Checkpoints kept, the newest."),
  validation: validationSchema.optional().describe(VALIDATION),
};

/** Schema of a stage's training settings; gives settings with all defaults filled in. */
export const trainSettingsSchema = z.strictObject(shape, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `unknown setting "${key}"${didYouMean(key, Object.keys(shape))}`).join("\n")
      : undefined,
});

/** Training settings, complete. */
export type TrainSettings = z.output<typeof trainSettingsSchema>;

/** What a recipe may write. */
export type TrainSettingsInput = z.input<typeof trainSettingsSchema>;

/**
 * Fills in defaults and checks.
 * @throws ConfigError with every issue
 */
export function trainSettings(value: TrainSettingsInput, where = "settings"): TrainSettings {
  const result = trainSettingsSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.flatMap(({ path, message }) =>
      message.split("\n").map((line) => `${[where, ...path].join(".")}: ${line.replace(/[^.?]$/, "$&.")}`),
    ),
  );
}

/**
 * The settings a result depends on; the others only say when to save. `tokens` is among them, because other
 * micro-batches round differently.
 */
export function resultSettings(settings: TrainSettings): Partial<TrainSettings> {
  const { saveSteps: _1, saveSeconds: _2, saveTotalLimit: _3, ...rest } = settings;
  return rest;
}
