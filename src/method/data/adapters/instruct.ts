/**
 * Pairs whose prompt has another name than `prompt`: LLaMA-Factory's alpaca pairs (`instruction`, `input`), Intel's and axolotl's chatml pairs
 * (`question`), and the like; and pairs that follow a conversation (LLaMA-Factory's sharegpt pairs, in either spelling; axolotl's chat_template).
 * `system`, `history` and `tools` join the prompt as everywhere (`context.ts`).
 */
import { isEmptyValue, isRecord } from "../../../base/files/record.ts";
import type { Message } from "../rows.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapter.ts";
import { columnAt, contentAt, hasColumns, idAt, messagesAt, subsetAt, textAt } from "./columns.ts";
import { JOINT } from "./joined.ts";
import { explicitPair } from "./trl.ts";

type Value = Readonly<Record<string, unknown>>;

/** Columns that by themselves are the question. `input` is one where no instruction goes before it. */
const QUESTIONS = ["question", "query", "instruction", "input", "user_input", "problem"] as const;

/** Names of the preferred and of the other response. */
const ANSWERS = [
  ["chosen", "rejected"],
  ["chosen_response", "rejected_response"],
  ["chosen_answer", "rejected_answer"],
] as const;

const answersOf = (value: Value) => ANSWERS.find((pair) => hasColumns(value, ...pair));

/** The columns that make the prompt of a record; undefined where none does, or more than can be put together. */
function promptColumns(value: Value): readonly string[] | undefined {
  if (!isEmptyValue(value.prompt)) return answersOf(value)?.[0] === "chosen" ? undefined : ["prompt"];
  const there = QUESTIONS.filter((column) => !isEmptyValue(value[column]));
  if (there.length === 1) return there;
  return there.length === 2 && there[0] === "instruction" && there[1] === "input" ? there : undefined;
}

/** `{instruction, input?, chosen, rejected}`, `{question, chosen, rejected}` and the like; the old form with `output: [chosen, rejected]`, too. */
export const instruction: Adapter = {
  name: "instruction",
  shape: "instruction (and input), or question, query, … with chosen, rejected",
  matches: ({ value }) => {
    const columns = promptColumns(value);
    const answers = answersOf(value);
    if (columns === undefined || (answers === undefined && !isOldPair(value))) return undefined;
    return `columns ${[...columns, ...(answers ?? ["output[2]"])].join(", ")} (prompt under its own name${columns.length > 1 ? ", instruction and input with a newline between them" : ""})`;
  },
  uses: (value) => {
    const [chosen, rejected] = answersOf(value) ?? ["output", "output"];
    return {
      ...Object.fromEntries((promptColumns(value) ?? []).map((column) => [column, "prompt"])),
      [rejected]: "other response",
      [chosen]: chosen === rejected ? "preferred response, then the other" : "preferred response",
      id: "id",
      subset: "part of the data",
    };
  },
  parse: (value) => {
    const columns = promptColumns(value);
    if (columns === undefined)
      throw new RowProblem(
        QUESTIONS.join(", "),
        "hold no question, or several",
        "Name the columns that make the prompt with --map, or leave the others out with --ignore.",
      );
    const prompt =
      columns.length === 1
        ? contentAt(value, columns[0]!)
        : columns.map((column) => textAt(value, column)).join(JOINT);
    const [chosen, rejected] = answersOf(value) ?? ["output.0", "output.1"];
    const output = Array.isArray(value.output)
      ? { "output.0": value.output[0], "output.1": value.output[1] }
      : {};
    const pair = explicitPair({ ...value, ...output, prompt }, { prompt: "prompt", chosen, rejected });
    return { ...idAt(value), ...pair, preferred: "first", meta: subsetAt(value) };
  },
};

const isOldPair = ({ instruction: asked, output }: Value): boolean =>
  !isEmptyValue(asked) &&
  Array.isArray(output) &&
  output.length === 2 &&
  output.every((one) => typeof one === "string");

const CONVERSATIONS = ["conversations", "conversation", "messages"] as const;

const conversationOf = (value: Value) => CONVERSATIONS.find((column) => !isEmptyValue(value[column]));

/** `{conversations, chosen, rejected}`: the answers are one message each, a text, or lists of messages that go on from the conversation. */
export const conversationPair: Adapter = {
  name: "conversation-pair",
  lists: CONVERSATIONS,
  shape: "conversations (or messages), chosen, rejected (LLaMA-Factory sharegpt, axolotl)",
  matches: ({ value }) => {
    const column = conversationOf(value);
    const goesOn =
      column !== undefined && isEmptyValue(value.prompt) && hasColumns(value, "chosen", "rejected");
    if (!goesOn || ![value.chosen, value.rejected].every(isAnswer)) return undefined;
    return `columns ${column}, chosen, rejected (a conversation and two answers to it)`;
  },
  uses: (value) => ({
    [conversationOf(value) ?? "conversations"]: "prompt",
    chosen: "preferred response",
    rejected: "other response",
    id: "id",
    subset: "part of the data",
  }),
  parse: (value) => {
    const prompt = messagesAt(value, conversationOf(value) ?? "conversations");
    return {
      ...idAt(value),
      prompt,
      first: answerAt(value, "chosen"),
      second: answerAt(value, "rejected"),
      preferred: "first",
      meta: subsetAt(value),
    };
  },
};

/** An answer, not a conversation that begins with what a user says. */
function isAnswer(value: unknown): boolean {
  const [first] = Array.isArray(value) ? value : [value];
  if (!isRecord(first)) return typeof value === "string";
  return !["user", "human", "system"].includes(String(first.role ?? first.from));
}

/** The messages of an answer; a text is the assistant's. */
export function answerAt(value: Value, column: string): readonly Message[] {
  columnAt(value, column);
  const content = contentAt(value, column);
  return typeof content === "string" ? [{ role: "assistant", content }] : content;
}

/** A pair of answers to a prompt of messages or of text, both in one form. */
export function answersTo(
  value: Value,
  prompt: string,
  columns: readonly [string, string],
): Omit<ParsedPair, "preferred"> {
  const asked = contentAt(value, prompt);
  if (typeof asked !== "string")
    return { prompt: asked, first: answerAt(value, columns[0]), second: answerAt(value, columns[1]) };
  return explicitPair(value, { prompt, chosen: columns[0], rejected: columns[1] });
}
