import { describe, expect, it } from "vitest";
import { expectOnPage } from "../../../test/report/svg.ts";
import { drawChart } from "./draw.ts";
import type { ChartSpec } from "./spec.ts";
import { heatLevel, tokenHeat } from "./token-heat.ts";

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
