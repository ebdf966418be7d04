/** The recipe's section `teacher`: who labels the unlabelled pairs. */
import { z } from "zod";
import { choice, count, positive } from "../../base/settings/parts.ts";
import { SURE } from "../../method/labels/cascade.ts";
import { givenTeachers } from "../../method/teacher/given-teachers.ts";
import { precisionSchema as precision } from "../../method/teacher/precision-settings.ts";
import { scoreSchema } from "../../method/teacher/score-form.ts";
import { weakModelSchema } from "./model-settings.ts";
import { trainerSchema } from "./trainer.ts";
import { adaptedSftSchema, adaptersIn, preferSchema, rewardSchema } from "./training.ts";

/** Supervised fine-tuning before something else; null where there is none. */
const sftFirst = (rows: string) =>
  adaptedSftSchema
    .nullable()
    .prefault({})
    .describe(`Supervised fine-tuning first, on ${rows}; null for none: the base itself is trained next.`);
const lora = adaptersIn("Preference training of adapters on frozen weights");
/** Preference training on somebody's labels. */
export const preferOn = (labels: string) =>
  preferSchema.prefault({}).describe(`Preference training on ${labels}.`);

const score = scoreSchema.prefault("sum");
const trainer = trainerSchema.prefault("here");

/** Kinds that learn from the labelled pairs. */
const trained = [
  z.strictObject({
    kind: z.literal("implicit-reward"),
    sft: sftFirst("the chosen responses"),
    prefer: preferOn("the human labels"),
    lora,
    beta: positive
      .optional()
      .describe("Factor on the log-ratio when labelling; default the loss's beta, or 1."),
    score,
    precision,
    trainer,
  }),
  z.strictObject({
    kind: z.literal("likelihood"),
    sft: sftFirst("the chosen responses"),
    prefer: preferOn("the human labels"),
    lora,
    score,
    precision,
    trainer,
  }),
  z.strictObject({
    kind: z.literal("reward-head"),
    sft: sftFirst("the chosen responses"),
    reward: rewardSchema
      .prefault({})
      .describe("Training of a Bradley-Terry reward head on the human labels."),
    lora: adaptersIn("Training of the reward head with adapters on frozen weights below it"),
    score,
    precision,
    trainer,
  }),
] as const;

const memberTeacher = choice(
  "kind",
  "implicit-reward",
  z.discriminatedUnion("kind", trained),
  "What a member is, with the settings of section teacher of that kind.",
);

const memberSchema = z.strictObject({
  seed: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe("Seed of its training and bootstrap; default the recipe's, plus its place from 0."),
  bootstrap: z.boolean().optional().describe("Default the ensemble's."),
  weak: weakModelSchema.optional(),
  teacher: memberTeacher.optional(),
});

/** One of the two teachers of a cascade. */
const stepSchema = z.strictObject({
  weak: weakModelSchema.optional().describe("Its model, where it is not models.weak."),
  teacher: choice(
    "kind",
    "implicit-reward",
    z.discriminatedUnion("kind", [...trained, ...givenTeachers]),
    "What it is, with the settings of section teacher of that kind.",
  ),
});

/** Section `teacher`. */
export const teacherSchema = choice(
  "kind",
  "implicit-reward",
  z.discriminatedUnion("kind", [
    ...trained,
    z.strictObject({
      kind: z.literal("ensemble"),
      members: z
        .union([count, z.array(memberSchema).min(1)])
        .default(3)
        .describe("How many members that differ in their seeds, or a list of what each has of its own."),
      bootstrap: z
        .boolean()
        .default(false)
        .describe("Each member learns from a bootstrap sample of the labelled prompts, drawn with its seed."),
      teacher: memberTeacher.prefault({}),
    }),
    z.strictObject({
      kind: z.literal("cascade"),
      first: stepSchema.describe("The cheap teacher, which reads every pair."),
      second: stepSchema.describe(
        "The dear teacher, which reads the pairs of the pool that the first is not sure of.",
      ),
      sure: z
        .number()
        .min(0.5)
        .max(1)
        .default(SURE)
        .describe("Calibrated confidence from which the first teacher's label of a pair stays."),
    }),
    ...givenTeachers,
  ]),
  "What labels the unlabelled pairs: a small model that learns from the labelled ones (implicit-reward, likelihood, reward-head), several of them (ensemble), a cheap teacher and a dear one for what it is not sure of (cascade), a prompted judge (judge-local: models.weak as it is; judge-chat: an endpoint), models behind a server (remote), or a control.",
);

/** Section `teacher`, defaults filled in. */
export type RecipeTeacher = z.output<typeof teacherSchema>;

/** A teacher that learns, defaults filled in. */
export type RecipeTrained = z.output<typeof memberTeacher>;

/** A teacher of a cascade, defaults filled in. */
export type RecipeStep = Extract<RecipeTeacher, { kind: "cascade" }>["first"];

/** Every single teacher of a section that is no ensemble, with its place in the section. */
export const singlesIn = (
  teacher: RecipeTeacher,
): readonly { readonly path: readonly string[]; readonly teacher: RecipeStep["teacher"] }[] =>
  teacher.kind === "ensemble"
    ? []
    : teacher.kind === "cascade"
      ? CASCADE_STEPS.map((step) => ({ path: [step, "teacher"], teacher: teacher[step].teacher }))
      : [{ path: [], teacher }];

/** The settings of a cascade's teachers, in the order in which they read. */
export const CASCADE_STEPS = ["first", "second"] as const;

const LEARNING = ["implicit-reward", "likelihood", "reward-head"];

/** True for kinds that learn from the labelled pairs. */
export const learns = (teacher: RecipeTeacher): boolean =>
  teacher.kind === "ensemble" || singlesIn(teacher).some((one) => LEARNING.includes(one.teacher.kind));

/** True for kinds of which a model of the recipe's is trained or asked. */
export const hasModel = ({ kind }: RecipeStep["teacher"]): boolean =>
  LEARNING.includes(kind) || kind === "judge-local";

/** True for kinds that need `models.weak`; of an ensemble and a cascade, those that leave it to a member. */
export function needsWeak(teacher: RecipeTeacher): boolean {
  if (teacher.kind === "ensemble")
    return typeof teacher.members === "number" || teacher.members.some(({ weak }) => weak === undefined);
  if (teacher.kind !== "cascade") return hasModel(teacher);
  return CASCADE_STEPS.some((step) => hasModel(teacher[step].teacher) && teacher[step].weak === undefined);
}
