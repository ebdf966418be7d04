/** Lists of objects written as text, as tables that hold text only have them: JSON is read, Python's notation told. */
import { parseJson } from "../core/json-text.ts";
import { isRecord } from "./record.ts";

type Objects = readonly Record<string, unknown>[];

/** The objects of a JSON list, or undefined where the text is none. */
export function writtenObjects(text: string): Objects | undefined {
  if (!/^\s*\[\s*\{\s*"/.test(text)) return undefined;
  try {
    const list = parseJson(text);
    return Array.isArray(list) && list.every(isRecord) ? list : undefined;
  } catch {
    return undefined;
  }
}

/** The messages of a JSON list: `[{"role": …, "content": …}, …]`, or with `from` and `value`. Other objects may be what somebody said. */
export function writtenMessages(text: string): Objects | undefined {
  const list = writtenObjects(text);
  return list?.every((item) => ("role" in item && "content" in item) || ("from" in item && "value" in item))
    ? list
    : undefined;
}

/** True for messages as Python prints them, which data frames write into CSV files: `[{'role': 'user', …`. */
export const isPythonMessages = (text: string): boolean =>
  /^\s*\[\s*\{\s*'(role|content|from|value)'\s*:/.test(text);
