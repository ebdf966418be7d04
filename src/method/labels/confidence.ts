/**
 * From a label to the weight of its pair in a loss. Every form maps m = score of the preferred - score of the other >= 0
 * (or the calibrated probability) to a weight; ties and abstentions weigh 0 under every form, for there is no preferred side.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { choice, positive } from "../../base/settings/parts.ts";
import { logistic } from "../../base/stats/special.ts";
import { isDecided, type Label } from "./label.ts";

/**
 * How confidence becomes weight. C1 to C4 are CW-PO's names (Table 5).
 *
 * | form | weight | range |
 * | --- | --- | --- |
 * | `uniform` | 1 | {1} |
 * | `tanh` (C1) | tanh(m / (2 T)) ^ power; at T = 1, power = 1 it is Eq. 8, 2(σ(m) - ½) | [0, 1] |
 * | `sigmoid` (C2) | σ(m / T) | [½, 1] |
 * | `clip` (C3, C4) | min(slope · m, 1); slope 1 is C3, 0.2 is C4 | [0, 1] |
 * | `calibrated` | (2 p_chosen - 1) ^ power; 0 at a coin-flip, 1 at certainty | [0, 1] |
 *
 */
export const weightSchema = choice(
  "form",
  "uniform",
  z.discriminatedUnion("form", [
    z.strictObject({ form: z.literal("uniform") }),
    z.strictObject({
      form: z.literal("tanh"),
      temperature: positive.default(1).describe("Margins are divided by it."),
      power: positive.default(1).describe("The weight is raised to it."),
    }),
    z.strictObject({
      form: z.literal("sigmoid"),
      temperature: positive.default(1).describe("Margins are divided by it."),
    }),
    z.strictObject({
      form: z.literal("clip"),
      slope: positive.default(1).describe("Weight per unit of margin, at most 1."),
    }),
    z.strictObject({
      form: z.literal("calibrated"),
      power: positive.default(1).describe("The weight is raised to it."),
    }),
  ]),
  "How confidence becomes the weight of a pair; tanh is CW-PO's C1. Losses use weights with weighted: true only.",
);

/** How confidence becomes weight, its numbers named. */
export type WeightForm = z.output<typeof weightSchema>;

/** The weight that every pair has where nothing else is said. */
export const UNIFORM: WeightForm = { form: "uniform" };

/** Smallest and largest weight that a decided label can get under a form; recorded beside the weights. */
export function weightRange(form: WeightForm): readonly [number, number] {
  return form.form === "uniform" ? [1, 1] : form.form === "sigmoid" ? [0.5, 1] : [0, 1];
}

/**
 * Weight of a label's pair, in the form's range, or 0 for a tie or an abstention.
 *
 * @throws ConfigError when a parameter of the form is not above 0
 */
export function labelWeight(label: Label, form: WeightForm): number {
  checkForm(form);
  return isDecided(label) ? weightOf(Math.abs(label.margin), label.pChosen, form) : 0;
}

/** The weights of many labels, `[n]`. They are not normalised: that is the loss's business, over the global batch. */
export function labelWeights(labels: readonly Label[], form: WeightForm): number[] {
  checkForm(form);
  return labels.map((label) => labelWeight(label, form));
}

function weightOf(m: number, pChosen: number, form: WeightForm): number {
  switch (form.form) {
    case "uniform":
      return 1;
    case "tanh":
      // 2(σ(m) - ½) = tanh(m/2): stable for large m, and exactly odd.
      return Math.tanh(m / (2 * form.temperature)) ** form.power;
    case "sigmoid":
      return logistic(m / form.temperature);
    case "clip":
      return Math.min(form.slope * m, 1);
    case "calibrated":
      return (2 * pChosen - 1) ** form.power;
    default:
      return form satisfies never;
  }
}

function checkForm(form: WeightForm): void {
  for (const [name, value] of Object.entries(form)) {
    if (name !== "form" && !(typeof value === "number" && value > 0 && Number.isFinite(value)))
      throw new ConfigError(`weight ${form.form}: ${name} is out of range, expected above 0, got ${value}.`);
  }
}
