/**
 * Columns that belong to the prompt in every shape: `system` becomes a system message, `history` earlier turns, `tools` and
 * `chat_template_kwargs` go to the chat template with the prompt. A shape that reads one of them as something else keeps it.
 */

import { isEmptyValue, isRecord } from "../../../base/files/record.ts";
import { type TemplateInputs, withTemplateInputs } from "../../../engine/text/template-inputs.ts";
import type { Message } from "../rows.ts";
import { type ColumnNotes, type ParsedPair, RowProblem } from "./adapter.ts";
import { SPEAKER_MARKS } from "./common-prefix.ts";
import { CONTEXT_COLUMNS } from "./known-columns.ts";
import { checkMessages, parseJson, withoutNulls } from "./messages.ts";
import { checkText } from "./texts.ts";

type Value = Readonly<Record<string, unknown>>;

/** What a record says beside its pair, and the columns that say it. */
export type RowContext = {
  readonly system?: string;
  readonly history?: readonly Message[];
  readonly inputs: TemplateInputs;
  readonly uses: ColumnNotes;
};

/**
 * Reads the context columns that the shape itself does not read (`taken`).
 * @throws RowProblem for one in an unknown form, or two system prompts that differ
 */
export function readContext(value: Value, taken: ColumnNotes): RowContext {
  const given = (names: readonly string[]) =>
    names.filter((name) => !(name in taken) && !isEmptyValue(value[name]));
  const system = given(CONTEXT_COLUMNS.system);
  const history = given(CONTEXT_COLUMNS.history);
  const tools = given(CONTEXT_COLUMNS.tools);
  // An argument may be an empty text on purpose; null stands for none.
  const kwargs = CONTEXT_COLUMNS.kwargs.filter(
    (name) => !(name in taken) && !isEmptyValue(withoutNulls(value[name]), "shallow"),
  );
  const systems = new Set(system.map((name) => checkText(value[name], name)));
  if (systems.size > 1)
    throw new RowProblem(system.join(", "), "differ", "Keep one of them: name the others with --ignore.");
  const [told] = systems;
  return {
    ...(told === undefined ? {} : { system: told }),
    ...(history.length === 0 ? {} : { history: historyOf(value.history) }),
    inputs: {
      ...(tools.length === 0 ? {} : { tools: toolsOf(value.tools) }),
      ...(kwargs.length === 0 ? {} : { chat_template_kwargs: kwargsOf(value.chat_template_kwargs) }),
    },
    uses: Object.fromEntries([
      ...system.map((name) => [name, "system message"]),
      ...history.map((name) => [name, "earlier turns"]),
      ...[...tools, ...kwargs].map((name) => [name, "given to the chat template"]),
    ]),
  };
}

/** Puts the context into the prompt of a pair. @throws RowProblem when the prompt cannot take it */
export function addContext(pair: ParsedPair, context: RowContext): ParsedPair {
  const columns = Object.keys(context.uses);
  if (columns.length === 0) return pair;
  const turns = asTurns(pair);
  const { prompt } = turns;
  if (typeof prompt === "string" || prompt.length === 0) throw noConversation(pair, columns);
  const front = [...leading(prompt, context, columns), ...(context.history ?? [])];
  const body = context.system !== undefined && prompt[0]?.role === "system" ? prompt.slice(1) : prompt;
  return { ...turns, prompt: withTemplateInputs([...front, ...body], context.inputs) };
}

function noConversation({ promptIs }: ParsedPair, columns: readonly string[]): RowProblem {
  const what = promptIs === "guessed" ? "guessed from two texts" : "a text that holds its turns, or empty";
  return new RowProblem(
    columns.join(", "),
    `belongs to a conversation, and the prompt here is ${what}`,
    `Write prompt, chosen and rejected as messages, or leave it out on purpose with --ignore ${columns.join(",")}.`,
  );
}

/** The system message that begins the prompt. */
function leading(prompt: readonly Message[], { system }: RowContext, columns: readonly string[]): Message[] {
  if (system === undefined) return [];
  const own = prompt[0]?.role === "system" ? prompt[0].content : system;
  if (own.trim() === system.trim()) return [{ role: "system", content: own }];
  throw new RowProblem(
    columns.join(", "),
    "is not the system message that the conversation begins with",
    "Keep one of them: leave the column out with --ignore.",
  );
}

/** A pair of texts told as a user's turn and two answers, where it is one; else the pair as it is. */
export function asTurns(pair: ParsedPair): ParsedPair {
  const { promptIs, ...rest } = pair;
  const { prompt, first, second } = rest;
  if (promptIs !== "turns" || typeof prompt !== "string") return pair;
  if (typeof first !== "string" || typeof second !== "string") return pair;
  // A prompt that is a transcript is no single turn.
  if (SPEAKER_MARKS.test(prompt)) return pair;
  return {
    ...rest,
    prompt: [{ role: "user", content: prompt }],
    first: [{ role: "assistant", content: first }],
    second: [{ role: "assistant", content: second }],
  };
}

/** LLaMA-Factory's `[[instruction, answer], …]`, or messages. */
function historyOf(value: unknown): Message[] {
  const list = Array.isArray(value) ? value : [];
  if (list.length > 0 && list.every((turn) => Array.isArray(turn) && turn.length === 2))
    return list.flatMap(([said, answer]: unknown[], i) => [
      { role: "user", content: checkText(said, `history[${i}][0]`) },
      { role: "assistant", content: checkText(answer, `history[${i}][1]`) },
    ]);
  if (list.length > 0 && list.every(isRecord)) return checkMessages(list, "history");
  throw new RowProblem(
    "history",
    "is no list of earlier turns",
    "Give [[question, answer], …] or messages, or leave it out with --ignore history.",
  );
}

/** A list of schemas, or JSON of one. */
function toolsOf(value: unknown): readonly unknown[] {
  const tools = typeof value === "string" ? parseJson(value) : value;
  if (Array.isArray(tools) && tools.every(isRecord)) return withoutNulls(tools) as unknown[];
  throw new RowProblem(
    "tools",
    "is no list of tool descriptions",
    "Give JSON schemas, or leave it out with --ignore tools.",
  );
}

/** What `apply_chat_template` sets itself. */
const RESERVED = ["messages", "tools", "add_generation_prompt", "chat_template", "tokenize"];

function kwargsOf(value: unknown): Readonly<Record<string, unknown>> {
  const kwargs = typeof value === "string" ? parseJson(value) : value;
  const reserved = isRecord(kwargs) ? RESERVED.find((name) => name in kwargs) : undefined;
  if (isRecord(kwargs) && reserved === undefined) return withoutNulls(kwargs) as Record<string, unknown>;
  throw new RowProblem(
    "chat_template_kwargs",
    reserved === undefined ? "is no object of arguments" : `sets ${reserved}`,
    "Correct it, or leave it out with --ignore chat_template_kwargs.",
  );
}
