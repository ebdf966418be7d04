/** The `judges` entry of a recipe: who is asked, how, and in which words. */
import { z } from "zod";
import { chatSettings, samplesNeedTemperature, verdictSettings } from "../../teacher/chat-settings.ts";

const shared = {
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "expected lower-case words with dashes")
    .optional()
    .describe(
      "Name in tables and folders; default how it judges and whether it is local, such as pairwise-local.",
    ),
  mode: z
    .enum(["pairwise", "absolute", "rating"])
    .default("pairwise")
    .describe(
      "pairwise: which response is better; absolute: both rated from 1 to 10 in one reply (WDPO A.2); rating: each response alone from 1 to 10 (d-RLAIF). The first two ask in both orders.",
    ),
  prompt: z
    .string()
    .optional()
    .describe(
      "The question, with {prompt}, {first} and {second}, or {prompt} and {response} for rating; for pairwise also a way of asking by name, as teacher.prompt; default one of this program's own.",
    ),
};

/** One judge. */
export const judgeSpecSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("local"),
    ...shared,
    model: z
      .string()
      .min(1)
      .describe("Folder, or hub:Owner/name[@revision], of a language model that judges."),
    chat: z
      .boolean()
      .optional()
      .describe("Ask as a user's turn of the model's chat template; default: if it has one."),
  }),
  z
    .strictObject({ type: z.literal("chat"), ...shared, ...chatSettings, ...verdictSettings })
    .superRefine((given, context) => {
      samplesNeedTemperature(given, context);
      if (given.mode !== "pairwise") refuseVoting(given, context);
    }),
]);

/** Ratings are read from a reply as they stand: what belongs to votes has no effect on them. */
function refuseVoting(
  given: { readonly [Name in keyof typeof verdictSettings]?: unknown } & { readonly mode: string },
  context: z.RefinementCtx,
): void {
  const plain = { verdict: undefined, ties: "auto", votes: "auto", samples: 1 };
  for (const [name, value] of Object.entries(plain))
    if (given[name as keyof typeof plain] !== value)
      context.addIssue({
        code: "custom",
        path: [name],
        message: `has no effect on mode ${given.mode}, which reads ratings. Leave it out`,
      });
}

/** A judge as a recipe describes it. */
export type JudgeSpec = z.output<typeof judgeSpecSchema>;

/** How a judge forms its opinion. */
export type JudgeMode = JudgeSpec["mode"];

/** The name of a judge in tables and folders. */
export function judgeName({ name, mode, type }: JudgeSpec): string {
  return name ?? `${mode}-${type}`;
}
