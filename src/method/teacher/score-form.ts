/** Ways to read stored scores. None of them scores anything again. */
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { choice } from "../../base/settings/parts.ts";
import { fitLengthPenalty } from "../../base/stats/length-penalty.ts";
import { isBlocked, type PairScore } from "./teacher.ts";

/**
 * What is made of raw scores before they are compared.
 *
 * | form | score of a candidate |
 * | --- | --- |
 * | `sum` | as the teacher gave it; for an implicit reward, summed over tokens |
 * | `mean` | divided by the candidate's length |
 * | `length-corrected` | r - α · length (DICE, arXiv 2406.09760); α fitted on the pool unless given |
 * | `policy-sum`, `policy-mean` | log π of the policy alone, CW-PO's baseline, out of an implicit-reward teacher's parts; for studies, no setting |
 */
export type ScoreForm = z.output<typeof scoreSchema> | { readonly form: "policy-sum" | "policy-mean" };

/** What of a teacher's scores is compared, as a setting. */
export const scoreSchema = choice(
  "form",
  "sum",
  z.discriminatedUnion("form", [
    z.strictObject({ form: z.literal("sum") }),
    z.strictObject({ form: z.literal("mean") }),
    z.strictObject({
      form: z.literal("length-corrected"),
      alpha: z
        .number()
        .optional()
        .describe("Reward taken off per token; default fitted so that length tells nothing."),
    }),
  ]),
  "What is compared: the sum over tokens, the mean per token, or the sum corrected for length (DICE).",
);

/** A form with nothing left to fit. */
export const fittedFormSchema = z.discriminatedUnion("form", [
  z.object({ form: z.enum(["sum", "mean", "policy-sum", "policy-mean"]) }),
  z.object({ form: z.literal("length-corrected"), alpha: z.number() }),
]);

/** The same as a value. */
export type FittedForm = Readonly<z.output<typeof fittedFormSchema>>;

/** The two scores of a pair in a form. @throws DataError when the pair has no `policy` part and the form reads it */
export function formScores(score: PairScore, form: FittedForm): { scoreA: number; scoreB: number } {
  const { scoreA, scoreB, lengthA, lengthB } = score;
  switch (form.form) {
    case "sum":
      return { scoreA, scoreB };
    case "mean":
      return { scoreA: perUnit(scoreA, lengthA), scoreB: perUnit(scoreB, lengthB) };
    case "length-corrected":
      return { scoreA: scoreA - form.alpha * lengthA, scoreB: scoreB - form.alpha * lengthB };
    case "policy-sum": {
      const [a, b] = policyOf(score);
      return { scoreA: a, scoreB: b };
    }
    case "policy-mean": {
      const [a, b] = policyOf(score);
      return { scoreA: perUnit(a, lengthA), scoreB: perUnit(b, lengthB) };
    }
    default:
      return form satisfies never;
  }
}

/**
 * Fits what a form leaves open: α, so that the mean length gap of preferred and other is about zero over the pairs that can have
 * a label.
 */
export async function fitForm(
  form: ScoreForm,
  scores: Iterable<PairScore> | AsyncIterable<PairScore>,
): Promise<FittedForm> {
  if (form.form !== "length-corrected") return form;
  if (form.alpha !== undefined) return { form: form.form, alpha: form.alpha };
  const margins: number[] = [];
  const gaps: number[] = [];
  for await (const { scoreA, scoreB, lengthA, lengthB, flags } of scores) {
    if (isBlocked(flags) || !Number.isFinite(scoreA - scoreB)) continue;
    margins.push(scoreA - scoreB);
    gaps.push(lengthA - lengthB);
  }
  return { form: form.form, alpha: fitLengthPenalty(margins, gaps).alpha };
}

/** An empty candidate has no mean; its pair is flagged and gets no label. */
const perUnit = (score: number, length: number) => (length === 0 ? 0 : score / length);

function policyOf({ id, parts }: PairScore): readonly [number, number] {
  const policy = parts?.policy;
  if (policy === undefined)
    throw new DataError(
      "scores",
      0,
      `pair "${id}" has no log-probabilities of a policy, expected an implicit-reward or likelihood teacher.`,
    );
  return policy;
}
