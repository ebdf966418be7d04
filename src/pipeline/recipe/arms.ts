/** Section `arms` of a recipe: the students that are compared, each with the rows it learns from and how it is trained. */
import { z } from "zod";
import { count, isObject, layOver, type PartMeta, shorthand } from "../../base/settings/parts.ts";
import { weightSchema } from "../../method/labels/confidence.ts";
import { selectSchema } from "../../method/labels/selection.ts";
import { preferSchema } from "./training.ts";

/** Whose labels a student can learn from. */
export const ARM_LABELS = ["weak", "human", "random", "gold"] as const;

/** Which labels an arm turns round. */
export const FLIPS = ["random", "close", "unsure"] as const;

type Overlay = PartMeta & { description: string };

const rowsShape = {
  data: z
    .enum(["pool", "labelled", "both"])
    .default("pool")
    .describe(
      "Pairs it learns from: the unlabelled pool, the labelled pairs that the teacher learns from (all of them where it learns from none; their labels are people's), or both.",
    ),
  subset: z
    .enum(["all", "match", "mismatch"])
    .default("all")
    .describe(
      "Only pairs whose weak label (with flip: the arm's own) is the person's, or is not. Looks at hidden labels on purpose: for studies.",
    ),
  select: selectSchema
    .optional()
    .describe(
      "Which of the teacher's labels are used in this arm, instead of label.select; with other labels, the pairs it keeps.",
    ),
  weight: weightSchema.optional().describe("Weight of a pair in this arm, instead of label.weight."),
  weightsFrom: z
    .enum(["weak"])
    .optional()
    .describe("The teacher's weights on these labels, and only the pairs that the teacher decided."),
  flip: z
    .union([z.number().gt(0).max(1), z.literal("teacher")])
    .optional()
    .describe(
      "Share of the labels turned round; teacher takes as many as its own disagreements with these labels (on its own labels: with people).",
    ),
  flipWhich: z
    .enum(FLIPS)
    .default("random")
    .describe(
      "Which labels flip turns round: drawn at random, those of the pairs whose gold scores are closest (close), or those of the pairs that the teacher is least sure of (unsure).",
    ),
  size: z
    .union([count, z.literal("labelled")])
    .optional()
    .describe(
      "Only so many pairs, drawn at random; labelled takes as many as the teacher learns from, or all where these are fewer.",
    ),
};

const armObject = z.strictObject({
  labels: z.enum(ARM_LABELS).describe("Whose labels the student learns from."),
  training: z
    .enum(["prefer", "sft", "none"])
    .default("prefer")
    .describe(
      "sft stops after supervised fine-tuning on the preferred responses; none measures the base as it is.",
    ),
  name: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "expected lower-case words with dashes")
    .optional()
    .describe("Name in tables and folders; default whose labels."),
  ...rowsShape,
  sft: z
    .enum(["own", "none", ...ARM_LABELS])
    .default("own")
    .describe(
      "Fine-tuning first on the arm's own preferred responses, on none, or on those that another source prefers in the pool: one start for several arms.",
    ),
  prefer: layOver(
    z
      .record(z.string(), z.unknown())
      .optional()
      .meta({
        description: "Settings of student.prefer that differ in this arm.",
        overlay: "prefer",
      } satisfies Overlay),
    preferSchema,
  ),
});

/** One entry of `arms`. */
export const armSchema = z.preprocess(namedArm, shorthand("labels", armObject, "One student.")).meta({
  description:
    "One student; the string sft is weak labels without preference training, base the student as it comes.",
  shorthand: "labels",
});

/** `sft` and `base` in place of labels: the student before preference training, and before any. */
function namedArm(value: unknown): unknown {
  const arm = value === "sft" || value === "base" ? { labels: value } : value;
  if (!isObject(arm)) return arm;
  if (arm.labels === "sft") return { name: "sft", ...arm, labels: "weak", training: "sft" };
  return arm.labels === "base" ? { name: "base", ...arm, labels: "weak", training: "none" } : arm;
}

/** An arm as it is written, its preference settings not yet laid over the student's. */
export type ParsedArm = z.output<typeof armObject>;

type Prefer = z.output<typeof preferSchema>;

/** One student with its settings. */
export type Arm = Omit<ParsedArm, "name" | "prefer"> & {
  readonly name: string;
  /** Undefined where the student section's hold. */
  readonly prefer: Prefer | undefined;
};

/**
 * Settings of an arm that would have no effect, or that contradict each other, and a loss that its labels cannot feed.
 * @param loss - the arm's own, with the student's settings under it
 */
export function armIssues(arm: ParsedArm, loss: Prefer["loss"]): { key: string; problem: string }[] {
  const issues: { key: string; problem: string }[] = [];
  const none = (keys: readonly string[], why: string) => {
    for (const key of keys.filter((name) => isSet(arm, name)))
      issues.push({ key, problem: `has no effect ${why}. Remove one of them.` });
  };
  const { training, labels, data, flip, sft } = arm;
  if (flip === undefined) none(["flipWhich"], "without flip");
  const weighted = loss.weighted === true;
  if (training === "none") none([...Object.keys(rowsShape), "sft", "prefer"], "with training: none");
  else if (training === "sft") none(["prefer", "sft", "weight", "weightsFrom"], "with training: sft");
  else if (!weighted) none(["weight", "weightsFrom"], "without a loss that is weighted");
  if (data === "labelled") {
    if (labels !== "human")
      issues.push({
        key: "labels",
        problem: `the labelled part has people's labels, expected human, got ${labels}.`,
      });
    none(["subset", "select", "weightsFrom", "flipWhich"], "with data: labelled, which no teacher labels");
    if (flip === "teacher") none(["flip"], "with data: labelled, which no teacher labels");
    if (arm.size === "labelled") none(["size"], "with data: labelled");
  }
  if (labels === "weak") none(["weightsFrom"], "with labels: weak, which have their weights");
  else if (arm.weightsFrom === undefined) none(["weight"], "on labels that have none (see weights_from)");
  if (labels === "random") none(["flip"], "on random labels");
  if (training === "prefer" && sft === labels && data === "pool" && !leavesOut(arm))
    none(["sft"], `with labels: ${labels}, unless pairs are left out`);
  if (training === "prefer") issues.push(...lossIssues(arm, loss));
  return issues;
}

/** Only the teacher's labels have weights and probabilities; people's of the labelled part count as certain. */
function lossIssues({ labels, data, weightsFrom }: ParsedArm, loss: Prefer["loss"]) {
  if (labels === "weak" || data === "labelled") return [];
  const issues: { key: string; problem: string }[] = [];
  const has = `labels: ${labels} have none`;
  if (loss.weighted === true && weightsFrom === undefined)
    issues.push({
      key: "prefer",
      problem: `the loss is weighted and ${has}. Give this arm prefer: { loss: { weighted: false } }, or weights_from: weak.`,
    });
  if (loss.type === "soft")
    issues.push({
      key: "prefer",
      problem: `the soft loss reads probabilities and ${has}. Give this arm another, such as prefer: { loss: { type: sigmoid } }.`,
    });
  return issues;
}

const leavesOut = ({ subset, select, flip, size, weightsFrom }: ParsedArm) =>
  subset !== "all" || [select, flip, size, weightsFrom].some((setting) => setting !== undefined);

function isSet(arm: ParsedArm, key: string): boolean {
  const value = (arm as Record<string, unknown>)[key];
  const standard: Record<string, unknown> = {
    data: "pool",
    subset: "all",
    sft: "own",
    flipWhich: "random",
  };
  return value !== undefined && value !== standard[key];
}
