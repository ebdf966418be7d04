/** The sections of a recipe before and after training: models, data, evaluation. */
import { z } from "zod";
import { count, positive, share, shorthand } from "../../base/settings/parts.ts";
import { goldName, goldSpecSchema } from "../../method/evaluate/gold.ts";
import { judgeName, judgeSpecSchema } from "../../method/evaluate/judges/spec.ts";
import { generateServerSchema } from "../../method/evaluate/served-sampler.ts";
import { refuseGreedy, samplingFields } from "../../method/evaluate/simulate.ts";
import { sourceSchema } from "./source-schema.ts";

const part = (what: string) => positive.describe(`${what}: a share in (0, 1], or a count of rows.`);

const splitSchema = z
  .strictObject({
    labelled: part("Pairs whose human labels the teacher learns from").optional(),
    unlabelled: part("Pairs that the teacher labels").optional(),
    test: part("Pairs kept for the evaluation").optional(),
  })
  .describe(
    "Parts of the source, drawn by dialogue with the recipe's seed: no prompt is in two of them, and no prompt that goes on from, or quotes, a response of another. A part that is left out comes from a file of its own.",
  );

const worldSchema = z
  .strictObject({
    prompts: z
      .string()
      .min(1)
      .default("demo")
      .describe("A JSON list of prompts, or demo: those that come with the package."),
    promptLimit: count.optional().describe("Use only the first so many prompts."),
    pairsPerPrompt: count
      .default(1)
      .describe("Pairs made for each prompt; two candidates are sampled for each."),
    ...samplingFields(1),
    gold: shorthand(
      "type",
      goldSpecSchema,
      "What candidates are truly worth; simulated people prefer by it.",
    ),
    tau: positive
      .optional()
      .describe(
        "People prefer a with probability σ((gold a - gold b) / tau): in units of gold, larger is more noise; 0.5 where gold_agreement is not given.",
      ),
    goldAgreement: z
      .number()
      .gt(0.5)
      .lt(1)
      .optional()
      .describe(
        "In place of tau: the share of pairs on which people are expected to side with gold. The tau that gives it on the sampled pairs is solved for, and stands in the report.",
      ),
    labelled: share.default(0.3).describe("Share of the prompts whose pairs the teacher learns from."),
    test: share
      .default(0.2)
      .describe("Share of the prompts kept for the evaluation; the rest is unlabelled."),
  })
  .refine(({ labelled, test }) => labelled + test < 1, {
    path: ["test"],
    error: "labelled and test must leave a share of the prompts to be labelled, expected a sum below 1.",
  })
  .refine(({ temperature }) => temperature > 0, {
    path: ["temperature"],
    error: "makes both candidates of every pair the same, expected a number above 0, got 0.",
  })
  .superRefine(refuseGreedy)
  .refine(({ tau, goldAgreement }) => tau === undefined || goldAgreement === undefined, {
    path: ["goldAgreement"],
    error: "says something else than tau beside it, expected one of the two. Remove one of them.",
  })
  .describe(
    "Data that is made: candidates sampled from the student's base, scored by gold, judged by simulated people.",
  );

/** The ways to say how noisy simulated people are, keys as in a file; a world takes one. */
export const WORLD_FORMS = [["tau"], ["gold_agreement"]] as const;

/** The ways to give data, keys as in a file; a recipe takes one. */
export const DATA_FORMS = [
  ["source", "split", "labelled", "unlabelled", "test", "test_prompts", "on_bad_row", "over_length"],
  ["world"],
] as const;

/** Where pairs come from. */
export const dataSchema = z
  .strictObject({
    source: sourceSchema("Preferences; divided by split.").optional(),
    split: splitSchema.optional(),
    labelled: sourceSchema(
      "Preferences that the teacher learns from, in a file of their own; beside split.labelled, more of them. Settings as of source.",
    ).optional(),
    unlabelled: sourceSchema(
      "Pairs to label in a file of their own, instead of a part of source. Human labels in it are hidden from the teacher; it needs none. Settings as of source.",
    ).optional(),
    test: sourceSchema(
      "Preferences kept for the evaluation, instead of a part of source. Settings as of source.",
    ).optional(),
    testPrompts: count.optional().describe("Responses are generated to so many test prompts; default 256."),
    world: worldSchema.optional(),
    seed: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe(
        "What the data is drawn with: split, order of candidates, simulated people, test prompts; default the recipe's seed. With seeds, one number here leaves all runs the same data and draws only training and answers anew.",
      ),
    onBadRow: z
      .enum(["fail", "skip"])
      .optional()
      .describe("Stop at bad rows with all of them listed (default), or leave them out and count."),
    overLength: z
      .enum(["cut", "drop"])
      .optional()
      .describe(
        "Rows longer than max_length or max_prompt_length by the tokens of a trained model: cut (default) keeps them with the prompt's begin cut off, and arms learn from no pair with a cut response; drop leaves them out of every part before the split, as papers do.",
      ),
    maxLength: z.number().int().min(2).default(512).describe("Most tokens of a prompt with one response."), // WDPO tables 7-8
    maxPromptLength: count.default(256).describe("Most tokens of a prompt; prompts keep their end."),
  })
  .superRefine((data, context) => {
    for (const { path, message } of dataIssues(data)) context.addIssue({ code: "custom", path, message });
  });

const PARTS = ["labelled", "unlabelled", "test"] as const;

type Data = Partial<
  Record<"source" | "world" | "onBadRow" | "overLength" | "testPrompts" | (typeof PARTS)[number], unknown>
> & {
  split?: Partial<Record<(typeof PARTS)[number], number | undefined>> | undefined;
  maxLength: number;
  maxPromptLength: number;
};

type DataIssue = { path: string[]; message: string };

/** What does not go together in section `data`. */
function dataIssues(data: Data): DataIssue[] {
  const issues = data.world === undefined ? fileIssues(data) : worldIssues(data);
  if (data.maxPromptLength >= data.maxLength)
    issues.push({
      path: ["maxPromptLength"],
      message: `expected less than max_length (${data.maxLength}), got ${data.maxPromptLength}.`,
    });
  return issues;
}

function worldIssues(data: Data): DataIssue[] {
  return (["source", "split", ...PARTS, "testPrompts", "onBadRow", "overLength"] as const)
    .filter((key) => data[key] !== undefined)
    .map((key) => ({ path: [key], message: "has no effect beside world. Remove one of them." }));
}

/** Each part comes from one place; labelled pairs may come from two. */
function fileIssues(data: Data): DataIssue[] {
  const { source, split } = data;
  const given = [source, split, ...PARTS.map((part) => data[part])];
  const forms = "expected source and split, files for labelled, unlabelled and test, or world.";
  if (given.every((one) => one === undefined)) return [{ path: [], message: forms }];
  if ((source === undefined) !== (split === undefined))
    return [{ path: [], message: `source and split go together: ${forms}` }];
  if (split !== undefined && Object.values(split).every((size) => size === undefined))
    return [{ path: ["split"], message: "names no part, expected labelled, unlabelled or test." }];
  return PARTS.flatMap((part) => {
    const places = [split?.[part], data[part]].filter((place) => place !== undefined).length;
    const enough = part === "labelled" ? places >= 1 : places === 1;
    // With both, one of them was written over a base that has the other: a file of its own is the later thought.
    return enough
      ? []
      : [
          {
            path: places === 0 ? ["split"] : [part],
            message: `expected the ${part} pairs from one place: split.${part} or data.${part}, got ${places === 0 ? "neither" : "both"}.`,
          },
        ];
  });
}

/** How students are compared. */
export const evalSchema = z
  .strictObject({
    ...samplingFields(0.7), // WDPO A.2
    perPrompt: count.default(1).describe("Responses sampled to each test prompt."),
    generate: generateServerSchema
      .nullable()
      .default(null)
      .describe("A server that samples the responses; null samples them here."),
    gold: z
      .array(shorthand("type", goldSpecSchema, "One scorer."))
      .default([])
      .describe("Gold scorers of the responses; the first one leads the report."),
    judges: z
      .array(judgeSpecSchema.describe("One judge."))
      .default([])
      .describe(
        "Prompted judges that compare each arm's responses with the SFT baseline's and with the human arm's, in both orders.",
      ),
    ownBaselines: z
      .boolean()
      .default(true)
      .describe(
        "Also generate from the SFT start of each arm whose start is no arm, for GRA against the arm's own start; needs gold.",
      ),
    parity: z
      .strictObject({
        share: positive
          .max(10)
          .default(0.5)
          .describe("As a share of what human labels gain over the SFT baseline, measured on the same runs."),
        margin: positive
          .optional()
          .describe("As a fixed difference in the leading figure's unit, in place of the share."),
      })
      .prefault({})
      .describe(
        "What counts as equal to human labels, stated before the runs: with seeds, parity is a test that the difference is smaller than this.",
      ),
    nBootstrap: z.number().int().min(100).default(2000).describe("Resamples behind each interval."),
  })
  .superRefine(refuseGreedy)
  .superRefine(({ gold, judges }, context) => {
    const refuseTwice = (list: string, what: string, names: readonly string[]) => {
      for (const [i, name] of names.entries())
        if (names.indexOf(name) !== i)
          context.addIssue({
            code: "custom",
            path: [list, i],
            message: `a second ${what} is called "${name}". Give it a name.`,
          });
    };
    refuseTwice("gold", "gold scorer", gold.map(goldName));
    refuseTwice("judges", "judge", judges.map(judgeName));
  });
