/**
 * ETHICS utilitarianism (Hendrycks et al. 2021, https://arxiv.org/abs/2008.02275): a CSV of two columns without a
 * header, the scenario that people found more pleasant first. The two often share their opening. Two readings:
 *
 * - `ethics`: the shared opening (whole sentences) is the prompt, what follows the responses. Pairs without a shared opening,
 *   and pairs where one side says nothing more, are left out: the latter compare a continuation with nothing,
 *   which makes length a shortcut.
 * - `ethics-whole`: no prompt, the whole scenarios are the responses; every pair is used.
 *
 * A sentence ends with `.`, `!` or `?`, perhaps a closing quote or bracket, and white space. Scenarios that begin with the same sentence (letters and
 * digits compared) go into one group for splits, since the published split by pair shares most of them.
 */
import { basename } from "node:path";
import { normaliseText } from "../normalise.ts";
import type { Adapter, LeftOut, ParsedPair } from "./adapter.ts";
import { hasColumns, textAt } from "./columns.ts";

type Value = Readonly<Record<string, unknown>>;

const SCENARIOS = { column1: "preferred response", column2: "other response" };

/** Shared opening as the prompt; see the top of this file. */
export const ethics: Adapter = {
  name: "ethics",
  shape: "two columns without header, the more pleasant scenario first; shared opening as prompt",
  matches: ({ file, value }) =>
    /util/i.test(basename(file)) && hasColumns(value, "column1", "column2") && Object.keys(value).length === 2
      ? `two columns without header in a file named "util…" (ETHICS utilitarianism; the shared opening becomes the prompt, --format ethics-whole uses none)`
      : undefined,
  uses: () => SCENARIOS,
  parse: (value) => splitScenarios(value),
};

/** No prompt; see the top of this file. */
export const ethicsWhole: Adapter = {
  name: "ethics-whole",
  shape: "two columns without header, the more pleasant scenario first; no prompt",
  matches: () => undefined,
  uses: () => SCENARIOS,
  parse: (value) => {
    const [first, second] = scenarios(value);
    return { prompt: "", first, second, preferred: "first", groupKeys: openings(first, second) };
  },
};

function splitScenarios(value: Value): ParsedPair | LeftOut {
  const [first, second] = scenarios(value);
  const [mine, other] = [sentences(first), sentences(second)];
  let shared = 0;
  while (shared < mine.length && mine[shared] === other[shared]) shared++;
  if (shared === 0) return { leaveOut: "no shared opening" };
  if (shared === mine.length || shared === other.length)
    return { leaveOut: "one side adds nothing to the opening" };
  return {
    prompt: mine.slice(0, shared).join(" "),
    first: ` ${mine.slice(shared).join(" ")}`,
    second: ` ${other.slice(shared).join(" ")}`,
    preferred: "first",
    groupKeys: openings(first, second),
  };
}

function scenarios(value: Value): [string, string] {
  return [textAt(value, "column1").trim(), textAt(value, "column2").trim()];
}

function sentences(text: string): string[] {
  return text.split(/(?<=[.!?]["')]?)\s+/);
}

function openings(...texts: string[]): string[] {
  return texts.map((text) => `opening ${normaliseText(sentences(text)[0]!)}`);
}
