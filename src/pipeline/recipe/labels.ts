/** The sections of a recipe about labels: what the teacher learns from, and how its scores become labels. */
import { z } from "zod";
import { positive, share } from "../../base/settings/parts.ts";
import { calibrationSchema } from "../../method/labels/calibration.ts";
import { weightSchema } from "../../method/labels/confidence.ts";
import { selectSchema } from "../../method/labels/selection.ts";

/** From scores to labels. */
export const labelSchema = z.strictObject({
  calibration: calibrationSchema.default("temperature"),
  heldOut: share
    .optional()
    .describe(
      "Share of the labelled prompts that the teacher does not learn from: for calibration and promises; default 0.1. Judges and controls learn from none of them: all are held out.",
    ),
  calibrationFolds: z
    .number()
    .int()
    .min(0)
    .refine((folds) => folds !== 1, "expected 0, or 2 and more")
    .default(0)
    .describe(
      "Instead of held_out, for few labels: so many teachers each learn from all folds but one, and score that one; the last teacher learns from all. Costs as many more trainings; no promise can rest on it.",
    ),
  select: selectSchema.prefault("all"),
  weight: weightSchema.prefault("uniform"),
});

/** What is done to the labelled pairs before the teacher learns from them. */
export const labelledSchema = z
  .strictObject({
    size: positive
      .optional()
      .describe("Pairs that the teacher learns from: a share below 1, or a count; default all."),
    by: z
      .enum(["subset", "prompt-length"])
      .optional()
      .describe(
        "What tells domains apart in mix: the data's column subset, or whether the prompt is short or long (by its median).",
      ),
    mix: z
      .record(z.string(), z.number().min(0).max(1))
      .optional()
      .describe("Share of each domain among these pairs, summing to 1."),
    poison: share.optional().describe("Share of their labels turned round, as by an adversary."),
    sameSteps: z
      .boolean()
      .optional()
      .describe(
        "With size or mix: the teacher's training takes as many optimiser steps as it would on all labelled pairs it could learn from, so that fewer pairs are not less training, too.",
      ),
    seed: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe("Seed of all this and of the teacher's training; default the recipe's seed."),
  })
  .superRefine(({ by, mix, size, sameSteps }, context) => {
    const issue = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    if ((by === undefined) !== (mix === undefined))
      issue("mix", "expected by and mix together: what tells domains apart, and how many pairs of each.");
    const sum = Object.values(mix ?? { all: 1 }).reduce((total, part) => total + part, 0);
    if (Math.abs(sum - 1) > 1e-9) issue("mix", `expected shares that sum to 1, got ${sum}.`);
    if (sameSteps && size === undefined && mix === undefined)
      issue("same_steps", "has no effect without size or mix, expected one of them.");
    if (size !== undefined && size >= 1 && !Number.isInteger(size))
      issue("size", `expected a share below 1 or a whole number, got ${size}.`);
  });
