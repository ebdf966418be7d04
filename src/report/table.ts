/** A table made ready to print, for HTML and Markdown alike: digits chosen per column, a common n moved to the header. */
import { type Interval, isMeasured, type NumberFormat } from "./charts/spec.ts";
import type { Cell, Column, ReportTable } from "./data.ts";
import {
  digitsFor,
  formatCount,
  formatNumber,
  formatP,
  formatRange,
  NOT_MEASURED,
  type NumberStyle,
} from "./format.ts";

/** What is printed under every table that quotes a paper. */
export const PAPER_NOTE =
  "† The paper's numbers, not this run's: other models, data and scorers. Directions compare, levels do not.";

const NUMBERS: readonly NumberFormat[] = ["number", "percent", "count"];

/** A column header; `note` is the sample size when it is the same in every row. */
export type ColumnView = { title: string; note?: string; numeric: boolean; code: boolean; paper: boolean };

/** A cell in parts, so that a page can set them differently. */
export type CellView = { main: string; range?: string; n?: string };

/** A table as text. */
export type TableView = { columns: ColumnView[]; rows: CellView[][]; hasPaper: boolean };

/** Columns and rows in which nothing was measured are dropped; a table without a row: undefined. */
export function tableView(table: ReportTable): TableView | undefined {
  const rows = table.rows.filter((row) => row.some(isGiven));
  const kept = table.columns.flatMap((column, index) =>
    rows.some((row) => isGiven(row[index])) ? [{ column, index }] : [],
  );
  if (rows.length === 0 || kept.length === 0) return undefined;
  const prepared = kept.map(({ column, index }) =>
    prepare(
      column,
      rows.map((row) => row[index] ?? null),
    ),
  );
  return {
    columns: prepared.map((one) => one.header),
    rows: rows.map((_, r) => prepared.map((one) => one.cells[r]!)),
    hasPaper: prepared.some((one) => one.header.paper),
  };
}

/** A cell on one line: "0.31 [0.22, 0.40], n = 200". */
export function cellText({ main, range, n }: CellView): string {
  return [main, range === undefined ? "" : ` ${range}`, n === undefined ? "" : `, ${n}`].join("");
}

function prepare(column: Column, cells: readonly Cell[]): { header: ColumnView; cells: CellView[] } {
  const intervals = cells.filter(isInterval).filter(isMeasured);
  const text =
    column.format === undefined
      ? cells.every((cell) => cell === null || typeof cell === "string")
      : column.format === "text" || column.format === "code";
  const sizes = new Set(intervals.map((value) => value.n));
  const common = sizes.size === 1 && intervals.length > 1 ? `n = ${formatCount(intervals[0]!.n)}` : undefined;
  const format = NUMBERS.find((name) => name === column.format);
  const digits =
    column.digits ?? (intervals.length > 0 ? digitsFor(intervals, format) : commonDigits(cells, format));
  const style: NumberStyle = { format, digits, signed: column.signed };
  const paper = column.source === "paper";
  const header: ColumnView = { title: column.title, numeric: !text, code: column.format === "code", paper };
  return {
    header: common === undefined ? header : { ...header, note: common },
    // A gap in a column of words is a gap; in a column of numbers it says that nothing was measured.
    cells: cells.map((cell) => {
      if (cell === null && text) return { main: "" };
      if (typeof cell === "number" && column.format === "p") return { main: formatP(cell) };
      return cellView(cell, style, common !== undefined);
    }),
  };
}

function cellView(cell: Cell, style: NumberStyle, commonN: boolean): CellView {
  if (cell === null) return { main: NOT_MEASURED };
  if (typeof cell === "string") return { main: cell };
  if (typeof cell === "number") return { main: formatNumber(cell, style) };
  if (!isMeasured(cell)) return { main: NOT_MEASURED };
  const view: CellView = { main: formatNumber(cell.estimate, style), range: formatRange(cell, style) };
  return commonN ? view : { ...view, n: `n = ${formatCount(cell.n)}` };
}

/** Plain numbers of a column share the decimals of the most exact one, at most 4. */
function commonDigits(cells: readonly Cell[], format: NumberFormat | undefined): number | undefined {
  if (format === "percent" || format === "count") return undefined;
  const numbers = cells.filter((cell) => typeof cell === "number" && Number.isFinite(cell)) as number[];
  if (numbers.length === 0) return undefined;
  return Math.max(
    ...numbers.map((value) => Math.min(4, String(Number(value.toPrecision(6))).split(".")[1]?.length ?? 0)),
  );
}

function isInterval(cell: Cell | undefined): cell is Interval {
  return typeof cell === "object" && cell !== null;
}

function isGiven(cell: Cell | undefined): boolean {
  if (cell === undefined || cell === null || cell === "") return false;
  if (typeof cell === "number") return Number.isFinite(cell);
  return typeof cell === "string" || isMeasured(cell);
}
