/** Texts and values of a record, checked and shown. */
import { show as showValue } from "../../../base/core/errors.ts";
import { RowProblem } from "./adapter.ts";

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

/** A short, quoted form of any value, for messages. */
export const show = (value: unknown): string => (value === undefined ? "undefined" : showValue(value, 60));

/** What a value is, in words. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "missing";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
