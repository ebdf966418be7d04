/** Collects what is wrong with rows and tells all of it at once. */
import { DataError } from "../../base/core/errors.ts";
import { type ColumnReport, formatColumns } from "./column-report.ts";

/** One bad row: its place, the column (`""` when the whole record is meant), what is wrong and what to do. */
export type BadRow = {
  readonly file: string;
  readonly line: number;
  readonly column: string;
  readonly problem: string;
  readonly fix: string;
};

/** Most bad rows that an error message lists. */
export const LISTED = 20;

/** `file:line: "column" is missing. What to do.` */
export function formatBadRow(row: BadRow): string {
  return `${row.file}:${row.line}: ${problemOf(row)}`;
}

function problemOf({ column, problem, fix }: BadRow): string {
  return `${column === "" ? "" : `"${column}" `}${problem}${fix === "" ? "" : `. ${fix}`}`;
}

/** One error for all bad rows: the first 20, then how many more, and the table of columns where one is refused. `bad` is not empty. */
export function badRowsError(
  bad: readonly BadRow[],
  records: number,
  columns: readonly ColumnReport[] = [],
): DataError {
  const first = bad[0]!;
  const others = bad
    .slice(1, LISTED)
    .map((row) => `\n${formatBadRow(row)}`)
    .join("");
  const more = bad.length > LISTED ? `\n… and ${bad.length - LISTED} more bad rows.` : "";
  const share = `\n${bad.length} of ${records} records are bad. Correct them, or leave them out with --on-bad-row skip (in a recipe data.on_bad_row: skip).`;
  const table = columns.some(({ fate }) => fate === "refused")
    ? `\nColumns:\n${formatColumns(columns, records).join("\n")}`
    : "";
  return new DataError(first.file, first.line, `${problemOf(first)}${others}${more}${share}${table}`);
}
