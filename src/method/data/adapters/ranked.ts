/**
 * Several rated or ranked responses to one prompt: UltraFeedback as its makers published it, Nectar, HelpSteer. The rule for all of them: every two
 * responses make a pair, as InstructGPT's reward model was trained (arXiv 2203.02155, section 3.5); the better rated is preferred, equally
 * rated ones are a tie. Pairs of one row share its prompt, and so stay in one part of every split.
 */
import { isEmptyValue, isRecord } from "../../../base/files/record.ts";
import type { Text } from "../rows.ts";
import { type Adapter, type Parsed, type ParsedPair, RowProblem } from "./adapter.ts";
import { columnAt, contentAt, hasColumns, idAt, numberAt, textAt } from "./columns.ts";
import { answersTo } from "./instruct.ts";

type Value = Readonly<Record<string, unknown>>;

/** A response and how good it is: higher is better. */
export type RatedResponse = { readonly text: Text; readonly rating: number };

/** Every two of the responses as a pair, in the order of the data. */
export function ratedPairs(
  base: Pick<ParsedPair, "id" | "prompt" | "promptIs" | "meta">,
  responses: readonly RatedResponse[],
): Parsed {
  if (responses.length < 2) return { leaveOut: "only one response to its prompt" };
  return responses.flatMap((first, i) =>
    responses.slice(i + 1).map((second): ParsedPair => {
      const gap = first.rating - second.rating;
      return {
        ...base,
        first: first.text,
        second: second.text,
        preferred: gap > 0 ? "first" : gap < 0 ? "second" : "tie",
        meta: { ...base.meta, scoreFirst: first.rating, scoreSecond: second.rating },
      };
    }),
  );
}

/** The objects of a list. @throws RowProblem when it is none */
function objectsAt(value: Value, column: string): Record<string, unknown>[] {
  const list = columnAt(value, column);
  if (Array.isArray(list) && list.every(isRecord)) return list;
  throw new RowProblem(column, "is no list of responses", "Give one object for each response.");
}

const OTHER_RATING = "another rating of the same responses";

/**
 * `{instruction, completions: [{response, fine-grained_score | annotations | overall_score}]}` (Cui et al. 2023, arXiv 2310.01377).
 * Rated by the mean over aspects: `fine-grained_score`, or the mean of the annotations' ratings; `overall_score` only where neither is
 * there, for many of its values contradict their own critiques (argilla/ultrafeedback-binarized-preferences tells how).
 */
export const ultraFeedbackFull: Adapter = {
  name: "ultrafeedback-full",
  shape: "instruction, completions[]{response, fine-grained_score, annotations or overall_score}",
  matches: ({ value }) =>
    hasColumns(value, "instruction", "completions") &&
    Array.isArray(value.completions) &&
    value.completions.every((one) => isRecord(one) && "response" in one)
      ? "columns instruction, completions[]{response, …} (UltraFeedback; every two completions make a pair, equally rated ones a tie)"
      : undefined,
  uses: (value) => {
    const rating = ratingColumn(Array.isArray(value.completions) ? value.completions : []);
    return {
      instruction: "prompt",
      "completions.response": "responses",
      [`completions.${rating}`]: "ratings: every two responses make a pair",
      id: "id",
    };
  },
  harmless: {
    "completions.annotations": OTHER_RATING,
    "completions.fine-grained_score": OTHER_RATING,
    "completions.overall_score": OTHER_RATING,
    "completions.critique": "a judgement in words",
    "completions.custom_system_prompt": "steered the sampling; ratings are of the answer to the instruction",
    "completions.principle": "steered the sampling; ratings are of the answer to the instruction",
    correct_answers: "about the question, for the annotator",
    incorrect_answers: "about the question, for the annotator",
  },
  parse: (value) => {
    const completions = objectsAt(value, "completions");
    const rating = ratingColumn(completions);
    return ratedPairs(
      { ...idAt(value), prompt: textAt(value, "instruction"), promptIs: "turns" },
      completions.map((one) => ({
        text: textAt(one, "response"),
        rating: rating === "annotations" ? meanRating(one.annotations) : numberAt(one, rating),
      })),
    );
  },
};

/** The rating that all completions of a row have: two kinds of rating do not compare. */
function ratingColumn(completions: readonly unknown[]): string {
  const all = (column: string) =>
    completions.length > 0 && completions.every((one) => isRecord(one) && !isEmptyValue(one[column]));
  return ["fine-grained_score", "annotations", "overall_score"].find(all) ?? "overall_score";
}

/** Mean of the aspects' ratings (1 to 5); aspects that were not applicable are left out. */
function meanRating(annotations: unknown): number {
  const aspects = isRecord(annotations) ? Object.values(annotations) : [];
  const ratings = aspects
    .flatMap((aspect) => (Array.isArray(aspect) ? aspect : [aspect]))
    .map((aspect) => Number(isRecord(aspect) ? (aspect.Rating ?? aspect.rating) : Number.NaN))
    .filter(Number.isFinite);
  if (ratings.length === 0)
    throw new RowProblem(
      "completions.annotations",
      "hold no rating",
      "Correct the ratings, or leave the row out.",
    );
  return ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length;
}

/** `{prompt, answers: [{answer, rank}]}`, rank 1 being the best (Nectar, as Starling's reward model was trained on). */
export const rankedAnswers: Adapter = {
  name: "ranked-answers",
  shape: "prompt, answers[]{answer, rank} (Nectar)",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "answers") &&
    Array.isArray(value.answers) &&
    value.answers.every((one) => isRecord(one) && "answer" in one && "rank" in one)
      ? "columns prompt, answers[]{answer, rank} (ranking; every two answers make a pair, equal ranks a tie)"
      : undefined,
  uses: () => ({
    prompt: "prompt",
    "answers.answer": "responses",
    "answers.rank": "ranks: every two answers make a pair, the lower rank is preferred",
    id: "id",
  }),
  parse: (value) =>
    ratedPairs(
      { ...idAt(value), prompt: contentAt(value, "prompt"), promptIs: "turns" },
      objectsAt(value, "answers").map((one) => ({
        text: textAt(one, "answer"),
        rating: -numberAt(one, "rank"),
      })),
    ),
};

const STRENGTHS = ["overall_preference", "preference_strength"] as const;
const SIDES = [
  ["response1", "response2"],
  ["response_1", "response_2"],
] as const;

/** `{context or prompt, response1, response2, overall_preference}`: below 0 the first is better, 0 about the same, above 0 the second (HelpSteer2-Preference, HelpSteer3). */
export const preferenceStrength: Adapter = {
  name: "preference-strength",
  shape: "context or prompt, response1, response2, overall_preference or preference_strength (HelpSteer)",
  matches: ({ value }) =>
    STRENGTHS.some((column) => column in value) &&
    SIDES.some((pair) => hasColumns(value, ...pair)) &&
    ("context" in value || "prompt" in value)
      ? "two responses and a strength below 0 for the first, above 0 for the second, 0 for a tie (HelpSteer)"
      : undefined,
  uses: (value) => {
    const { asked, strength, sides } = strengthColumns(value);
    return {
      [asked]: "prompt",
      [sides[0]]: "first response",
      [sides[1]]: "second response",
      [strength]: "which is preferred: below 0 the first, above 0 the second",
      domain: "part of the data",
      id: "id",
    };
  },
  harmless: {
    individual_preference: "single annotators; the overall preference is used",
    preference_statement: "a judgement in words",
    preference_elaboration: "a judgement in words",
    three_most_similar_preferences: "single annotators; the strength is used",
    all_preferences_unprocessed: "single annotators; the strength is used",
  },
  parse: (value) => {
    const { asked, strength, sides } = strengthColumns(value);
    const preference = numberAt(value, strength);
    return {
      ...idAt(value),
      ...answersTo(value, asked, sides),
      preferred: preference < 0 ? "first" : preference > 0 ? "second" : "tie",
      ...(typeof value.domain === "string" && value.domain !== "" ? { meta: { subset: value.domain } } : {}),
    };
  },
};

function strengthColumns(value: Value) {
  return {
    asked: "context" in value ? "context" : "prompt",
    strength: STRENGTHS.find((column) => column in value) ?? STRENGTHS[0],
    sides: SIDES.find((pair) => hasColumns(value, ...pair)) ?? SIDES[0],
  };
}
