/** Tables as HTML: numbers right-aligned in tabular figures, interval and n beside each estimate, the paper's columns set apart. */
import type { ReportTable } from "../data.ts";
import { type Html, html } from "../html.ts";
import { type CellView, type ColumnView, PAPER_NOTE, tableView } from "../table.ts";

/** Characters up to which a cell stays on one line; longer words get the room of some. */
const SHORT = 24;

/** A table, or undefined when nothing in it was measured. */
export function tableHtml(table: ReportTable): Html | undefined {
  const view = tableView(table);
  if (view === undefined) return undefined;
  const beside = table.paperItem !== undefined && html`<span class="soft">beside ${table.paperItem}</span>`;
  const caption =
    (table.title !== undefined || beside) && html`<caption>${table.title ?? ""}${beside}</caption>`;
  const notes = [...(view.hasPaper ? [PAPER_NOTE] : []), ...(table.notes ?? [])];
  const sortable = view.rows.length > 2 && html` class="sortable"`;
  return html`<div class="scroll"><table${sortable}>${caption}<thead><tr>${view.columns.map(headHtml)}</tr></thead><tbody>
${view.rows.map((row) => html`<tr>${row.map((cell, i) => cellHtml(cell, view.columns[i]!, i === 0))}</tr>\n`)}</tbody></table></div>
${notes.length > 0 && html`<div class="after">${notes.map((note) => html`<p class="soft">${note}</p>`)}</div>`}`;
}

function headHtml(column: ColumnView): Html {
  const title = column.paper ? `paper: ${column.title.replace(/^paper:? ?/i, "")}` : column.title;
  return html`<th scope="col"${classes(column)}>${title}${column.note !== undefined && html`<span class="soft">${column.note}</span>`}</th>`;
}

function cellHtml(cell: CellView, column: ColumnView, first: boolean): Html {
  const range = cell.range !== undefined && html` <span class="ci">${cell.range}</span>`;
  const n = cell.n !== undefined && html` <span class="n">${cell.n}</span>`;
  const { length } = cell.main;
  const body = html`${column.code ? html`<code>${cell.main}</code>` : cell.main}${range}${n}`;
  if (first && length <= SHORT && !column.code)
    return html`<th scope="row" class="${column.numeric ? "num" : "nw"}">${body}</th>`;
  return first
    ? html`<th scope="row"${classes(column, length)}>${body}</th>`
    : html`<td${classes(column, length)}>${body}</td>`;
}

/** @param length - of a cell's text, which decides whether it may break; a column's title has none */
function classes({ numeric, code, paper }: ColumnView, length?: number): Html | false {
  const short = length !== undefined && length <= SHORT;
  const long = length !== undefined && !short && !numeric && !code;
  const names = [
    numeric && "num",
    code && (short ? "code nw" : "code"),
    long && "long",
    paper && "paper",
  ].filter((name) => name !== false);
  return names.length > 0 && html` class="${names.join(" ")}"`;
}
