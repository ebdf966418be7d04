/** Lists of messages: `{role, content}` and ShareGPT's `{from, value}`, text parts, and what goes to the chat template beside them. */
import { isEmptyValue, isRecord } from "../../../base/files/record.ts";
import type { Message } from "../rows.ts";
import { RowProblem } from "./adapter.ts";
import { TEMPLATE_MEMBERS } from "./known-columns.ts";
import { checkText, kindOf, show } from "./texts.ts";

const FORM = "Give [{role, content}, …] or [{from, value}, …].";

/** Who speaks in ShareGPT's files, and in LLaMA-Factory's and axolotl's after it. `function_call` is told as a tool call. */
const SPEAKERS: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  model: "assistant",
  bing: "assistant",
  bard: "assistant",
  system: "system",
  observation: "tool",
  tool: "tool",
  function_response: "tool",
  function_call: "assistant",
};

/** Checks a list of messages; each has its role and its text, and the members that chat templates read. */
export function checkMessages(list: readonly unknown[], column: string): Message[] {
  if (list.length === 0) throw new RowProblem(column, "is an empty list", "Give at least one message.");
  return list.map((item, i) => {
    if (!isRecord(item))
      throw new RowProblem(column, `message ${i} is ${kindOf(item)}, expected {role, content}`, FORM);
    return checkMessage(item, `${column}[${i}]`);
  });
}

function checkMessage(item: Record<string, unknown>, place: string): Message {
  const shared = "from" in item && !("role" in item);
  if (!shared && "from" in item && "value" in item)
    throw new RowProblem(place, "has role and from", "Leave one of the two spellings.");
  const said = shared ? item.value : item.content;
  if (shared && item.from === "function_call") return functionCall(said, place);
  const role = shared ? speaker(item.from, place) : checkText(item.role, `${place}.role`);
  const members = templateMembers(item, place);
  const silent = (said === null || said === undefined) && members.tool_calls !== undefined;
  const content = silent ? "" : contentText(said, `${place}.${shared ? "value" : "content"}`);
  return { role, content, ...members };
}

function speaker(from: unknown, place: string): string {
  const role = typeof from === "string" && Object.hasOwn(SPEAKERS, from) ? SPEAKERS[from] : undefined;
  if (role !== undefined) return role;
  throw new RowProblem(
    `${place}.from`,
    `is ${show(from)}, expected one of ${Object.keys(SPEAKERS).join(", ")}`,
    "Correct it, or write the messages as {role, content}.",
  );
}

/** LLaMA-Factory writes calls as JSON: `{name, arguments}`, or a list of them. */
function functionCall(said: unknown, place: string): Message {
  const parsed = parseJson(checkText(said, `${place}.value`));
  const calls = Array.isArray(parsed) ? parsed : [parsed];
  if (!calls.every((call) => isRecord(call) && typeof call.name === "string"))
    throw new RowProblem(
      `${place}.value`,
      `is ${show(said)}, expected JSON {"name", "arguments"} of a function call`,
      "Correct it, or leave the row out.",
    );
  return {
    role: "assistant",
    content: "",
    tool_calls: calls.map((call) => ({ type: "function", function: call })),
  };
}

/** Members for the template that are there; null and empty ones say nothing. */
function templateMembers(item: Record<string, unknown>, place: string): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const name of TEMPLATE_MEMBERS) {
    const value = name === "tool_calls" ? callsOf(item[name], place) : item[name];
    if (isEmptyValue(value)) continue;
    members[name] = name === "tool_calls" ? value : checkText(value, `${place}.${name}`);
  }
  return members;
}

/** A list of calls, or JSON of one, as tables without nested columns keep it. */
function callsOf(value: unknown, place: string): unknown {
  if (isEmptyValue(value)) return undefined;
  const calls = typeof value === "string" ? parseJson(value) : value;
  if (Array.isArray(calls) && calls.every(isRecord)) return calls.map(withoutNulls);
  throw new RowProblem(`${place}.tool_calls`, `is ${show(value)}, expected a list of calls`, FORM);
}

/** Tables of `datasets` fill members that only other rows have with null (TRL's `remove_none_values`). */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === null ? [] : [[name, withoutNulls(inner)]])),
  );
}

/** JSON of a text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The text of a content: itself, or its text parts with a newline between them (as servers give them to templates that take text). */
function contentText(content: unknown, column: string): string {
  if (!Array.isArray(content)) return checkText(content, column);
  const texts = content.map((part: unknown, i) => {
    if (typeof part === "string") return checkText(part, `${column}[${i}]`);
    const { type = "text", text } = isRecord(part) ? part : { type: kindOf(part) };
    if (type !== "text")
      throw new RowProblem(
        `${column}[${i}]`,
        `is a part of type ${show(type)}, expected text: models here read text only`,
        `Leave the row out (--on-bad-row skip), or the parts on purpose with --ignore ${String(type)}.`,
      );
    const other = Object.entries(part as object).find(
      ([name, value]) => !["type", "text", "mimeType"].includes(name) && value !== null,
    );
    if (other !== undefined)
      throw new RowProblem(
        `${column}[${i}].${other[0]}`,
        "stands beside the text of a part and is not read",
        `Leave the row out (--on-bad-row skip), or it on purpose with --ignore ${other[0]}.`,
      );
    return checkText(text, `${column}[${i}].text`);
  });
  if (texts.length === 0) throw new RowProblem(column, "is an empty list", "Give a text.");
  return texts.join("\n");
}
