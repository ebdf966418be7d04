import { describe, expect, it } from "vitest";
import { all, expectOnPage, numbers } from "../../../test/report/svg.ts";
import { histogram } from "./histogram.ts";
import { intervalPlot } from "./interval-plot.ts";
import { lineChart } from "./line-chart.ts";
import type { Interval } from "./spec.ts";

describe("interval plot", () => {
  const spec = {
    kind: "intervals" as const,
    title: "Gold reward",
    xLabel: "gold",
    rows: [{ label: "weak", value: { estimate: 0.5, low: 0.25, high: 1, n: 10 } }],
  };
  it("puts the whisker's ends and the mark where the scale says", () => {
    const { markup } = intervalPlot(spec, 500)!;
    // 0.25 … 1 over 5: 0.15 → step 0.2, axis 0.2 … 1
    const [, left, right] = /<g class="axis"><line x1="([\d.]+)" x2="([\d.]+)"/
      .exec(markup.slice(markup.lastIndexOf('<g class="axis">')))!
      .map(Number) as [number, number, number];
    const at = (value: number) => Math.round((left + ((value - 0.2) / 0.8) * (right - left)) * 100) / 100;
    const [, x1, x2] = /<line class="whisker s0" x1="([\d.]+)" x2="([\d.]+)"/.exec(markup)!;
    expect([Number(x1), Number(x2)]).toEqual([at(0.25), at(1)]);
    // a circle's path starts 4 px left of its middle
    const [markX] = numbers(/<path class="mark s0" d="([^"]+)"/.exec(markup)![1]!);
    expect(markX).toBeCloseTo(at(0.5) - 4, 1);
  });
  it("says estimate, interval and n to a screen reader", () => {
    expect(intervalPlot(spec)!.markup).toContain("weak: 0.5 [0.3, 1.0], n = 10");
    expect(intervalPlot(spec)!.markup).toMatch(
      /role="img" aria-label="Gold reward"><title>Gold reward<\/title><desc>/,
    );
  });
  it("leaves out rows that were not measured, and is nothing without rows", () => {
    const none: Interval = { estimate: 0, low: 0, high: 0, n: 0 };
    const both = intervalPlot({ ...spec, rows: [...spec.rows, { label: "absent", value: none }] })!.markup;
    expect(both).not.toContain("absent");
    expect(intervalPlot({ ...spec, rows: [{ label: "absent", value: none }] })).toBeUndefined();
  });
  it("tells series apart by shape as well as colour", () => {
    const rows = ["a", "b"].map((series) => ({ label: "x", series, value: spec.rows[0]!.value }));
    const { markup } = intervalPlot({ ...spec, rows })!;
    const shapes = all(markup, /class="mark s(\d)" d="M[\d. ]+([a-zA-Z])/g).map(
      ([, s, shape]) => `${s}${shape}`,
    );
    expect(new Set(shapes)).toEqual(new Set(["0a", "1h"]));
  });
});

describe("line chart", () => {
  it("runs from the lower left to the upper right corner of its frame for a rising line", () => {
    const { markup } = lineChart(
      {
        kind: "line",
        title: "t",
        xLabel: "step",
        yLabel: "loss",
        markers: false,
        series: [
          {
            name: "train",
            points: [
              { x: 0, y: 0 },
              { x: 10, y: 4 },
            ],
          },
        ],
      },
      { width: 300, height: 200 },
    )!;
    const [x0, y0, x1, y1] = numbers(/<path class="line s0" d="([^"]+)"/.exec(markup)![1]!);
    // frame: bottom = 200 - 40, top = 30, right = 300 - 16; y axis 0 … 4
    expect([y0, x1, y1]).toEqual([160, 284, 30]);
    expect(x0).toBeLessThan(40);
  });
  it("shows a single point as a mark", () => {
    const { markup } = lineChart({
      kind: "line",
      title: "t",
      xLabel: "x",
      yLabel: "y",
      markers: false,
      series: [{ name: "one", points: [{ x: 5, y: 5 }] }],
    })!;
    expect(markup).toContain('class="mark s0"');
    expectOnPage(markup);
  });
  it("leaves out points that a log axis cannot show", () => {
    const points = [0, 0.1, 1].map((x) => ({ x, y: 1 }));
    const spec = {
      kind: "line" as const,
      title: "t",
      xLabel: "x",
      yLabel: "y",
      xScale: "log" as const,
      series: [{ name: "s", points }],
    };
    expect(all(lineChart(spec)!.markup, /class="mark/g)).toHaveLength(2);
  });
  it("labels a sweep's own values, each with its own decimals", () => {
    const points = [0.0625, 0.125, 0.5].map((x) => ({ x, y: x }));
    const { markup } = lineChart({
      kind: "line",
      title: "t",
      xLabel: "x",
      yLabel: "y",
      xScale: "log",
      series: [{ name: "s", points }],
    })!;
    for (const label of [">0.0625<", ">0.125<", ">0.5<"]) expect(markup).toContain(label);
  });
  it("names a reference at the end that is farther from the lines", () => {
    const draw = (ys: number[]) =>
      lineChart({
        kind: "line",
        title: "t",
        xLabel: "x",
        yLabel: "y",
        series: [{ name: "s", points: ys.map((y, x) => ({ x, y })) }],
        references: [{ value: 0, label: "chance" }],
      })!.markup;
    expect(draw([0, 1])).toMatch(/class="reference-name"[^>]* text-anchor="end">chance/);
    expect(draw([1, 0])).toMatch(/class="reference-name"[^>]* text-anchor="start">chance/);
  });
  it("names two series that end together without overlap", () => {
    const series = ["a", "b"].map((name) => ({
      name,
      points: [
        { x: 0, y: 0 },
        { x: 1, y: 1 },
      ],
    }));
    const { markup } = lineChart({ kind: "line", title: "t", xLabel: "x", yLabel: "y", series })!;
    const [first, second] = all(markup, /class="series-name s\d" x="[\d.]+" y="(\d+)"/g).map(([, y]) =>
      Number(y),
    );
    expect(Math.abs(first! - second!)).toBeGreaterThanOrEqual(14);
  });
});

describe("histogram", () => {
  it("draws shares: 1 and 3 of 4 are 25 % and 75 %", () => {
    const { markup } = histogram(
      {
        kind: "histogram",
        title: "t",
        xLabel: "x",
        edges: [0, 1, 2],
        series: [{ name: "s", counts: [1, 3] }],
      },
      { width: 300, height: 200 },
    )!;
    const d = /<path class="area s0" d="([^"]+)"/.exec(markup)![1]!;
    const [y1, y2] = all(d, /V([\d.]+)H/g).map(([, y]) => Number(y));
    // 0.75 / 4 → step 0.2, axis 0 … 0.8 from y = 160 up to y = 28: 132 px
    expect(y1).toBeCloseTo(160 - (0.25 / 0.8) * 132, 2);
    expect(y2).toBeCloseTo(160 - (0.75 / 0.8) * 132, 2);
    expect(d.startsWith("M") && d.endsWith("V160z")).toBe(true);
    expect(markup).toContain("share of s (n = 4)");
  });
  it("refuses edges that do not fit and is nothing without counts", () => {
    const spec = {
      kind: "histogram" as const,
      title: "t",
      xLabel: "x",
      edges: [0, 1],
      series: [{ name: "s", counts: [1, 3] }],
    };
    expect(() => histogram(spec)).toThrow('histogram "t", series "s": expected 3 edges, got 2');
    expect(histogram({ ...spec, series: [{ name: "s", counts: [0] }] })).toBeUndefined();
  });
});
