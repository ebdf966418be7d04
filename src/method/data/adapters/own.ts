/** This project's own files: the unlabelled pool, and the labels it writes (`writers.ts`). */
import { type Adapter, RowProblem } from "./adapter.ts";
import { columnAt, contentAt, hasColumns, idAt, scoresAt } from "./columns.ts";
import { show } from "./texts.ts";
import { explicitPair, PAIR_USES } from "./trl.ts";

/** The columns that pools name their two responses by. */
const RESPONSES = [
  ["response_a", "response_b"],
  ["response_0", "response_1"],
  ["response_1", "response_2"],
  ["output_1", "output_2"],
] as const;

/** `{id, prompt, response_a, response_b}`, or the like under other usual names, or `{prompt, responses: [2]}`. Nobody judged these. */
export const pool: Adapter = {
  name: "pool",
  unlabelled: true,
  shape: "prompt, response_a, response_b (unlabelled)",
  matches: ({ value }) =>
    "prompt" in value && (RESPONSES.some((pair) => hasColumns(value, ...pair)) || lists(value).length > 0)
      ? "columns prompt and two responses, no preference (unlabelled pool)"
      : undefined,
  uses: (value) => ({
    prompt: "prompt",
    ...Object.fromEntries(columnsOf(value).map((column) => [column, "response"])),
    id: "id",
  }),
  parse: (value) => ({ ...idAt(value), ...responsesOf(value), preferred: "none" }),
};

/** What `writeLabels` wrote: TRL's columns with `label_source`, `chosen_index`, `margin`, … */
export const labels: Adapter = {
  name: "labels",
  asWritten: true,
  shape: "prompt, chosen, rejected, chosen_index, label_source",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "chosen", "rejected", "chosen_index", "label_source")
      ? "columns prompt, chosen, rejected, chosen_index, label_source (weak-teacher labels)"
      : undefined,
  uses: () => ({
    ...PAIR_USES,
    score_chosen: "score",
    score_rejected: "score",
    flags: "no preference where it says so",
  }),
  harmless: Object.fromEntries(
    ["chosen_index", "label_source", "margin", "p_chosen", "confidence", "weight"].map((column) => [
      column,
      "what the labeller said of the row",
    ]),
  ),
  parse: (value) => {
    const flags = columnAt(value, "flags");
    if (Array.isArray(flags) && (flags.includes("tie") || flags.includes("abstain")))
      throw new RowProblem(
        "flags",
        `are ${show(flags)}: a tie or an abstention is no preference`,
        "Leave the row out.",
      );
    const meta = scoresAt(value, "score_chosen", "score_rejected");
    return { ...idAt(value), ...explicitPair(value), preferred: "first", meta };
  },
};

/** The columns of the two responses. */
function columnsOf(value: Readonly<Record<string, unknown>>): readonly string[] {
  return RESPONSES.find((columns) => hasColumns(value, ...columns)) ?? lists(value).slice(0, 1);
}

function lists(value: Readonly<Record<string, unknown>>): string[] {
  return ["responses", "completions"].filter((column) => Array.isArray(value[column]));
}

function responsesOf(value: Readonly<Record<string, unknown>>) {
  const pair = RESPONSES.find((columns) => hasColumns(value, ...columns));
  if (pair !== undefined)
    return explicitPair(value, { prompt: "prompt", chosen: pair[0], rejected: pair[1] });
  const [list = "responses"] = lists(value);
  const responses = columnAt(value, list);
  if (!Array.isArray(responses) || responses.length !== 2)
    throw new RowProblem(
      list,
      `is ${show(responses)}, expected a list of two`,
      "Write one row for each pair to compare.",
    );
  const named = { prompt: contentAt(value, "prompt"), first: responses[0], second: responses[1] };
  return explicitPair(named, { prompt: "prompt", chosen: "first", rejected: "second" });
}
