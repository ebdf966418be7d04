/** The recipe's training settings: the training room's own, with the papers' defaults per stage. */
import { z } from "zod";
import { choice, count, isObject, positive } from "../../base/settings/parts.ts";
import { type LoraOptions, loraSchema } from "../../engine/model/lora.ts";
import { lossSchema } from "../../method/objective/loss-spec.ts";
import { type TrainSettings, trainSettingsSchema, VALIDATION } from "../../method/train/settings.ts";
import { lossValidationSchema } from "../../method/train/validation.ts";

// The run's seed is the recipe's, so that one number repeats everything.
const common = trainSettingsSchema.omit({ seed: true });

const rate = (value: number) => positive.default(value).describe("Peak learning rate.");
const batch = (what: string, value: number) =>
  count.default(value).describe(`${what} per optimiser step; micro-batches add up to exactly this batch.`);

/** Supervised fine-tuning. Defaults: WDPO table 7. */
export const sftSchema = common.extend({
  learningRate: rate(1e-5),
  batchSize: batch("Rows", 32),
  validation: lossValidationSchema.optional().describe(VALIDATION),
});

const keptSchema = loraSchema.extend({
  keep: z
    .enum(["merged", "adapter"])
    .optional()
    .describe(
      "What stays of the model on the disk. merged (default): all its weights, and the adapter beside; adapter: config, tokenizer and the adapter alone, read with its base by what follows.",
    ),
});

/** Adapters in a training, or none. @param what - what is trained */
export const adaptersIn = (what: string) =>
  keptSchema.nullable().default(null).describe(`${what}; null trains all weights.`);

/** Supervised fine-tuning that may train adapters. */
export const adaptedSftSchema = sftSchema.extend({
  lora: adaptersIn("Adapters on frozen weights in supervised fine-tuning, merged after it"),
});

/** Fine-tuning in the words of the training room: its settings with a seed, its adapters apart. */
export function sftOf(
  { lora, ...settings }: z.output<typeof adaptedSftSchema>,
  seed: number,
): { readonly settings: TrainSettings; readonly lora: LoraOptions | undefined } {
  return { settings: { ...settings, seed }, lora: lora ?? undefined };
}

/** A reward head and all weights below it. Defaults: CW-PO table 7, but one epoch. */
export const rewardSchema = common.extend({ learningRate: rate(1e-5), batchSize: batch("Pairs", 32) });

/** Preference training. Defaults: WDPO table 8 for HH-RLHF. */
export const preferSchema = z.preprocess(
  liftBeta,
  common.extend({
    learningRate: rate(5e-5),
    batchSize: batch("Pairs", 16),
    beta: positive
      .optional()
      .describe("The same as loss.beta, and shorter: the deviation penalty of the loss."),
    loss: choice("type", "sigmoid", lossSchema, "The preference loss and its options.").prefault("sigmoid"),
  }),
);

/** Puts `beta` where it belongs; a loss without a beta then refuses it by name. */
function liftBeta(value: unknown): unknown {
  if (!isObject(value) || value.beta === undefined) return value;
  const given = value.loss ?? {};
  const loss = typeof given === "string" ? { type: given } : given;
  return isObject(loss) ? { ...value, loss: { ...loss, beta: value.beta } } : value;
}
