/** Typed access to the columns of a record; everything wrong is a `RowProblem` naming the column. */
import { didYouMean } from "../../../base/core/suggest.ts";
import { isRecord } from "../../../base/files/record.ts";
import { ASKED, type Asked, type Message, type Text } from "../rows.ts";
import { RowProblem } from "./adapter.ts";
import { checkMessages } from "./messages.ts";
import { checkText, kindOf, show } from "./texts.ts";

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

/** A column of text, of messages `[{role, content}]`, or of one message. */
export function contentAt(value: Value, column: string): Text {
  const found = columnAt(value, column);
  if (Array.isArray(found)) return checkMessages(found, column);
  return isRecord(found) ? checkMessages([found], column) : checkText(found, column);
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

/** Why a person was asked about the pair, where `ask` wrote the file. @throws RowProblem for another word */
export function askedAt(value: Value): { asked: Asked } | Record<never, never> {
  const found = value["asked"] ?? "";
  const asked = ASKED.find((word) => word === found);
  if (asked === undefined && found !== "")
    throw new RowProblem(
      "asked",
      `is ${show(found)}`,
      `Expected ${ASKED.join(", ")} or nothing: why a person was asked about the pair.`,
    );
  return asked === undefined ? {} : { asked };
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
