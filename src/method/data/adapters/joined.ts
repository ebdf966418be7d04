/** A prompt that stands in several columns, such as an instruction and its input. */
import { isEmptyValue, isRecord } from "../../../base/files/record.ts";
import type { Text } from "../rows.ts";
import { RowProblem } from "./adapter.ts";
import { columnAt, contentAt } from "./columns.ts";
import { checkText } from "./texts.ts";

/** What stands between the parts: as LLaMA-Factory joins instruction and input (its data/README.md), so that its files mean the same here. */
export const JOINT = "\n";

/**
 * The prompt of one column, or of several: those that say something, with a newline between. A part but the first may be empty, null or
 * missing in a row.
 * @throws RowProblem when a part is no text, or all are empty
 */
export function joinedPrompt(value: Readonly<Record<string, unknown>>, columns: readonly string[]): Text {
  const [first = ""] = columns;
  columnAt(value, first);
  if (columns.length === 1) return contentAt(value, first);
  const parts = columns.flatMap((column) => {
    const found = partAt(value, column);
    return isEmptyValue(found) ? [] : [checkText(found, column)];
  });
  if (parts.length === 0)
    throw new RowProblem(
      columns.join(", "),
      "are all empty, expected a prompt",
      "Fill one in, or leave the row out.",
    );
  return parts.join(JOINT);
}

/** A part that may be missing; dots go into objects. */
function partAt(value: Readonly<Record<string, unknown>>, column: string): unknown {
  if (Object.hasOwn(value, column)) return value[column];
  const [head = "", ...rest] = column.split(".");
  const inner = Object.hasOwn(value, head) ? value[head] : undefined;
  return rest.length > 0 && isRecord(inner) ? partAt(inner, rest.join(".")) : undefined;
}

/** True when a row has a column, though it may be empty. */
export const hasColumn = (value: Readonly<Record<string, unknown>>, column: string): boolean =>
  partAt(value, column) !== undefined;
