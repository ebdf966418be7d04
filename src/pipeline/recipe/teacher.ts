/** The recipe's section `teacher`: who labels the unlabelled pairs. */
import { z } from "zod";
import { messageOf } from "../../base/core/errors.ts";
import { choice, count, positive } from "../../base/settings/parts.ts";
import { serverAt } from "../../base/settings/server.ts";
import { chatSettings, verdictSettings } from "../../method/teacher/chat-settings.ts";
import { judgePrompt } from "../../method/teacher/judge.ts";
import { judgePromptNamed } from "../../method/teacher/judge-prompts.ts";
import { SERVER_KINDS } from "../../method/teacher/remote/protocol.ts";
import { SERVED_GIVES } from "../../method/teacher/remote/served-gives.ts";
import { scoreSchema } from "../../method/teacher/score-form.ts";
import { weakModelSchema } from "./model-settings.ts";
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
  }),
  z.strictObject({
    kind: z.literal("likelihood"),
    sft: sftFirst("the chosen responses"),
    prefer: preferOn("the human labels"),
    lora,
    score,
  }),
  z.strictObject({
    kind: z.literal("reward-head"),
    sft: sftFirst("the chosen responses"),
    reward: rewardSchema
      .prefault({})
      .describe("Training of a Bradley-Terry reward head on the human labels."),
    lora: adaptersIn("Training of the reward head with adapters on frozen weights below it"),
    score,
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

const question = z
  .string()
  .transform((text, context) => {
    try {
      return judgePrompt(text.includes("{") ? text : judgePromptNamed(text)).text;
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error).replace("judge prompt: ", "") });
      return z.NEVER;
    }
  })
  .optional()
  .describe(
    "The question, with {prompt}, {first} and {second} once each, or a way of asking by name: rlaif (default), alpaca-eval, mt-bench, llmbar, rubric.",
  );

const noise = choice(
  "kind",
  "flip",
  z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("flip"),
      rate: z.number().min(0).max(1).describe("Share of the labels that are turned round."),
    }),
    z.strictObject({
      kind: z.literal("length-biased"),
      rate: z.number().min(0).max(1).describe("Share of the labels replaced by: the longer one is better."),
    }),
    z.strictObject({
      kind: z.literal("annotator"),
      rates: z
        .array(z.number().min(0).max(1))
        .min(1)
        .describe("Flip rate of each annotator; every pair goes to one of them."),
    }),
  ]),
  "What the person gets wrong.",
);

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
    z.strictObject({ kind: z.literal("judge-local"), prompt: question }),
    z.strictObject({
      kind: z.literal("judge-chat"),
      ...chatSettings,
      ...verdictSettings,
      prompt: question,
    }),
    z.strictObject({
      kind: z.literal("remote"),
      ...serverAt("A server that scores given text: vLLM, SGLang, weak-teacher serve."),
      model: z.string().min(1).describe("Name at the server of the policy, or of the reward model."),
      gives: z
        .enum(SERVED_GIVES)
        .default("log-probabilities")
        .describe(
          "What the model at the server gives: log-probabilities of given tokens, or (a reward model behind /pooling or /classify) one raw reward for a text.",
        ),
      reference: z
        .string()
        .min(1)
        .optional()
        .describe("The reference's name there; without it scores are likelihoods."),
      tokenizer: z.string().min(1).describe("Folder of the served models' tokenizer."),
      beta: positive.optional().describe("Factor on the log-ratio, default 0.1; only with a reference."),
      server: z.enum(SERVER_KINDS).optional().describe("What is at the address; default found out."),
      score,
    }),
    z.strictObject({ kind: z.literal("random") }),
    z.strictObject({ kind: z.literal("longer") }),
    z.strictObject({ kind: z.literal("gold") }),
    z.strictObject({ kind: z.literal("noisy-human"), noise }),
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
