/** Settings of teachers that learn nothing here: judges, models behind a server, controls. Recipe, job and code have these names for them. */
import { z } from "zod";
import { messageOf } from "../../base/core/errors.ts";
import { choice, positive } from "../../base/settings/parts.ts";
import { serverAt } from "../../base/settings/server.ts";
import { chatSettings, samplesNeedTemperature, verdictSettings } from "./chat-settings.ts";
import { judgePromptOf } from "./judge-prompts.ts";
import { precisionSchema } from "./precision-settings.ts";
import { SERVER_KINDS } from "./remote/protocol.ts";
import { SERVED_GIVES, withoutEffect } from "./remote/served-gives.ts";
import { scoreSchema } from "./score-form.ts";

const question = z
  .string()
  .transform((text, context) => {
    try {
      return judgePromptOf(text).text;
    } catch (error) {
      context.addIssue({ code: "custom", message: messageOf(error).replace("judge prompt: ", "") });
      return z.NEVER;
    }
  })
  .optional()
  .describe(
    "The question, with {prompt}, {first} and {second} once each, or a way of asking by name: rlaif (default), short, alpaca-eval, mt-bench, llmbar, rubric.",
  );

const noises = z.discriminatedUnion("kind", [
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
]);

/** What a noisy person gets wrong; rates in [0, 1] (`controls.ts`). */
export type HumanNoise = z.output<typeof noises>;

const remote = z
  .strictObject({
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
    score: scoreSchema.prefault("sum"),
  })
  .superRefine((given, context) => {
    const add = (name: string, beside: string) =>
      context.addIssue({ code: "custom", path: [name], message: `has no effect ${beside}. Leave it out.` });
    if (given.gives === "rewards") for (const name of withoutEffect(given)) add(name, "with gives rewards");
    else if (given.beta !== undefined && given.reference === undefined) add("beta", "without reference");
  });

/** Their schemas, in the order of the documentation. */
export const givenTeachers = [
  z.strictObject({ kind: z.literal("judge-local"), prompt: question, precision: precisionSchema }),
  z
    .strictObject({ kind: z.literal("judge-chat"), ...chatSettings, ...verdictSettings, prompt: question })
    .superRefine(samplesNeedTemperature),
  remote,
  z.strictObject({ kind: z.literal("random") }),
  z.strictObject({ kind: z.literal("longer") }),
  z.strictObject({ kind: z.literal("gold") }),
  z.strictObject({
    kind: z.literal("noisy-human"),
    noise: choice("kind", "flip", noises, "What the person gets wrong."),
  }),
] as const;

/** A teacher that learns nothing here, defaults filled in. */
export type GivenTeacher = z.output<(typeof givenTeachers)[number]>;
