/**
 * Validation: rows set aside by prompt, measured while training goes on. It says which weights are kept and when training ends early. The
 * rules are those of transformers (`load_best_model_at_end`, `EarlyStoppingCallback`): the best is what no other value beats; patience
 * counts measurements that do not beat the best so far by more than `minDelta`.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";

const count = z.number().int().positive();

/** Values that validation can go by, under the names that the objectives give them. */
const METRICS = {
  loss: { names: ["loss"], better: (value: number, than: number) => value < than },
  accuracy: {
    names: ["rewards/accuracies", "accuracy"],
    better: (value: number, than: number) => value > than,
  },
} as const;

/** What validation goes by. */
export type ValidationMetric = keyof typeof METRICS;
const metricSchema = z.enum(Object.keys(METRICS) as [ValidationMetric, ...ValidationMetric[]]);

const shape = {
  share: z
    .number()
    .gt(0)
    .lt(1)
    .describe("Share of the rows that is set aside, drawn by dialogue with the seed, and not trained on."),
  steps: count
    .optional()
    .describe("Measure every so many optimiser steps, and at the end; default once an epoch."),
  keep: z
    .enum(["best", "last"])
    .default("best")
    .describe("Which weights come out: those of the best measurement, or the last."),
  patience: count
    .optional()
    .describe("End training after so many measurements in a row without a better value; default never."),
  minDelta: z
    .number()
    .nonnegative()
    .optional()
    .describe("A value counts as better for patience when it is by more than this; default 0."),
};

type Deciding = {
  readonly keep: "best" | "last";
  readonly patience?: number | undefined;
  readonly minDelta?: number | undefined;
  readonly metric?: ValidationMetric | undefined;
};

/** Settings that would do nothing. */
const refuseIdle = (rule: Deciding, context: z.core.$RefinementCtx) => {
  if (rule.minDelta !== undefined && rule.patience === undefined)
    context.addIssue({
      code: "custom",
      path: ["minDelta"],
      message: "has no effect without patience. Set patience, or leave it out.",
    });
  if (rule.metric !== undefined && rule.keep === "last" && rule.patience === undefined)
    context.addIssue({
      code: "custom",
      path: ["metric"],
      message: "has no effect with keep: last and no patience: every value is measured, none decides.",
    });
};

/** Validation of supervised fine-tuning, which knows a loss alone. */
export const lossValidationSchema = z.strictObject(shape).superRefine(refuseIdle);

/** Validation of training on pairs. */
export const validationSchema = z
  .strictObject({
    ...shape,
    metric: metricSchema
      .optional()
      .describe("What is better: the lower loss (default), or the higher share of pairs ranked as labelled."),
  })
  .superRefine(refuseIdle);

/** How a training is validated. */
export type Validation = z.output<typeof validationSchema>;

/** What validation has seen; kept in every checkpoint. */
export type Validated = {
  /** The best measurement, the first of equals. */
  readonly best?: { readonly step: number; readonly value: number } | undefined;
  /** Measurements in a row that were not better by more than `minDelta`. */
  readonly waited: number;
};

/** Before the first measurement. */
export const NOTHING_VALIDATED: Validated = { waited: 0 };

/** The value that a rule goes by. @throws ConfigError when the objective does not measure it */
export function metricOf(
  { metric = "loss" }: Pick<Validation, "metric">,
  metrics: Readonly<Record<string, number>>,
): number {
  const name = METRICS[metric].names.find((one) => one in metrics);
  if (name === undefined)
    throw new ConfigError(`validation.metric: ${metric} is not measured here, expected loss.`);
  return metrics[name]!;
}

/** What is known after one more measurement; `better` when its weights are the best so far. @param value - finite */
export function validated(
  { metric = "loss", minDelta = 0 }: Pick<Validation, "metric" | "minDelta">,
  { best, waited }: Validated,
  step: number,
  value: number,
): { readonly now: Validated; readonly better: boolean } {
  const better = best === undefined || METRICS[metric].better(value, best.value);
  const enough = best === undefined || (better && Math.abs(value - best.value) > minDelta);
  return {
    better,
    now: { best: better ? { step, value } : best, waited: enough ? 0 : waited + 1 },
  };
}

/** Whether patience is at its end. */
export const isOver = ({ patience }: Pick<Validation, "patience">, { waited }: Validated): boolean =>
  patience !== undefined && waited >= patience;

/** What came of validation. */
export const validationResultSchema = z.object({
  /** Rows that were set aside and measured. */
  rows: z.number(),
  metric: metricSchema,
  /** The best measurement, and the last one. */
  best: z.object({ step: z.number(), value: z.number() }),
  last: z.object({ step: z.number(), value: z.number() }),
  /** Step of the weights that came out. */
  kept: z.number(),
  /** Steps that training was to take. */
  planned: z.number(),
  /** Why it ended: all steps were taken, or so many measurements in a row were not better. */
  ended: z.enum(["steps", "patience"]),
});

/** The same as a value. */
export type ValidationResult = z.output<typeof validationResultSchema>;

/** In one line, for people. */
export function validationWords({
  rows,
  metric,
  best,
  last,
  kept,
  planned,
  ended,
}: ValidationResult): string {
  const at = ({ step, value }: ValidationResult["best"]) => `${value.toPrecision(4)} at step ${step}`;
  const why = ended === "patience" ? `ended early, of ${planned} steps` : `all ${planned} steps taken`;
  return `validation ${metric} on ${rows} rows: best ${at(best)}, last ${at(last)}; kept step ${kept}; ${why}`;
}
