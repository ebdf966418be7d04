/** Estimates as dots with whiskers, one row each: arms by gold reward, sweeps by arm, differences around zero. */
import { digitsFor, formatCount, formatInterval } from "../format.ts";
import { type Html, html } from "../html.ts";
import {
  type Frame,
  gutter,
  legend,
  mark,
  referencesX,
  SERIES_STYLES,
  svgChart,
  tickLabels,
  xAxis,
  xGrid,
} from "./axes.ts";
import { linearScale, niceAxis, pixel, type Scale } from "./scales.ts";
import { type Interval, type IntervalSpec, isMeasured } from "./spec.ts";
import { textWidth, wrapText } from "./text.ts";

const ROW = 26;
const TWO_LINE_ROW = 33;
const SUB_ROW = 15;

/** Draws dots and whiskers; rows that were not measured are left out. None at all: undefined. */
export function intervalPlot(spec: IntervalSpec, width = 500): Html | undefined {
  const rows = spec.rows.filter((row) => isMeasured(row.value));
  if (rows.length === 0) return undefined;
  const groups = [...new Set(rows.map((row) => row.label))];
  const seriesNames = [...new Set(rows.flatMap((row) => (row.series === undefined ? [] : [row.series])))];
  const key = legend(seriesNames, width, 4);
  const references = spec.references ?? [];
  const top = key.height + 8 + (references.length > 0 ? 13 * references.length + 4 : 0);

  const labels = groups.map((label) => wrapText(label, width * 0.32));
  const format = spec.format ?? "number";
  const digits = digitsFor(
    rows.map((row) => row.value),
    format,
  );
  const values = rows.map((row) =>
    formatInterval(row.value, { format, digits, signed: spec.signed ?? false }),
  );
  const showValues = seriesNames.length < 2;
  const right = width - (showValues ? Math.max(...values.map((value) => textWidth(value, 11))) + 16 : 18);
  const layout = layoutRows(rows, groups, top, labels.some((lines) => lines.length > 1) ? TWO_LINE_ROW : ROW);
  const frame: Frame = {
    width,
    height: layout.bottom + 44,
    left: Math.max(60, gutter(labels.flat())),
    right,
    top,
    bottom: layout.bottom,
  };
  const axis = niceAxis(
    [
      ...rows.flatMap(({ value }) => [value.low, value.estimate, value.high]),
      ...references.map((r) => r.value),
    ],
    5,
  );
  const x = linearScale(axis, [frame.left, frame.right]);
  const xLabels = tickLabels(axis.ticks, format);

  return svgChart(
    { width, height: frame.height },
    { title: spec.title, description: spec.description ?? describe(spec, rows, values) },
    [
      key.markup,
      xGrid(frame, x),
      xAxis(frame, x, spec.xLabel, xLabels),
      referencesX({ ...frame, top: key.height + 2 }, x, references),
      groups.map((label, i) => rowName(label, labels[i]!, frame.left - 10, layout.labelY[i]!)),
      rows.map((row, i) => [
        whisker(row.value, Math.max(0, seriesNames.indexOf(row.series ?? "")), x, layout.rowY[i]!),
        showValues &&
          html`<text class="value" x="${width - 4}" y="${pixel(layout.rowY[i]! + 4)}" text-anchor="end">${values[i]}</text>`,
      ]),
    ],
  );
}

/** A row's name in one or two lines, whole in its tooltip. */
function rowName(label: string, lines: readonly string[], x: number, middle: number): Html {
  const first = middle + 4 - (lines.length - 1) * 6.5;
  const spans = lines.map((line, i) => html`<tspan x="${x}" y="${pixel(first + 13 * i)}">${line}</tspan>`);
  return html`<text class="row-name" text-anchor="end"><title>${label}</title>${spans}</text>`;
}

/** One estimate: the whisker from low to high with end caps, the mark at the estimate. */
function whisker(value: Interval, series: number, x: Scale, y: number): Html {
  const style = series % SERIES_STYLES;
  const [low, high] = [x(value.low), x(value.high)];
  const cap = (at: number) =>
    html`<line class="whisker s${style}" x1="${at}" x2="${at}" y1="${pixel(y - 4)}" y2="${pixel(y + 4)}"/>`;
  return html`<line class="whisker s${style}" x1="${low}" x2="${high}" y1="${y}" y2="${y}"/>${cap(low)}${cap(high)}${mark(series, x(value.estimate), y, 4)}`;
}

/** y of every row and of every group's label: rows of a group stand close, groups apart. */
function layoutRows(
  rows: readonly { label: string }[],
  groups: readonly string[],
  top: number,
  height: number,
) {
  const rowY = new Array<number>(rows.length);
  const labelY: number[] = [];
  let y = top + height / 2;
  for (const label of groups) {
    const members = rows.flatMap((row, i) => (row.label === label ? [i] : []));
    members.forEach((row, i) => {
      rowY[row] = y + i * SUB_ROW;
    });
    labelY.push(y + ((members.length - 1) * SUB_ROW) / 2);
    y += (members.length - 1) * SUB_ROW + height;
  }
  return { rowY, labelY, bottom: y - height / 2 + 2 };
}

function describe(spec: IntervalSpec, rows: IntervalSpec["rows"], values: readonly string[]): string {
  const parts = rows.map(
    (row, i) =>
      `${row.label}${row.series === undefined ? "" : `, ${row.series}`}: ${values[i]}, n = ${formatCount(row.value.n)}`,
  );
  return `${spec.xLabel}. ${parts.join("; ")}.`;
}
