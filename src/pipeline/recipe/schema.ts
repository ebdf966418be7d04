/**
 * The recipe, described once: its type, defaults, checks, JSON Schema, page (`docs/recipe.md`) and the paths of `--set` all come from
 * here. Names are camelCase inside; `names.ts` says what they are called in a file. Every setting here has an effect.
 */
import { z } from "zod";
import { DEVICES } from "../../runtime/device.ts";
import { type Arm, armSchema } from "./arms.ts";
import { executorSchema } from "./executor.ts";
import { labelledSchema, labelSchema } from "./labels.ts";
import { choice, positive } from "./parts.ts";
import { dataSchema, evalSchema, studentModelSchema, weakModelSchema } from "./sections.ts";
import { loraSchema, preferSchema, rewardSchema, sftSchema } from "./training.ts";

/** What of a teacher's scores is compared. */
export const scoreSchema = choice(
  "form",
  "sum",
  z.discriminatedUnion("form", [
    z.strictObject({ form: z.literal("sum") }),
    z.strictObject({ form: z.literal("mean") }),
    z.strictObject({
      form: z.literal("length-corrected"),
      alpha: z
        .number()
        .optional()
        .describe("Reward taken off per token; default fitted so that length tells nothing."),
    }),
  ]),
  "What is compared: the sum over tokens, the mean per token, or the sum corrected for length (DICE).",
);

const sft = (rows: string) => sftSchema.prefault({}).describe(`Supervised fine-tuning first, on ${rows}.`);
const prefer = (labels: string) => preferSchema.prefault({}).describe(`Preference training on ${labels}.`);

const teacherSchema = choice(
  "kind",
  "implicit-reward",
  z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("implicit-reward"),
      sft: sft("the chosen responses"),
      prefer: prefer("the human labels"),
      beta: positive
        .optional()
        .describe("Factor on the log-ratio when labelling; default the loss's beta, or 1."),
      score: scoreSchema.prefault("sum"),
    }),
    z.strictObject({
      kind: z.literal("likelihood"),
      sft: sft("the chosen responses"),
      prefer: prefer("the human labels"),
      score: scoreSchema.prefault("sum"),
    }),
    z.strictObject({
      kind: z.literal("reward-head"),
      sft: sft("the chosen responses"),
      reward: rewardSchema
        .prefault({})
        .describe("Training of a Bradley-Terry reward head on the human labels."),
      score: scoreSchema.prefault("sum"),
    }),
  ]),
  "What labels the unlabelled pairs: the policy's log-ratio to its reference, its log-likelihood, or a reward head.",
);

/** Training of the student, the same for all arms unless one says otherwise. */
const studentSchema = z.strictObject({
  sft: sft("the arm's preferred responses"),
  prefer: prefer("the arm's labels"),
  lora: loraSchema
    .nullable()
    .default(null)
    .describe("Preference training of adapters on frozen weights; null trains all weights."),
});

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
  seed: z.number().int().min(0).default(22).describe("Everything random comes from it."), // WDPO section 3.2
  device: z
    .enum(DEVICES as ["cpu", "webgpu", "cuda"])
    .default("cpu")
    .describe("Where to compute."),
  threads: z.number().int().min(1).max(4096).optional().describe("Cores to compute on; default all."),
  out: z.string().min(1).optional().describe("Folder of the run; default runs/<name>."),
  models: z
    .strictObject({
      weak: weakModelSchema,
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
