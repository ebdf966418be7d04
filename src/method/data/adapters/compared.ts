/** Data sets that name two responses and which one was better: PKU-SafeRLHF, SHP, AlpacaEval's annotations. */
import { type Adapter, RowProblem } from "./adapter.ts";
import { binaryAt, hasColumns, numberAt, scoresAt, subsetAt, textAt } from "./columns.ts";
import { show } from "./texts.ts";

/** `{prompt, response_0, response_1, better_response_id}` (Ji et al. 2023, https://arxiv.org/abs/2307.04657): helpfulness, not `safer_response_id`. */
export const pkuSafeRlhf: Adapter = {
  name: "pku-saferlhf",
  shape: "prompt, response_0, response_1, better_response_id",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "response_0", "response_1", "better_response_id")
      ? "columns prompt, response_0, response_1, better_response_id (PKU-SafeRLHF)"
      : undefined,
  uses: () => ({
    prompt: "prompt",
    response_0: "first response",
    response_1: "second response",
    better_response_id: "which is preferred",
  }),
  harmless: { safer_response_id: "another question than which is more helpful" },
  parse: (value) => ({
    prompt: textAt(value, "prompt"),
    promptIs: "turns",
    first: textAt(value, "response_0"),
    second: textAt(value, "response_1"),
    preferred: binaryAt(value, "better_response_id") === 0 ? "first" : "second",
  }),
};

/** `{history, human_ref_A, human_ref_B, labels}`: 1 means A (Ethayarajh et al. 2022, https://arxiv.org/abs/2110.08420). Comments on one post form a group. */
export const shp: Adapter = {
  name: "shp",
  shape: "history, human_ref_A, human_ref_B, labels",
  matches: ({ value }) =>
    hasColumns(value, "history", "human_ref_A", "human_ref_B", "labels")
      ? "columns history, human_ref_A, human_ref_B, labels (SHP)"
      : undefined,
  uses: () => ({
    history: "prompt",
    human_ref_A: "first response",
    human_ref_B: "second response",
    labels: "which is preferred",
    domain: "part of the data",
    score_A: "score",
    score_B: "score",
    post_id: "group",
  }),
  parse: (value) => ({
    prompt: textAt(value, "history"),
    first: textAt(value, "human_ref_A"),
    second: textAt(value, "human_ref_B"),
    preferred: binaryAt(value, "labels") === 1 ? "first" : "second",
    meta: { ...subsetAt(value, "domain"), ...scoresAt(value, "score_A", "score_B") },
    ...(typeof value.post_id === "string" ? { groupKeys: [`post ${value.post_id}`] } : {}),
  }),
};

/**
 * `{instruction, output_1, output_2, preference}`: 1 means output_1, 2 output_2, 1.5 (0 in old files) a tie, and what lies
 * between counts for the nearer side (https://github.com/tatsu-lab/alpaca_eval). A missing preference means that the annotator failed.
 */
export const alpacaEval: Adapter = {
  name: "alpaca-eval",
  shape: "instruction, output_1, output_2, preference (1 to 2)",
  matches: ({ value }) =>
    hasColumns(value, "instruction", "output_1", "output_2", "preference")
      ? "columns instruction, output_1, output_2, preference (AlpacaEval annotations)"
      : undefined,
  uses: () => ({
    instruction: "prompt",
    output_1: "first response",
    output_2: "second response",
    preference: "which is preferred",
    dataset: "part of the data",
  }),
  parse: (value) => {
    const preference = numberAt(value, "preference");
    if (preference !== 0 && (preference < 1 || preference > 2))
      throw new RowProblem("preference", `is ${show(preference)}, expected 1 to 2`, "Leave the row out.");
    return {
      prompt: textAt(value, "instruction"),
      promptIs: "turns",
      first: textAt(value, "output_1"),
      second: textAt(value, "output_2"),
      preferred: preference === 0 || preference === 1.5 ? "tie" : preference < 1.5 ? "first" : "second",
      meta: subsetAt(value, "dataset"),
    };
  },
};
