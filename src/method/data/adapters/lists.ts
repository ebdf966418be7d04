/** Lists of responses on both sides: RM-Bench's three by three, RewardBench 2's best of n. Each chosen with each rejected one makes a pair. */
import { digestOf } from "../../../base/core/digest.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapter.ts";
import { columnAt, hasColumns, idAt, subsetAt, textAt } from "./columns.ts";
import { checkText } from "./texts.ts";

type Value = Readonly<Record<string, unknown>>;

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");

const hasLists = (value: Value) =>
  hasColumns(value, "prompt", "chosen", "rejected") && isTexts(value.chosen) && isTexts(value.rejected);

/** RM-Bench's styles, in the order of its lists: concise, detailed as plain text, detailed as Markdown. */
export const STYLES = ["concise", "detailed", "markdown"] as const;

/** `{id, prompt, chosen: [3], rejected: [3], domain}`, one of each style (Liu et al. 2024, https://arxiv.org/abs/2410.16184). */
export const rmBench: Adapter = {
  name: "rm-bench",
  shape: "prompt, chosen[3], rejected[3], domain (RM-Bench: three styles a side)",
  matches: ({ value }) =>
    hasLists(value) &&
    "domain" in value &&
    [value.chosen, value.rejected].every((list) => (list as unknown[]).length === 3)
      ? "columns prompt, chosen[3], rejected[3], domain (RM-Bench: nine pairs a row, by style)"
      : undefined,
  uses: () => ({ ...LIST_USES, domain: "part of the data" }),
  parse: (value) => {
    for (const column of ["chosen", "rejected"])
      if (listAt(value, column).length !== STYLES.length)
        throw new RowProblem(
          column,
          `has ${listAt(value, column).length} responses, expected one of each style (3)`,
          "Leave the row out.",
        );
    return pairsOf(value, subsetAt(value, "domain"));
  },
};

/** `{id, prompt, chosen: [...], rejected: [...], subset}` (Malik et al. 2025, https://arxiv.org/abs/2506.01937); in its Ties several are right. */
export const rewardBench2: Adapter = {
  name: "rewardbench-2",
  shape: "prompt, chosen[], rejected[], subset (RewardBench 2: best of n)",
  matches: ({ value }) =>
    hasLists(value)
      ? "columns prompt, chosen[], rejected[] (RewardBench 2: best of n; each chosen with each rejected response makes a pair)"
      : undefined,
  uses: () => ({ ...LIST_USES, subset: "part of the data" }),
  parse: (value) => pairsOf(value, subsetAt(value)),
};

const LIST_USES = { prompt: "prompt", chosen: "preferred responses", rejected: "other responses", id: "id" };

function listAt(value: Value, column: string): readonly string[] {
  const list = columnAt(value, column);
  if (Array.isArray(list) && list.length > 0) return list.map((one, i) => checkText(one, `${column}[${i}]`));
  throw new RowProblem(column, "is no list of texts, or empty", "Give at least one response.");
}

function pairsOf(value: Value, part: { subset?: string }): readonly ParsedPair[] {
  const [chosen, rejected] = [listAt(value, "chosen"), listAt(value, "rejected")];
  const prompt = textAt(value, "prompt");
  const own = idAt(value);
  const row = "id" in own ? own.id : digestOf([prompt, chosen, rejected]).slice(0, 20);
  return chosen.flatMap((first, i) =>
    rejected.map(
      (second, j): ParsedPair => ({
        ...own,
        prompt,
        first,
        second,
        preferred: "first",
        promptIs: "turns",
        meta: { ...part, item: { row, chosen: i, rejected: j } },
      }),
    ),
  );
}
