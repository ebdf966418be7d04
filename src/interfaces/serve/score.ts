/** `POST /v1/score`: pairs in, this teacher's scores out: the very numbers that `weak-teacher label` works with. */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { type EncodedPair, encodePair, type TokenLimits } from "../../engine/text/pair.ts";
import type { RowScore } from "../../method/objective/score.ts";
import { scoreCandidates } from "../../method/teacher/encode.ts";
import { type CandidateLogps, implicitRewards, plainScores } from "../../method/teacher/logratio.ts";
import { type PairScore, type TeacherManifest, teacherDigest } from "../../method/teacher/teacher.ts";
import { modelFacts } from "../../method/teacher/teacher-model.ts";
import { checked } from "./body.ts";
import type { Serving } from "./completions.ts";
import { modelNamed, type ServedModel } from "./models.ts";
import { Problem, wrongField } from "./problem.ts";
import { checkLength } from "./sampling-request.ts";
import { refuseEffects } from "./tolerance.ts";

const message = z.looseObject({ role: z.string(), content: z.string() });
const text = z.union([z.string(), z.array(message).max(1000)], {
  error: "expected text, or a list of messages.",
});
/** Largest factor on implicit rewards: papers use 0.01 to 10, and beyond this scores leave the range of numbers. */
export const MAX_BETA = 1e6;

const KINDS = ["implicit-reward", "likelihood", "reward-head"] as const;

const schema = z.object({
  model: z.string().nullish(),
  kind: z.enum(KINDS).nullish(),
  beta: z.number().gt(0).max(MAX_BETA).nullish(),
  pairs: z.array(z.strictObject({ id: z.string().optional(), prompt: text, a: text, b: text })).min(1),
});

/** How pairs are scored unless a request says otherwise. */
export type ScoreSettings = { readonly beta: number; readonly limits: TokenLimits };

/** Answers with scores of pairs. @throws Problem 400 or 404 for a request that is wrong */
export async function score(
  { engine, models, limits }: Serving,
  settings: ScoreSettings,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<object> {
  refuseEffects(body);
  const { pairs, ...request } = checked(schema, body);
  if (pairs.length > limits.maxItems)
    throw wrongField("pairs", `expected at most ${limits.maxItems} pairs, got ${pairs.length}.`);
  const model = modelNamed(models, request.model);
  const kind = kindOf(model, request.kind ?? undefined);
  if (request.beta != null && kind !== "implicit-reward")
    throw wrongField("beta", `has no effect on a ${kind}, expected it to be left out.`);
  pairs.forEach((pair, i) => {
    checkLength(model, JSON.stringify(pair).length, `pairs.${i}`);
  });
  const manifest = manifestOf(model, kind, settings, request.beta ?? settings.beta);
  const encoded = pairs.map((pair, i) => encodedOr(model, pair, settings.limits, `pairs.${i}`));
  const ids = pairs.map(({ id }, i) => id ?? String(i));
  const numbers = (
    of: ServedModel,
    pick: (row: RowScore) => readonly number[],
  ): Promise<[number, number][]> => scoreCandidates(engine.scorer(of, signal), encoded, pick);
  const scores = await scoresOf(ids, encoded, model, manifest, numbers);
  const prompt_tokens = scores.reduce((total, { tokens }) => total + tokens, 0);
  return {
    id: `score-${crypto.randomUUID()}`,
    object: "list",
    model: model.name,
    kind,
    teacher: teacherDigest(manifest),
    manifest,
    data: scores.map(rowOf),
    usage: { prompt_tokens, total_tokens: prompt_tokens },
  };
}

type Pair = z.output<typeof schema>["pairs"][number];

/** A pair's ids; one that the template refuses is named. @throws Problem 400 */
function encodedOr({ tokenizer }: ServedModel, pair: Pair, limits: TokenLimits, field: string): EncodedPair {
  try {
    return encodePair(tokenizer, pair, limits);
  } catch (error) {
    throw error instanceof ConfigError ? wrongField(field, error.message) : error;
  }
}

type Kind = (typeof KINDS)[number];

/** The kind asked for, or the most that the model can. */
function kindOf({ model, name, reference }: ServedModel, asked: Kind | undefined): Kind {
  if (model.task === "reward") {
    if (asked === undefined || asked === "reward-head") return "reward-head";
    throw wrongField("kind", `${name} is a reward model, expected reward-head, got ${asked}.`);
  }
  const kind = asked ?? (reference === undefined ? "likelihood" : "implicit-reward");
  if (kind === "reward-head")
    throw wrongField(
      "kind",
      `${name} has no reward head, expected implicit-reward or likelihood, got ${kind}.`,
    );
  if (kind === "implicit-reward" && reference === undefined)
    throw new Problem(
      400,
      `kind: ${name} has no reference here, expected likelihood, got ${kind}. Serve it with --reference or as --lora on its base.`,
      {
        param: "kind",
      },
    );
  return kind;
}

function manifestOf(
  model: ServedModel,
  kind: Kind,
  { limits }: ScoreSettings,
  beta: number,
): TeacherManifest {
  const manifest: TeacherManifest = modelFacts(kind, model, limits);
  return kind === "implicit-reward" ? { ...manifest, reference: model.reference!.digest, beta } : manifest;
}

async function scoresOf(
  ids: readonly string[],
  encoded: readonly EncodedPair[],
  model: ServedModel,
  { kind, beta }: TeacherManifest,
  numbers: (of: ServedModel, pick: (row: RowScore) => readonly number[]) => Promise<CandidateLogps[]>,
): Promise<PairScore[]> {
  if (kind === "reward-head") return plainScores(ids, encoded, await numbers(model, (row) => row.rewards!));
  const policy = await numbers(model, (row) => row.logps);
  if (kind === "likelihood")
    return plainScores(ids, encoded, policy).map((row, i) => ({ ...row, parts: { policy: policy[i]! } }));
  const reference = await numbers(model.reference!, (row) => row.logps);
  return implicitRewards(ids, encoded, { policy, reference, beta: beta! });
}

function rowOf(
  { id, scoreA, scoreB, lengthA, lengthB, tokens, flags, parts }: PairScore,
  index: number,
): object {
  return {
    index,
    id,
    score_a: scoreA,
    score_b: scoreB,
    margin: scoreA - scoreB,
    length_a: lengthA,
    length_b: lengthB,
    tokens,
    flags,
    parts,
  };
}
