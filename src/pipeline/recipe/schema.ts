/**
 * The recipe, described once: its type, defaults, checks, JSON Schema, page (`docs/recipe.md`) and the paths of `--set` all come from
 * here. Names are camelCase inside; `names.ts` says what they are called in a file. Every setting here has an
 * effect (`pipeline/run/settings-effect.test.ts`).
 */

import { z } from "zod";
import { DEFAULT_SEED } from "../../base/core/rng.ts";
import { DEVICES } from "../../engine/runtime/device.ts";
import { type Arm, armSchema } from "./arms.ts";
import { executorSchema } from "./executor.ts";
import { labelledSchema, labelSchema } from "./labels.ts";
import { studentModelSchema, weakModelSchema } from "./model-settings.ts";
import { dataSchema, evalSchema } from "./sections.ts";
import { preferOn, teacherSchema } from "./teacher.ts";
import { trainerSchema } from "./trainer.ts";
import { adaptedSftSchema, adaptersIn } from "./training.ts";

/** Training of the student, the same for all arms unless one says otherwise. */
const studentSchema = z.strictObject({
  sft: adaptedSftSchema
    .prefault({})
    .describe("Supervised fine-tuning first, on the arm's preferred responses."),
  prefer: preferOn("the arm's labels"),
  lora: adaptersIn("Preference training of adapters on frozen weights"),
  trainer: trainerSchema.prefault("here"),
});

/** A seed. */
const seedNumber = z.number().int().min(0);

/** How many runs, or their seeds. */
const seedsSchema = z
  .union([
    z.number().int().min(2).max(1000),
    z
      .array(seedNumber)
      .min(2)
      .refine((seeds) => new Set(seeds).size === seeds.length, {
        error: "expected each seed once; two runs of one seed are one run.",
      }),
  ])
  .describe(
    "Train the whole recipe with several seeds: so many, from seed on, or these. What is said of labels then holds for further seeds.",
  );

/** The schema of a recipe; names as inside. */
export const recipeSchema = z.strictObject({
  version: z.literal(1).describe("Version of this format."),
  extends: z
    .string()
    .optional()
    .describe("A preset's name or a recipe file; what is written here is laid over it."),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "expected letters, digits, dots, dashes and underscores")
    .describe("Name of the run."),
  needs: z
    .array(z.string())
    .default([])
    .describe("What the recipe needs, in words; printed before it starts."),
  seed: seedNumber.default(DEFAULT_SEED).describe("Everything random comes from it."),
  seeds: seedsSchema.optional(),
  device: z
    .enum(DEVICES as ["cpu", "webgpu", "cuda"])
    .default("cpu")
    .describe("Where to compute."),
  threads: z.number().int().min(1).max(4096).optional().describe("Cores to compute on; default all."),
  out: z.string().min(1).optional().describe("Folder of the run; default runs/<name>."),
  models: z
    .strictObject({
      weak: weakModelSchema
        .nullable()
        .optional()
        .describe("The model that becomes the teacher; null or left out where none is trained or asked."),
      student: studentModelSchema,
    })
    .describe("The two models."),
  data: dataSchema.describe("Pairs: labelled, unlabelled and for the test."),
  labelled: labelledSchema
    .prefault({})
    .describe("What is done to the labelled pairs before the teacher learns from them, for studies."),
  teacher: teacherSchema.prefault({}),
  label: labelSchema.prefault({}).describe("From scores to labels."),
  student: studentSchema.prefault({}).describe("Training of the student, for all arms."),
  arms: z
    .array(armSchema)
    .min(1)
    .prefault(["sft", "weak", "human", "random"])
    .describe("Students that are trained and compared side by side."),
  eval: evalSchema.prefault({}).describe("Generation on test prompts and what is measured."),
  executor: executorSchema.prefault("local"),
});

type Parsed = z.output<typeof recipeSchema>;

/** A recipe with every default filled in. */
export type Recipe = Omit<Parsed, "arms" | "extends" | "out"> & {
  readonly out: string;
  readonly arms: readonly Arm[];
};
