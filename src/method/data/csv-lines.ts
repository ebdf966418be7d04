/** CSV out: RFC 4180, UTF-8 with a byte-order mark, so that spreadsheets read it as it is. */

/** Spreadsheets run cells that begin so as formulas. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * A table as CSV text. A cell that a spreadsheet would take for a formula gets an apostrophe in front; `withoutApostrophe` takes
 * it off again.
 */
export function csvText(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string | number>>[],
): string {
  const line = (cells: readonly (string | number)[]) => `${cells.map(cell).join(",")}\r\n`;
  return `\ufeff${line(columns)}${rows.map((row) => line(columns.map((name) => row[name] ?? ""))).join("")}`;
}

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A cell as it was before `csvText`. */
export function withoutApostrophe(text: string): string {
  return text.startsWith("'") && FORMULA.test(text.slice(1)) ? text.slice(1) : text;
}
