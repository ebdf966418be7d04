/**
 * The `loss` of a recipe: one strict shape per type, so that an option without effect on the chosen type is an
 * error and not a silence. Defaults carry their source.
 */
import { z } from "zod";
import { ConfigError, show } from "../../base/core/errors.ts";
import { didYouMean } from "../../base/core/suggest.ts";

const positive = z.number().positive();
const notNegative = z.number().nonnegative();

const beta = positive
  .default(0.1) // DPO section 6, WDPO table 8 (HH-RLHF); CW-PO table 8 has 0.5
  .describe("Deviation penalty; larger keeps the policy closer to the reference.");
const flip = z
  .union([z.number().min(0).lt(0.5), z.literal("auto")])
  .default(0.1) // CW-PO section 4.1
  .describe(
    'Share of labels assumed flipped, in [0, 0.5); "auto" takes the teacher\'s estimated error rate.',
  );

/** Options that act on every type. */
const common = {
  weighted: z.boolean().default(false).describe("Multiply each pair's loss by the weight of its label."),
  normalise: z
    .enum(["pairs", "weights"])
    .default("pairs") // CW-PO eq. 7: plain batch mean
    .describe("Divide the batch's sum by its pairs (CW-PO) or, when weighted, by the sum of its weights."),
};
/** Adds an NLL term on the chosen response; not for ORPO, which has one. */
const sft = {
  sftCoefficient: notNegative
    .default(0)
    .describe("Weight of a supervised term: the chosen response's mean NLL per token."),
};

const specs = {
  sigmoid: { beta, ...sft, ...common },
  cdpo: { beta, flip, ...sft, ...common },
  rdpo: { beta, flip, ...sft, ...common },
  soft: { beta, ...sft, ...common },
  ipo: { beta, ...sft, ...common },
  "ipo-summed": { beta, ...sft, ...common },
  hinge: { beta, ...sft, ...common },
  "apo-zero": { beta, ...sft, ...common },
  slic: {
    delta: positive.default(1).describe("Margin asked for between the summed log-probabilities, nats."), // TRL's CPO hinge
    ...sft,
    ...common,
  },
  simpo: {
    beta: positive.default(2).describe("Scale of the reward, on nats per token."), // SimPO's code
    gamma: notNegative.default(0.5).describe("Reward margin asked for."), // TRL's simpo_gamma
    ...sft,
    ...common,
  },
  orpo: {
    lambda: positive.default(0.1).describe("Weight of the odds-ratio term."), // ORPO section 5
    ...common,
  },
  kto: {
    beta,
    lambdaDesirable: positive.default(1).describe("Weight of desirable (chosen) responses."), // KTO section 4
    lambdaUndesirable: positive.default(1).describe("Weight of undesirable (rejected) responses."),
    ...sft,
    ...common,
  },
  wspo: {
    gamma: positive.default(0.1).describe("The student moves 1/gamma times as far as the teacher did."), // WSPO's code
    ...sft,
    ...common,
  },
} as const;

/** Name of a preference loss. */
export type LossType = keyof typeof specs;

/** All loss types, in the order of the documentation. */
export const LOSS_TYPES = Object.keys(specs) as readonly LossType[];

function strict<T extends LossType, S extends z.core.$ZodShape>(type: T, shape: S) {
  const taken = Object.keys(shape);
  return z.strictObject(
    { type: z.literal(type), ...shape },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? issue.keys.map((key) => noEffect(type, key, taken)).join("\n")
          : undefined,
    },
  );
}

/** Why an option cannot stand with a type. */
function noEffect(type: LossType, option: string, taken: readonly string[]): string {
  if (type === "orpo" && option === "sftCoefficient")
    return `"sftCoefficient" cannot stand with type "orpo", which contains the supervised term; set lambda.`;
  const users = LOSS_TYPES.filter((other) => option in specs[other]);
  return users.length === 0
    ? `unknown option "${option}"${didYouMean(option, taken)}; type "${type}" takes ${taken.join(", ")}.`
    : `"${option}" has no effect on type "${type}", it belongs to ${users.join(", ")}; "${type}" takes ${taken.join(", ")}.`;
}

/** Schema of a recipe's `loss`; gives a spec with all defaults filled in. */
export const lossSchema = z
  .discriminatedUnion(
    "type",
    [
      strict("sigmoid", specs.sigmoid),
      strict("cdpo", specs.cdpo),
      strict("rdpo", specs.rdpo),
      strict("soft", specs.soft),
      strict("ipo", specs.ipo),
      strict("ipo-summed", specs["ipo-summed"]),
      strict("hinge", specs.hinge),
      strict("apo-zero", specs["apo-zero"]),
      strict("slic", specs.slic),
      strict("simpo", specs.simpo),
      strict("orpo", specs.orpo),
      strict("kto", specs.kto),
      strict("wspo", specs.wspo),
    ],
    { error: (issue) => (issue.code === "invalid_union" ? unknownType(issue.input) : undefined) },
  )
  .refine((spec) => spec.weighted || spec.normalise === "pairs", {
    path: ["normalise"],
    error: 'normalise: "weights" has no effect without weighted: true.',
  });

function unknownType(input: unknown): string {
  const type = (input as { type?: unknown } | null | undefined)?.type;
  const hint = typeof type === "string" ? didYouMean(type, LOSS_TYPES) : "";
  return `type must be one of ${LOSS_TYPES.join(", ")}, got ${type === undefined ? "nothing" : show(type)}${hint}.`;
}

/** A loss as the recipe gives it, defaults filled in; `flip` may still be "auto". */
export type LossSpec = z.output<typeof lossSchema>;

/** What a recipe may write. */
export type LossSpecInput = z.input<typeof lossSchema>;

/** A loss whose numbers are all known. */
export type ResolvedLossSpec = {
  [T in LossType]: Omit<Extract<LossSpec, { type: T }>, "flip"> &
    (T extends "cdpo" | "rdpo" ? { readonly flip: number } : unknown);
}[LossType];

/**
 * Checks the `loss` of a recipe.
 * @param where - what stands in front of each message, such as "student.loss"
 * @throws ConfigError with every issue, naming type and option
 */
export function parseLossSpec(value: unknown, where = "loss"): LossSpec {
  const result = lossSchema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.flatMap((issue) => messages(issue, where)));
}

/** One line per problem; zod's own messages lack the value that was given. */
function messages(issue: z.core.$ZodIssue, where: string): string[] {
  const at = [where, ...issue.path].join(".");
  const given = `, got ${issue.input === undefined ? "nothing" : show(issue.input)}.`;
  const ours = issue.message.endsWith(".");
  return issue.message.split("\n").map((line) => `${at}: ${line}${ours ? "" : given}`);
}

/**
 * Fills in `flip: auto`.
 * @param errorRate - the teacher's estimated error rate on held-out labels, in [0, 0.5)
 * @throws ConfigError when it is needed and missing, or so high that labels carry no information
 */
export function resolveFlip(spec: LossSpec, errorRate?: number, where = "loss"): ResolvedLossSpec {
  if (!("flip" in spec) || spec.flip !== "auto") return spec as ResolvedLossSpec;
  if (errorRate === undefined)
    throw new ConfigError(
      `${where}.flip: auto needs a teacher calibrated on held-out labelled pairs. Set a number.`,
    );
  if (!(errorRate >= 0 && errorRate < 0.5))
    throw new ConfigError(
      `${where}.flip: the teacher's error rate must be in [0, 0.5), got ${errorRate}. Its labels are no better than chance.`,
    );
  return { ...spec, flip: errorRate };
}
