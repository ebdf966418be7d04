/** Typed access to the columns of a record; everything wrong is a `RowProblem` naming the column. */
import { show as showValue } from "../../core/errors.ts";
import { didYouMean } from "../../core/suggest.ts";
import { isRecord } from "../readers/record.ts";
import type { Message, Text } from "../rows.ts";
import { RowProblem } from "./adapter.ts";

type Value = Readonly<Record<string, unknown>>;

/** True when the record has all these columns. */
export function hasColumns(value: Value, ...columns: string[]): boolean {
  return columns.every((column) => column in value);
}

/** A column that must be there. Dots go into nested objects: `info.post`. */
export function columnAt(value: Value, column: string): unknown {
  const found = lookUp(value, column);
  if (found !== undefined && found !== null) return found;
  const columns = Object.keys(value);
  const others = columns.filter((name) => name !== column);
  const hint = didYouMean(column, others) || `; columns are ${columns.join(", ").slice(0, 200) || "none"}.`;
  throw new RowProblem(
    column,
    found === null ? "is null" : "is missing",
    `Fill it in, or name the column that holds it with --map${hint}`,
  );
}

function lookUp(value: Value, column: string): unknown {
  if (Object.hasOwn(value, column)) return value[column];
  const [head, ...rest] = column.split(".");
  const inner = Object.hasOwn(value, head!) ? value[head!] : undefined;
  return rest.length > 0 && isRecord(inner) ? lookUp(inner, rest.join(".")) : undefined;
}

/** A column of plain text. */
export function textAt(value: Value, column: string): string {
  return checkText(columnAt(value, column), column);
}

/** A column of text or of messages `[{role, content}]`. */
export function contentAt(value: Value, column: string): Text {
  const found = columnAt(value, column);
  return Array.isArray(found) ? checkMessages(found, column) : checkText(found, column);
}

/** A column of messages. */
export function messagesAt(value: Value, column: string): Message[] {
  const found = columnAt(value, column);
  if (!Array.isArray(found))
    throw new RowProblem(
      column,
      `is ${kindOf(found)}, expected a list of messages`,
      "Give [{role, content}, …].",
    );
  return checkMessages(found, column);
}

/** A column holding a finite number, or text that reads as one (CSV). */
export function numberAt(value: Value, column: string): number {
  const found = columnAt(value, column);
  const number = typeof found === "string" && found.trim() !== "" ? Number(found) : found;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new RowProblem(
    column,
    `is ${show(found)}, expected a finite number`,
    "Correct it, or leave the row out.",
  );
}

/** `numberAt`, or undefined when the column is missing, null or empty. */
export function optionalNumberAt(value: Value, column: string): number | undefined {
  const found = lookUp(value, column);
  return found === undefined || found === null || found === "" ? undefined : numberAt(value, column);
}

/** A column that is 0 or 1 (true and false count too). */
export function binaryAt(value: Value, column: string): 0 | 1 {
  const found = columnAt(value, column);
  const number = typeof found === "boolean" ? Number(found) : numberAt(value, column);
  if (number === 0 || number === 1) return number;
  throw new RowProblem(column, `is ${show(found)}, expected 0 or 1`, "Correct it, or leave the row out.");
}

/** The row's own name under `id`, as text; undefined when it has none. Integers beyond 2^53 come from the readers as text. */
export function idAt(value: Value, column = "id"): { id: string } | Record<never, never> {
  const found = lookUp(value, column);
  if (found === undefined || found === null || found === "") return {};
  if (typeof found === "string") return { id: checkText(found, column) };
  if (typeof found === "number" && Math.abs(found) > Number.MAX_SAFE_INTEGER)
    throw new RowProblem(
      column,
      `is ${found}, a number so large that two ids may read alike`,
      "Write ids as text.",
    );
  if (typeof found === "number" && Number.isFinite(found)) return { id: String(found) };
  throw new RowProblem(
    column,
    `is ${kindOf(found)}, expected text or a number`,
    "Correct it, or drop the column: rows then get ids of their content.",
  );
}

/** `{subset}` when the column holds text. */
export function subsetAt(value: Value, column = "subset"): { subset: string } | Record<never, never> {
  const found = value[column];
  return typeof found === "string" && found !== "" ? { subset: found } : {};
}

/** Checks that a value is text that survives being written as UTF-8. */
export function checkText(value: unknown, column: string): string {
  if (typeof value !== "string")
    throw new RowProblem(
      column,
      `is ${kindOf(value)}, expected text`,
      "Make it a string, or name another column with --map.",
    );
  if (!value.isWellFormed())
    throw new RowProblem(
      column,
      "holds half a character (a lone surrogate)",
      "Repair the text: it cannot be written as UTF-8 unchanged.",
    );
  return value;
}

/** Checks a list of messages: each `{role, content}` with text in both. */
export function checkMessages(list: readonly unknown[], column: string): Message[] {
  if (list.length === 0) throw new RowProblem(column, "is an empty list", "Give at least one message.");
  return list.map((item, i) => {
    if (!isRecord(item))
      throw new RowProblem(
        column,
        `message ${i} is ${kindOf(item)}, expected {role, content}`,
        "Give [{role, content}, …].",
      );
    if (Array.isArray(item.tool_calls) && item.tool_calls.length > 0)
      throw new RowProblem(
        column,
        `message ${i} calls tools`,
        "Leave the row out: tool calls are not supported.",
      );
    return {
      role: checkText(item.role, `${column}[${i}].role`),
      content: checkText(item.content, `${column}[${i}].content`),
    };
  });
}

/** A short, quoted form of any value, for messages. */
export const show = (value: unknown): string => (value === undefined ? "undefined" : showValue(value, 60));

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "missing";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** A column of text or a number, as text. */
export function lookUpText(value: Value, column: string): string {
  const found = columnAt(value, column);
  return typeof found === "number" ? String(found) : checkText(found, column);
}

/** Ratings of the two responses, where the columns hold them. */
export function scoresAt(
  value: Value,
  first: string,
  second: string,
): { scoreFirst?: number; scoreSecond?: number } {
  const [scoreFirst, scoreSecond] = [optionalNumberAt(value, first), optionalNumberAt(value, second)];
  return {
    ...(scoreFirst === undefined ? {} : { scoreFirst }),
    ...(scoreSecond === undefined ? {} : { scoreSecond }),
  };
}
