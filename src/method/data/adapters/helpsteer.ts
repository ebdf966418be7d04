/**
 * HelpSteer and HelpSteer2 as published: one rated response a row, successive rows with one prompt belong together (Wang et al. 2024,
 * arXiv 2406.08673). The better is the more helpful one, as their makers made pairs for DPO; equal helpfulness is a tie.
 */
import type { Text } from "../rows.ts";
import { type Adapter, TOGETHER } from "./adapter.ts";
import { hasColumns, numberAt, textAt } from "./columns.ts";
import { ratedPairs } from "./ranked.ts";

type Value = Readonly<Record<string, unknown>>;

/** `{prompt, response, helpfulness, …}`, two or more successive rows a prompt. */
export const helpSteer: Adapter = {
  name: "helpsteer",
  shape: "prompt, response, helpfulness; successive rows of one prompt",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "response", "helpfulness")
      ? "columns prompt, response, helpfulness (HelpSteer; every two successive rows of one prompt make a pair, equally helpful ones a tie)"
      : undefined,
  together: (value) => (typeof value.prompt === "string" ? value.prompt : undefined),
  uses: () => ({
    [`${TOGETHER}.prompt`]: "prompt",
    [`${TOGETHER}.response`]: "responses",
    [`${TOGETHER}.helpfulness`]: "rating: every two rows of a prompt make a pair",
  }),
  harmless: Object.fromEntries(
    ["correctness", "coherence", "complexity", "verbosity"].map((aspect) => [
      `${TOGETHER}.${aspect}`,
      "another rating than helpfulness",
    ]),
  ),
  parse: (value) => {
    const rows = rowsOf(value);
    const prompt = turnsOf(textAt(rows[0]!, "prompt"));
    return ratedPairs(
      { prompt, promptIs: "turns" },
      rows.map((row) => {
        const said = textAt(row, "response");
        const text: Text = typeof prompt === "string" ? said : [{ role: "assistant", content: said }];
        return { text, rating: numberAt(row, "helpfulness") };
      }),
    );
  },
};

const rowsOf = (value: Value): readonly Value[] => {
  const rows = value[TOGETHER];
  return Array.isArray(rows) ? (rows as Value[]) : [value];
};

/** HelpSteer2 writes earlier turns into the prompt, as `…\n<extra_id_1>Assistant\n…\n<extra_id_1>User\n…`. */
function turnsOf(prompt: string): Text {
  const [first = "", ...more] = prompt.split(/\n?<extra_id_1>(User|Assistant)\n/);
  if (more.length === 0) return prompt;
  const turns = [{ role: "user", content: first }];
  for (let i = 0; i + 1 < more.length; i += 2)
    turns.push({ role: more[i] === "User" ? "user" : "assistant", content: more[i + 1]! });
  return turns;
}
