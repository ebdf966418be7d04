/** Chatbot Arena votes (Zheng et al. 2023, https://arxiv.org/abs/2306.05685), in both published forms. Ties are ties. */
import type { Message } from "../rows.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapter.ts";
import { binaryAt, hasColumns, idAt, messagesAt, textAt } from "./columns.ts";
import { splitMessages } from "./common-prefix.ts";
import { checkText, show } from "./texts.ts";

type Value = Readonly<Record<string, unknown>>;
const WINNERS = ["winner_model_a", "winner_model_b", "winner_tie"] as const;

/** `{prompt, response_a, response_b, winner_model_a, winner_model_b, winner_tie}`; the texts may be JSON lists, one entry a turn. */
export const arena: Adapter = {
  name: "arena",
  shape: "prompt, response_a, response_b, winner_model_a, winner_model_b, winner_tie",
  matches: ({ value }) =>
    hasColumns(value, "prompt", "response_a", "response_b", ...WINNERS)
      ? "columns response_a, response_b, winner_model_a, winner_model_b, winner_tie (Arena)"
      : undefined,
  uses: () => ({
    prompt: "turns of the user",
    response_a: "first response",
    response_b: "second response",
    ...Object.fromEntries(WINNERS.map((column) => [column, "which is preferred"])),
    id: "id",
  }),
  parse: (value) => {
    const turns = turnsAt(value, "prompt");
    const split = splitMessages(
      conversation(turns, turnsAt(value, "response_a")),
      conversation(turns, turnsAt(value, "response_b")),
    );
    return { ...idAt(value), ...split, preferred: oneHotWinner(value) };
  },
};

/** `{conversation_a, conversation_b, winner}` with winner `model_a`, `model_b`, `tie`, `tie (bothbad)` or `both_bad`. */
export const arenaConversations: Adapter = {
  name: "arena-conversations",
  lists: ["conversation_a", "conversation_b", "full_conversation"],
  shape: "conversation_a, conversation_b, winner",
  matches: ({ value }) =>
    hasColumns(value, "conversation_a", "conversation_b", "winner")
      ? "columns conversation_a, conversation_b, winner (Arena conversations)"
      : undefined,
  uses: (value) => ({
    conversation_a: "prompt and first response",
    conversation_b: "prompt and second response",
    winner: "which is preferred",
    ["question_id" in value ? "question_id" : "id"]: "id",
  }),
  parse: (value) => {
    const split = splitMessages(messagesAt(value, "conversation_a"), messagesAt(value, "conversation_b"));
    return {
      ...idAt(value),
      ...idAt(value, "question_id"),
      ...split,
      preferred: namedWinner(textAt(value, "winner")),
    };
  },
};

/** Prompt and responses taken in turn; the shared front becomes the prompt. */
function conversation(prompts: readonly string[], responses: readonly string[]): Message[] {
  if (prompts.length !== responses.length)
    throw new RowProblem(
      "prompt, response",
      `have ${prompts.length} and ${responses.length} turns, expected equal numbers`,
      "Leave the row out.",
    );
  return prompts.flatMap((prompt, i) => [
    { role: "user", content: prompt },
    { role: "assistant", content: responses[i]! },
  ]);
}

function turnsAt(value: Value, column: string): string[] {
  const text = textAt(value, column);
  const parsed = text.startsWith("[") ? parseList(text) : undefined;
  return parsed === undefined ? [text] : parsed.map((turn, i) => checkText(turn, `${column}[${i}]`));
}

/** A response may begin with a bracket without being a list: then it is text. */
function parseList(text: string): unknown[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) &&
      parsed.length > 0 &&
      parsed.every((turn) => typeof turn === "string" || turn === null)
      ? parsed
      : undefined;
  } catch {
    return undefined;
  }
}

function oneHotWinner(value: Value): ParsedPair["preferred"] {
  const [a, b, tie] = WINNERS.map((column) => binaryAt(value, column));
  if (a! + b! + tie! !== 1)
    throw new RowProblem(
      WINNERS.join(", "),
      `are ${a}, ${b}, ${tie}, expected exactly one 1`,
      "Correct the vote, or leave the row out.",
    );
  return tie === 1 ? "tie" : a === 1 ? "first" : "second";
}

function namedWinner(winner: string): ParsedPair["preferred"] {
  if (winner === "model_a") return "first";
  if (winner === "model_b") return "second";
  if (winner === "tie" || winner === "tie (bothbad)" || winner === "both_bad") return "tie";
  throw new RowProblem(
    "winner",
    `is ${show(winner)}, expected model_a, model_b, tie, tie (bothbad) or both_bad`,
    "Correct the vote, or leave the row out.",
  );
}
