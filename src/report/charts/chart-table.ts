/** The numbers behind a chart as a table: for those who cannot see it, for copying, and for the Markdown report. */
import { unreachable } from "../../base/core/errors.ts";
import type { Cell, ReportTable } from "../data.ts";
import type { ChartSpec, HistogramSpec, IntervalSpec, LineSpec } from "./spec.ts";

/** Longest series that is printed point by point; longer ones are told by their first, lowest, highest and last value. */
const MOST_ROWS = 24;

/** The table of a chart; a scatter plot's is its fits. */
export function chartTable(spec: ChartSpec): ReportTable {
  switch (spec.kind) {
    case "line":
      return lineTable(spec);
    case "intervals":
      return intervalTable(spec);
    case "histogram":
      return histogramTable(spec);
    case "reliability":
      return sharesTable(
        "confidence",
        "accuracy",
        spec.series.flatMap(({ name, bins }) => bins.map((bin) => ({ name, x: bin.confidence, ...bin }))),
      );
    case "coverage":
      return sharesTable(
        "coverage",
        "accuracy",
        spec.series.flatMap(({ name, points }) =>
          points.map((point) => ({ name, x: point.coverage, ...point })),
        ),
      );
    case "scatter":
      return {
        columns: [
          { title: "series" },
          { title: "n", format: "count" },
          { title: "slope" },
          { title: "intercept" },
          { title: "R²" },
        ],
        rows: spec.series.map(({ name, points, fit }) => [
          name,
          points.length,
          fit?.slope ?? null,
          fit?.intercept ?? null,
          fit?.r2 ?? null,
        ]),
      };
    default:
      return unreachable(spec);
  }
}

function lineTable({ series, xLabel, yLabel, yFormat = "number" }: LineSpec): ReportTable {
  const filled = series.filter((one) => one.points.length > 0);
  if (filled.some((one) => one.points.length > MOST_ROWS)) {
    const rows = filled.map(({ name, points }): Cell[] => {
      const values = points.map((point) => point.y);
      const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      return [name, points.length, values[0]!, low, high, values.at(-1)!];
    });
    const number = (title: string) => ({ title, format: yFormat });
    return {
      columns: [
        { title: yLabel },
        { title: "points", format: "count" },
        number("first"),
        number("lowest"),
        number("highest"),
        number("last"),
      ],
      rows,
    };
  }
  const xs = [...new Set(filled.flatMap((one) => one.points.map((point) => point.x)))].sort((a, b) => a - b);
  const rows = xs.map((x): Cell[] => [
    String(x),
    ...filled.map(({ points }): Cell => {
      const point = points.find((one) => one.x === x);
      if (point === undefined) return null;
      const whole = point.low !== undefined && point.high !== undefined && point.n !== undefined;
      return whole ? { estimate: point.y, low: point.low!, high: point.high!, n: point.n! } : point.y;
    }),
  ]);
  return {
    columns: [{ title: xLabel }, ...filled.map(({ name }) => ({ title: name, format: yFormat }))],
    rows,
  };
}

function intervalTable({ rows, xLabel, format = "number" }: IntervalSpec): ReportTable {
  const names = [...new Set(rows.map((row) => row.series ?? xLabel))];
  const labels = [...new Set(rows.map((row) => row.label))];
  const cell = (label: string, name: string): Cell =>
    rows.find((row) => row.label === label && (row.series ?? xLabel) === name)?.value ?? null;
  return {
    columns: [{ title: "" }, ...names.map((title) => ({ title, format }))],
    rows: labels.map((label) => [label, ...names.map((name) => cell(label, name))]),
  };
}

function histogramTable({ edges, series, xLabel }: HistogramSpec): ReportTable {
  return {
    columns: [
      { title: `${xLabel}, from` },
      { title: "to" },
      ...series.map(({ name }) => ({ title: name, format: "count" as const })),
    ],
    rows: edges
      .slice(0, -1)
      .map((edge, i): Cell[] => [edge, edges[i + 1]!, ...series.map(({ counts }) => counts[i] ?? null)]),
  };
}

type SharePoint = { name: string; x: number; accuracy: number; low?: number; high?: number; n: number };

function sharesTable(xName: string, yName: string, points: readonly SharePoint[]): ReportTable {
  return {
    columns: [
      { title: "series" },
      { title: xName, format: "percent" },
      { title: yName, format: "percent" },
      { title: "n", format: "count" },
    ],
    rows: points
      .filter((point) => point.n > 0)
      .map((point): Cell[] => {
        const whole = point.low !== undefined && point.high !== undefined;
        const accuracy = whole
          ? { estimate: point.accuracy, low: point.low!, high: point.high!, n: point.n }
          : point.accuracy;
        return [point.name, point.x, accuracy, whole ? null : point.n];
      }),
  };
}
