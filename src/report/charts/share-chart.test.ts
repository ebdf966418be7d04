import { describe, expect, it } from "vitest";
import { all, expectOnPage, numbers } from "../../../test/report/svg.ts";
import { scatterChart } from "./scatter.ts";
import { coverageCurve, reliabilityDiagram } from "./share-chart.ts";

describe("reliability and coverage", () => {
  it("puts a perfectly calibrated bin on the diagonal", () => {
    const { markup } = reliabilityDiagram({
      kind: "reliability",
      title: "t",
      series: [
        {
          name: "s",
          bins: [
            { confidence: 0.75, accuracy: 0.75, n: 40 },
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
    const bins = [{ confidence: 0.6, accuracy: 0.9, n: 40 }];
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
  it("draws bins of few pairs pale, says so, and leads no line through them", () => {
    const bin = (confidence: number, n: number) => ({
      confidence,
      accuracy: confidence,
      low: 0.5,
      high: 1,
      n,
    });
    const drawn = (bins: ReturnType<typeof bin>[]) =>
      reliabilityDiagram({ kind: "reliability", title: "t", series: [{ name: "s", bins }] })!.markup;
    const { length } = numbers(
      /<path class="line s0" d="([^"]+)"/.exec(drawn([bin(0.6, 40), bin(0.7, 20)]))![1]!,
    );
    const mixed = drawn([bin(0.6, 40), bin(0.7, 20), bin(0.9, 19)]);
    expect(numbers(/<path class="line s0" d="([^"]+)"/.exec(mixed)![1]!)).toHaveLength(length);
    expect(all(mixed, /<g class="few">/g)).toHaveLength(1);
    expect(all(mixed, /class="mark/g)).toHaveLength(3);
    expect(mixed).toContain("pale: fewer than 20 pairs");
    const firm = drawn([bin(0.6, 40)]);
    expect(firm).not.toContain("few");
    expect(drawn([bin(0.6, 3)])).not.toContain('class="line');
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
