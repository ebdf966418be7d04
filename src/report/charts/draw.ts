/** Draws any chart spec. */
import type { Html } from "../html.ts";
import { histogram } from "./histogram.ts";
import { intervalPlot } from "./interval-plot.ts";
import { lineChart, SMALL_CHART } from "./line-chart.ts";
import { scatterChart } from "./scatter.ts";
import { coverageCurve, reliabilityDiagram } from "./share-chart.ts";
import type { ChartSpec } from "./spec.ts";

/** The chart as inline SVG, or undefined when nothing in it was measured. `small`: for a row of three. */
export function drawChart(spec: ChartSpec, small = false): Html | undefined {
  switch (spec.kind) {
    case "line":
      return small ? lineChart(spec, SMALL_CHART) : lineChart(spec);
    case "intervals":
      return intervalPlot(spec);
    case "histogram":
      return histogram(spec);
    case "reliability":
      return reliabilityDiagram(spec);
    case "coverage":
      return coverageCurve(spec);
    case "scatter":
      return scatterChart(spec);
    default:
      return spec satisfies never;
  }
}
