/** TRL's preference formats, explicit and implicit prompt, strings and message lists (trl: docs/source/dataset_formats.md). */
import { type Message, sameText, type Text } from "../rows.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapter.ts";
import { askedAt, columnAt, contentAt, hasColumns, idAt, subsetAt } from "./columns.ts";
import { splitContents } from "./common-prefix.ts";

const IMPLICIT_USES = {
  chosen: "preferred response, after what both begin with",
  rejected: "other response",
  id: "id",
  subset: "part of the data",
};

/** What shapes of `prompt`, `chosen` and `rejected` read. */
export const PAIR_USES = {
  prompt: "prompt",
  chosen: "preferred response",
  rejected: "other response",
  id: "id",
  subset: "part of the data",
};

/** `{prompt, chosen, rejected}`: strings, message lists, or a string prompt with whole conversations (as UltraFeedback's). */
export const trlExplicit: Adapter = {
  name: "trl",
  shape: "prompt, chosen, rejected",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "chosen", "rejected")
      ? "columns prompt, chosen, rejected (TRL, explicit prompt)"
      : undefined,
  uses: () => ({ ...PAIR_USES, asked: "why a person was asked about the pair" }),
  parse: (value) => ({
    ...idAt(value),
    ...explicitPair(value),
    preferred: "first",
    meta: { ...subsetAt(value), ...askedAt(value) },
  }),
};

/** `{chosen, rejected}`: the prompt is what both begin with. */
export const trlImplicit: Adapter = {
  name: "trl-implicit",
  shape: "chosen, rejected (whole texts or conversations)",
  matches: ({ value }) =>
    hasColumns(value, "chosen", "rejected")
      ? "columns chosen, rejected without prompt (TRL, implicit prompt)"
      : undefined,
  uses: () => IMPLICIT_USES,
  parse: (value) => ({
    ...idAt(value),
    ...splitContents(contentAt(value, "chosen"), contentAt(value, "rejected")),
    preferred: "first",
    meta: subsetAt(value),
  }),
};

/** Columns that hold an explicit prompt and its two responses. */
export type PairColumns = { readonly prompt: string; readonly chosen: string; readonly rejected: string };

/**
 * Reads an explicit pair. A string prompt beside message lists means that these are whole conversations (TRL reads
 * them so): the prompt is then the messages they share, and must hold the prompt column's text.
 * @throws RowProblem for missing columns or forms that do not fit together
 */
export function explicitPair(
  value: Readonly<Record<string, unknown>>,
  columns: PairColumns = { prompt: "prompt", chosen: "chosen", rejected: "rejected" },
): Pick<ParsedPair, "prompt" | "first" | "second" | "promptIs" | "tookOff"> {
  columnAt(value, columns.prompt);
  const prompt = contentAt(value, columns.prompt);
  const first = contentAt(value, columns.chosen);
  const second = contentAt(value, columns.rejected);
  const forms = [prompt, first, second].map((text) => typeof text === "string");
  if (typeof prompt === "string" && typeof first === "string" && typeof second === "string")
    return { prompt, first, second, promptIs: "turns" };
  if (typeof prompt !== "string" && typeof first !== "string" && typeof second !== "string")
    return messagesPair(prompt, first, second, columns);
  if (typeof prompt !== "string" || typeof first === "string" || typeof second === "string")
    throw new RowProblem(
      `${columns.prompt}, ${columns.chosen}, ${columns.rejected}`,
      `are ${forms.map((text) => (text ? "text" : "messages")).join(", ")}`,
      "Give all three as text or all three as message lists.",
    );
  return conversationPair(prompt, first, second, columns);
}

/** A prompt and two answers; an answer that is the whole conversation loses the prompt. */
function messagesPair(
  prompt: readonly Message[],
  first: readonly Message[],
  second: readonly Message[],
  { prompt: asked, chosen, rejected }: PairColumns,
) {
  const own = [
    answerOf(prompt, first, { asked, column: chosen }),
    answerOf(prompt, second, { asked, column: rejected }),
  ];
  const tookOff = Number(own[0] !== first) + Number(own[1] !== second);
  return { prompt, first: own[0]!, second: own[1]!, ...(tookOff > 0 ? { tookOff } : {}) };
}

/** What follows the prompt, or its last turns, in a list that begins with them. */
function answerOf(
  prompt: readonly Message[],
  answer: readonly Message[],
  { asked, column }: { asked: string; column: string },
): readonly Message[] {
  if (answer[0]?.role === "assistant" || answer[0]?.role === "tool") return answer;
  for (let from = 0; from < prompt.length; from++) {
    const turns = prompt.slice(from);
    if (turns.length < answer.length && sameText(turns, answer.slice(0, turns.length)))
      return answer.slice(turns.length);
  }
  if (answer[0]?.role !== "user" || prompt.at(-1)?.role !== "user") return answer;
  throw new RowProblem(
    column,
    `begins with a turn of the user that is not the end of ${asked}`,
    "Give the answer alone, or the whole conversation that the prompt begins.",
  );
}

function conversationPair(
  prompt: string,
  first: Exclude<Text, string>,
  second: Exclude<Text, string>,
  columns: PairColumns,
) {
  // Only the responses are given: the prompt column is the user's turn.
  if (first[0]?.role === "assistant" && second[0]?.role === "assistant")
    return { prompt: [{ role: "user", content: prompt }], first, second };
  const split = splitContents(first, second);
  const asked = typeof split.prompt === "string" ? [] : split.prompt;
  if (!asked.some((message) => message.content.trim() === prompt.trim()))
    throw new RowProblem(
      columns.prompt,
      "is not a message that both conversations share",
      "Correct the prompt, or use --format trl-implicit.",
    );
  return split;
}
