import { describe, expect, it } from "vitest";
import { drawChart } from "./draw.ts";
import { histogram } from "./histogram.ts";
import { intervalPlot } from "./interval-plot.ts";
import { lineChart } from "./line-chart.ts";
import { scatterChart } from "./scatter.ts";
import { coverageCurve, reliabilityDiagram } from "./share-chart.ts";
import type { ChartSpec, Interval } from "./spec.ts";
import { heatLevel, tokenHeat } from "./token-heat.ts";

const numbers = (text: string) => (text.match(/-?\d+(\.\d+)?/g) ?? []).map(Number);
const all = (markup: string, pattern: RegExp) => [...markup.matchAll(pattern)];

/** Every coordinate of the markup lies on the page and is a number. */
function expectOnPage(markup: string): void {
  expect(markup).not.toMatch(/NaN|Infinity|undefined/);
  const [, , width, height] = numbers(/viewBox="([^"]+)"/.exec(markup)![1]!) as [
    number,
    number,
    number,
    number,
  ];
  for (const [, name, value] of all(markup, / (x|x1|x2|y|y1|y2)="(-?[\d.]+)"/g)) {
    expect(Number(value), `${name} in ${markup.slice(0, 200)}`).toBeGreaterThanOrEqual(0);
    expect(Number(value)).toBeLessThanOrEqual(name!.startsWith("x") ? width : height);
  }
}

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

describe("reliability and coverage", () => {
  it("puts a perfectly calibrated bin on the diagonal", () => {
    const { markup } = reliabilityDiagram({
      kind: "reliability",
      title: "t",
      series: [
        {
          name: "s",
          bins: [
            { confidence: 0.75, accuracy: 0.75, n: 4 },
            { confidence: 0.6, accuracy: 0, n: 0 },
          ],
        },
      ],
    })!;
    const [, x1, y1, x2, y2] = /class="reference" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"/
      .exec(markup)!
      .map(Number) as number[];
    const [x, y] = numbers(/<path class="line s0" d="([^"]+)"/.exec(markup)![1]!);
    expect(x).toBeCloseTo((x1! + x2!) / 2, 1);
    expect(y).toBeCloseTo((y1! + y2!) / 2, 1);
    expect(all(markup, /class="mark/g)).toHaveLength(1);
  });
  it("puts confidence along x and accuracy along y: a bin stated 0.6 and right 0.9 lies to the left, high", () => {
    const bins = [{ confidence: 0.6, accuracy: 0.9, n: 4 }];
    const { markup } = reliabilityDiagram({
      kind: "reliability",
      title: "t",
      series: [{ name: "s", bins }],
    })!;
    const [, x1, y1, x2, y2] = /class="reference" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"/
      .exec(markup)!
      .map(Number) as number[];
    const [x, y] = numbers(/<path class="line s0" d="([^"]+)"/.exec(markup)![1]!);
    // on 0.5 … 1: a fifth of the way right, four fifths of the way up
    expect(x).toBeCloseTo(x1! + 0.2 * (x2! - x1!), 1);
    expect(y).toBeCloseTo(y1! + 0.8 * (y2! - y1!), 1);
  });
  it("opens the axis downwards when a bin is worse than chance", () => {
    const bins = [{ confidence: 0.9, accuracy: 0.1, low: 0, high: 0.3, n: 5 }];
    expectOnPage(
      reliabilityDiagram({ kind: "reliability", title: "t", series: [{ name: "s", bins }] })!.markup,
    );
  });
  it("keeps accuracies of 0 and 1 on the page", () => {
    const points = [
      { coverage: 0.1, accuracy: 1, low: 1, high: 1, n: 1 },
      { coverage: 1, accuracy: 0, low: 0, high: 0, n: 2 },
    ];
    expectOnPage(coverageCurve({ kind: "coverage", title: "t", series: [{ name: "s", points }] })!.markup);
  });
});

describe("scatter", () => {
  it("cuts the fit where it leaves the plot", () => {
    const points = [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ];
    expectOnPage(
      scatterChart({
        kind: "scatter",
        title: "t",
        xLabel: "x",
        yLabel: "y",
        series: [{ name: "s", points, fit: { slope: 50, intercept: -20 } }],
      })!.markup,
    );
  });
});

describe("token heat", () => {
  it("tints by share of the largest: 0.5 of 1 is level 2, -1 is level -4, dust is none", () => {
    expect([0.5, -1, 0.1, 1, 9].map((value) => heatLevel(value, 1))).toEqual([2, -4, 0, 4, 4]);
    expect(heatLevel(3, 0)).toBe(0);
  });
  it("keeps the text whole and escaped", () => {
    const { markup } = tokenHeat([
      { text: "a<b", value: 1 },
      { text: " c", value: -1 },
    ])!;
    expect(markup.replace(/<[^>]+>/g, "")).toBe("a&lt;b c");
    expect(markup).toContain("up4");
    expect(markup).toContain("down4");
  });
});

describe("every chart", () => {
  const values = [[], [0], [3, 3, 3], [-2, -1], [1e300, -1e300], [Number.NaN], [1e-12, 2e-12]];
  const specs = values.flatMap((list): ChartSpec[] => {
    const points = list.map((y, x) => ({ x, y }));
    const rows = list.map((y, i) => ({ label: `row ${i}`, value: { estimate: y, low: y, high: y, n: 1 } }));
    const text = { title: "t", xLabel: "x", yLabel: "y" };
    return [
      {
        kind: "line",
        ...text,
        series: [
          { name: "s", points },
          { name: "a much longer name than there is room for", points },
        ],
      },
      {
        kind: "scatter",
        ...text,
        diagonal: true,
        series: [{ name: "s", points, fit: { slope: 1, intercept: 0 } }],
      },
      { kind: "intervals", title: "t", xLabel: "x", rows, references: [{ value: 0, label: "zero" }] },
      {
        kind: "histogram",
        title: "t",
        xLabel: "x",
        edges: [...list.map((_, i) => i), list.length],
        series: [{ name: "s", counts: list.map(() => 2) }],
      },
    ];
  });
  it("survives nothing, one value, equal, negative, huge, tiny and missing values", () => {
    for (const spec of specs) {
      const drawn = drawChart(spec);
      if (drawn !== undefined) expectOnPage(drawn.markup);
    }
  });
  it("is nothing when nothing was measured, and the same bytes when drawn again", () => {
    for (const spec of specs.slice(0, 4)) expect(drawChart(spec)).toBeUndefined();
    for (const spec of specs) expect(drawChart(spec)).toEqual(drawChart(structuredClone(spec)));
  });
  it("escapes names", () => {
    const { markup } = drawChart({
      kind: "line",
      title: "</title><script>",
      xLabel: "<x>",
      yLabel: "&",
      series: [{ name: '"><b>', points: [{ x: 1, y: 1 }] }],
    })!;
    expect(markup).not.toMatch(/<script|<x>|<b>/);
  });
});
