/** Published sets whose label says which response is better: PandaLM's and Auto-J's test sets, LLMBar, Prometheus' pairs. */
import { listed } from "../../../base/core/errors.ts";
import type { Adapter } from "./adapter.ts";
import { formatColumnMap } from "./column-map.ts";
import { hasColumns, idAt } from "./columns.ts";
import type { Values } from "./verdicts.ts";
import { type WhichColumns, whichPair, whichUses } from "./which.ts";

/**
 * PandaLM's test set (Wang et al. 2023, https://arxiv.org/abs/2306.05087): `{instruction, input, response1, response2, annotator1, …}`; 1 and 2
 * name the better response, 0 is a tie. An input that is not empty belongs to the prompt.
 */
export const pandaLm: Adapter = {
  name: "pandalm",
  shape: "instruction, input, response1, response2, annotator1, … (1, 2, 0 a tie)",
  matches: ({ value }) =>
    hasColumns(value, "instruction", "input", "response1", "response2", "annotator1")
      ? "columns instruction, input, response1, response2 and annotators (PandaLM: 1, 2, or 0 for a tie)"
      : undefined,
  uses: (value) => whichUses(pandaColumns(value), value),
  parse: (value) => whichPair(value, pandaColumns(value)),
};

const pandaColumns = (value: Readonly<Record<string, unknown>>): WhichColumns => ({
  prompt: ["instruction", "input"],
  a: "response1",
  b: "response2",
  label: Object.keys(value).filter((column) => /^annotator\d+$/.test(column)),
  values: { "1": "a", "2": "b", "0": "tie" },
});

const LLMBAR: WhichColumns = {
  prompt: ["input"],
  a: "output_1",
  b: "output_2",
  label: ["label"],
  values: { "1": "a", "2": "b" },
};

/** LLMBar (Zeng et al. 2023, https://arxiv.org/abs/2310.07641): `{input, output_1, output_2, label}`, label 1 or 2. */
export const llmBar: Adapter = {
  name: "llmbar",
  shape: "input, output_1, output_2, label (1 or 2)",
  matches: ({ value }) =>
    hasColumns(value, "input", "output_1", "output_2", "label")
      ? "columns input, output_1, output_2, label (LLMBar: 1 or 2)"
      : undefined,
  doubt: doubtOf(LLMBAR, ["2"], { "0": "a", "1": "b" }),
  uses: (value) => whichUses(LLMBAR, value),
  parse: (value) => withId(value, whichPair(value, LLMBAR)),
};

const AUTO_J: WhichColumns = {
  prompt: ["prompt"],
  a: "response 1",
  b: "response 2",
  label: ["label"],
  values: { "0": "a", "1": "b", "2": "tie" },
};

/** Auto-J's pairwise test set (Li et al. 2023, https://arxiv.org/abs/2310.05470): label 0, 1, or 2 for a tie. */
export const autoJ: Adapter = {
  name: "auto-j",
  shape: "scenario, prompt, response 1, response 2, label (0, 1, 2 a tie)",
  matches: ({ value }) =>
    hasColumns(value, "scenario", "prompt", "response 1", "response 2", "label")
      ? "columns scenario, prompt, response 1, response 2, label (Auto-J: 0, 1, or 2 for a tie)"
      : undefined,
  doubt: doubtOf(AUTO_J, ["0"], { "1": "a", "2": "b", "0": "tie" }),
  uses: (value) => ({ ...whichUses(AUTO_J, value), scenario: "part of the data" }),
  parse: (value) => {
    const subset = typeof value.scenario === "string" ? { meta: { subset: value.scenario } } : {};
    return withId(value, { ...whichPair(value, AUTO_J), ...subset });
  },
};

const PROMETHEUS: WhichColumns = {
  prompt: ["orig_instruction"],
  a: "orig_response_A",
  b: "orig_response_B",
  label: ["orig_preference"],
  values: { a: "a", b: "b" },
};

/**
 * Prometheus' Preference Collection and Preference Bench (Kim et al. 2024, https://arxiv.org/abs/2405.01535): what was compared stands in `orig_…`;
 * `instruction` and `output` are a judge's question and answer about it.
 */
export const prometheus: Adapter = {
  name: "prometheus",
  shape: "orig_instruction, orig_response_A, orig_response_B, orig_preference (A or B)",
  matches: ({ value }) =>
    hasColumns(value, "orig_instruction", "orig_response_A", "orig_response_B", "orig_preference")
      ? "columns orig_instruction, orig_response_A, orig_response_B, orig_preference (Prometheus: A or B)"
      : undefined,
  uses: (value) => whichUses(PROMETHEUS, value),
  harmless: {
    instruction: "a judge's question about the pair, not the prompt that was answered",
    output: "the judge's answer",
    orig_criteria: "what the judge was told to look for",
    orig_reference_answer: "an answer that neither response is",
  },
  parse: (value) => whichPair(value, PROMETHEUS),
};

const withId = <P extends object>(value: Readonly<Record<string, unknown>>, pair: P): P => ({
  ...idAt(value),
  ...pair,
});

/**
 * The published meaning holds only where the file's values show it: those in `telling` under no other counting, and none that it lacks. Else both
 * readings fit, and a person must say which.
 */
function doubtOf(
  { prompt, a, b, label, values }: WhichColumns,
  telling: readonly string[],
  other: Values,
): NonNullable<Adapter["doubt"]> {
  const column = label[0]!;
  const flag = (meaning: Values) =>
    `--map '${formatColumnMap({ prompt, response_a: a, response_b: b, label, values: meaning })}'`;
  return {
    column,
    of(seen) {
      const fits = [...seen].every((key) => Object.hasOwn(values, key));
      if (fits && telling.some((key) => seen.has(key))) return undefined;
      return `its columns are known, but "${column}" holds ${listed([...seen]) || "nothing"}, which fits another counting ${fits ? "as well" : "only"}. Say which it is: ${flag(values)} or ${flag(other)}.`;
    },
  };
}
