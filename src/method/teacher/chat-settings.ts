/** How a chat endpoint is asked: what recipe, command line and judges of arms share. */
import { z } from "zod";
import { count } from "../../base/settings/parts.ts";
import { serverAt } from "../../base/settings/server.ts";
import { pricesSchema } from "./spending.ts";

/** Members of a request that are settings of their own, or would change what is read. */
const TAKEN = [
  "model",
  "messages",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "logprobs",
  "top_logprobs",
  "n",
  "stream",
];

/** Settings of every chat judge. */
export const chatSettings = {
  ...serverAt("Base address of an OpenAI-compatible endpoint, such as https://host/v1."),
  model: z.string().min(1).describe("Name that the endpoint knows the model by."),
  maxTokens: count
    .optional()
    .describe(
      "Most tokens of a reply, thinking included; default found out with the first question: 16, or up to 8192 where the judge thinks or reasons before its verdict.",
    ),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe("Default 0, or none where the endpoint takes none."),
  body: z
    .record(z.string(), z.json())
    .superRefine((body, context) => {
      for (const name of Object.keys(body).filter((key) => TAKEN.includes(key)))
        context.addIssue({
          code: "custom",
          path: [name],
          message: "cannot stand in body: it is decided elsewhere",
        });
    })
    .optional()
    .describe(
      "Further members of every request as the endpoint names them, such as reasoning_effort or chat_template_kwargs.",
    ),
  prices: pricesSchema.optional(),
  timeoutMs: z.number().int().min(1).default(60_000).describe("Milliseconds for one attempt."),
  retries: z.number().int().min(0).default(5).describe("Further attempts after a failure that may pass."),
};

/** Settings of a chat judge that votes. */
export const verdictSettings = {
  verdict: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A regular expression whose first group is the verdict (1, 2, A, B, tie), for replies of another form than the known ones.",
    ),
  ties: z
    .enum(["auto", "allowed", "refused"])
    .default("auto")
    .describe(
      "Whether a reply may call it a tie. allowed: it counts half for each side; refused: such a reply cannot be read; auto: refused where the question asks for one of two (rlaif, short, alpaca-eval, llmbar, rubric), allowed in mt-bench and in questions of your own.",
    ),
  votes: z
    .enum(["auto", "soft", "hard"])
    .default("auto")
    .describe(
      "soft: how likely the verdict's token was, where the endpoint gives top_logprobs; hard: the verdict alone; auto: soft where it can be had. A reply that says no verdict is read at its first token, where the question asks for a digit alone (rlaif, short, alpaca-eval, llmbar; with soft also questions of your own) and no verdict pattern is given: such pairs have the flag unsaid-verdict.",
    ),
  samples: count
    .max(64)
    .default(1)
    .describe("Replies to each question, their votes averaged; more than one needs a temperature above 0."),
};

/** Refuses several samples that would all be the same reply. */
export function samplesNeedTemperature(
  { samples, temperature = 0 }: { readonly samples: number; readonly temperature?: number | undefined },
  context: z.RefinementCtx,
): void {
  if (samples > 1 && temperature === 0)
    context.addIssue({
      code: "custom",
      path: ["samples"],
      message: `${samples} replies to the same question need a temperature above 0. Set temperature, or samples to 1`,
    });
}
