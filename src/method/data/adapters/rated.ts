/**
 * Pairs that carry the ratings they were made from: UltraFeedback-binarized, distilabel, RewardBench. Equal ratings
 * are ties: the order of such a pair says nothing (argilla-io/notus#7; distilabel#264).
 */
import type { Adapter, ParsedPair } from "./adapter.ts";
import { hasColumns, idAt, scoresAt, subsetAt } from "./columns.ts";
import { explicitPair, PAIR_USES } from "./trl.ts";

type Value = Readonly<Record<string, unknown>>;

/** `{prompt, prompt_id, chosen, rejected, score_chosen, score_rejected}`, chosen and rejected being whole conversations. */
export const ultraFeedback: Adapter = {
  name: "ultrafeedback",
  shape: "prompt, chosen, rejected, score_chosen, score_rejected",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "chosen", "rejected", "score_chosen", "score_rejected")
      ? "columns prompt, chosen, rejected, score_chosen, score_rejected (UltraFeedback-binarized)"
      : undefined,
  uses: () => ({ ...PAIR_USES, score_chosen: "score", score_rejected: "score" }),
  parse: (value) => rated(value, explicitPair(value), "score_chosen", "score_rejected"),
};

/** `{prompt or instruction, chosen, rejected, chosen_rating, rejected_rating}`. */
export const distilabel: Adapter = {
  name: "distilabel",
  shape: "prompt or instruction, chosen, rejected, chosen_rating, rejected_rating",
  matches: ({ value }) =>
    hasColumns(value, "chosen", "rejected", "chosen_rating", "rejected_rating") &&
    ("prompt" in value || "instruction" in value)
      ? "columns chosen, rejected, chosen_rating, rejected_rating (distilabel)"
      : undefined,
  uses: (value) => ({
    ["prompt" in value ? "prompt" : "instruction"]: "prompt",
    chosen: "preferred response",
    rejected: "other response",
    chosen_rating: "score",
    rejected_rating: "score",
    id: "id",
    subset: "part of the data",
  }),
  parse: (value) => {
    const prompt = "prompt" in value ? "prompt" : "instruction";
    return rated(
      value,
      explicitPair(value, { prompt, chosen: "chosen", rejected: "rejected" }),
      "chosen_rating",
      "rejected_rating",
    );
  },
};

/** `{prompt, chosen, chosen_model, rejected, rejected_model, subset, id}`. */
export const rewardBench: Adapter = {
  name: "rewardbench",
  shape: "prompt, chosen, chosen_model, rejected, rejected_model, subset",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "chosen", "rejected", "chosen_model", "rejected_model", "subset")
      ? "columns prompt, chosen, chosen_model, rejected, rejected_model, subset (RewardBench)"
      : undefined,
  uses: () => PAIR_USES,
  parse: (value) => ({ ...idAt(value), ...explicitPair(value), preferred: "first", meta: subsetAt(value) }),
};

function rated(
  value: Value,
  pair: Pick<ParsedPair, "prompt" | "first" | "second" | "promptIs" | "tookOff">,
  chosen: string,
  rejected: string,
): ParsedPair {
  const scores = scoresAt(value, chosen, rejected);
  const tie = scores.scoreFirst !== undefined && scores.scoreFirst === scores.scoreSecond;
  return {
    ...idAt(value),
    ...pair,
    preferred: tie ? "tie" : "first",
    meta: { ...subsetAt(value), ...scores },
  };
}
