import { describe, expect, it } from "vitest";
import { chartTable } from "./chart-table.ts";
import { isMeasured, type LineSpec } from "./spec.ts";

const line = (points: { x: number; y: number; low?: number; high?: number; n?: number }[]): LineSpec => ({
  kind: "line",
  title: "t",
  xLabel: "β",
  yLabel: "gold",
  series: [{ name: "weak", points }],
});

describe("the numbers behind a chart", () => {
  it("of a sweep are its points, with their intervals", () => {
    const table = chartTable(
      line([
        { x: 0.2, y: 2 },
        { x: 0.1, y: 1, low: 0, high: 2, n: 9 },
      ]),
    );
    expect(table.columns.map((column) => column.title)).toEqual(["β", "weak"]);
    expect(table.rows).toEqual([
      ["0.1", { estimate: 1, low: 0, high: 2, n: 9 }],
      ["0.2", 2],
    ]);
  });
  it("of a long curve are its first, lowest, highest and last value", () => {
    const points = Array.from({ length: 100 }, (_, x) => ({ x, y: x === 40 ? -5 : x === 60 ? 9 : x / 100 }));
    expect(chartTable(line(points)).rows).toEqual([["weak", 100, 0, -5, 9, 0.99]]);
  });
  it("of an interval plot are rows by series, gaps kept as gaps", () => {
    const value = { estimate: 1, low: 0, high: 2, n: 9 };
    const rows = [
      { label: "1B", series: "weak", value },
      { label: "1B", series: "human", value },
      { label: "7B", series: "weak", value },
    ];
    expect(chartTable({ kind: "intervals", title: "t", xLabel: "gold", rows }).rows).toEqual([
      ["1B", value, value],
      ["7B", value, null],
    ]);
  });
  it("of a histogram are its bins", () => {
    expect(
      chartTable({
        kind: "histogram",
        title: "t",
        xLabel: "m",
        edges: [0, 1, 2],
        series: [{ name: "s", counts: [3, 4] }],
      }).rows,
    ).toEqual([
      [0, 1, 3],
      [1, 2, 4],
    ]);
  });
  it("of shares leave out bins without rows", () => {
    const bins = [
      { confidence: 0.6, accuracy: 0.5, low: 0.4, high: 0.6, n: 10 },
      { confidence: 0.9, accuracy: 0, n: 0 },
    ];
    expect(chartTable({ kind: "reliability", title: "t", series: [{ name: "s", bins }] }).rows).toEqual([
      ["s", 0.6, { estimate: 0.5, low: 0.4, high: 0.6, n: 10 }, null],
    ]);
  });
});

describe("isMeasured", () => {
  it("needs a positive n and finite numbers", () => {
    expect(isMeasured({ estimate: 0, low: 0, high: 0, n: 1 })).toBe(true);
    expect(
      [
        undefined,
        null,
        { estimate: 0, low: 0, high: 0, n: 0 },
        { estimate: Number.NaN, low: 0, high: 0, n: 1 },
      ].some(isMeasured),
    ).toBe(false);
  });
});
