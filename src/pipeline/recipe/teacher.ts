/** The recipe's section `teacher`: who labels the unlabelled pairs. */
import { z } from "zod";
import { choice, count, positive } from "../../base/settings/parts.ts";
import { givenTeachers } from "../../method/teacher/given-teachers.ts";
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
    trainer,
  }),
  z.strictObject({
    kind: z.literal("likelihood"),
    sft: sftFirst("the chosen responses"),
    prefer: preferOn("the human labels"),
    lora,
    score,
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
    ...givenTeachers,
  ]),
  "What labels the unlabelled pairs: a small model that learns from the labelled ones (implicit-reward, likelihood, reward-head), several of them (ensemble), a prompted judge (judge-local: models.weak as it is; judge-chat: an endpoint), models behind a server (remote), or a control.",
);

/** Section `teacher`, defaults filled in. */
export type RecipeTeacher = z.output<typeof teacherSchema>;

/** A teacher that learns, defaults filled in. */
export type RecipeTrained = z.output<typeof memberTeacher>;

/** True for kinds that learn from the labelled pairs. */
export const learns = ({ kind }: { readonly kind: RecipeTeacher["kind"] }): boolean =>
  kind === "implicit-reward" || kind === "likelihood" || kind === "reward-head" || kind === "ensemble";

/** True for kinds that need `models.weak`; of an ensemble, those that leave it to a member. */
export function needsWeak(teacher: RecipeTeacher): boolean {
  if (teacher.kind !== "ensemble") return learns(teacher) || teacher.kind === "judge-local";
  return typeof teacher.members === "number" || teacher.members.some(({ weak }) => weak === undefined);
}
