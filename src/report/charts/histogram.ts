/** Counts in bins, as shares of each series, so that series of different sizes can be laid over each other. */
import { formatCount, formatNumber } from "../format.ts";
import { type Html, html } from "../html.ts";
import {
  type Frame,
  gutter,
  legend,
  referencesX,
  SERIES_STYLES,
  svgChart,
  tickLabels,
  xAxis,
  yAxis,
} from "./axes.ts";
import type { ChartSize } from "./line-chart.ts";
import { fixedAxis, linearScale, niceAxis, pixel, type Scale } from "./scales.ts";
import type { HistogramSpec } from "./spec.ts";

/**
 * Draws one step outline per series, filled lightly; a series without counts is left out. Nothing counted: undefined.
 * @throws Error when `edges` does not have one entry more than the counts (a bug of the caller)
 */
export function histogram(
  spec: HistogramSpec,
  size: ChartSize = { width: 500, height: 260 },
): Html | undefined {
  for (const { name, counts } of spec.series)
    if (spec.edges.length !== counts.length + 1)
      throw new Error(
        `internal: histogram "${spec.title}", series "${name}": expected ${counts.length + 1} edges, got ${spec.edges.length}`,
      );
  const series = spec.series
    .map((one, index) => ({ ...one, index, n: one.counts.reduce((a, b) => a + b, 0) }))
    .filter((one) => one.n > 0);
  if (series.length === 0) return undefined;

  const names = series.map((one) => `${one.name} (n = ${formatCount(one.n)})`);
  const key = legend(names, size.width, 2, "fill");
  const references = spec.references ?? [];
  const top = key.height + 28;
  const most = Math.max(...series.flatMap((one) => one.counts.map((count) => count / one.n)));
  const heights = niceAxis([0, most], 4);
  const yLabels = tickLabels(heights.ticks, "percent");
  const frame: Frame = {
    ...size,
    left: gutter(yLabels),
    right: size.width - 14,
    top,
    bottom: size.height - 40,
  };
  const y = linearScale(heights, [frame.bottom, frame.top]);
  const [low, high] = [spec.edges[0]!, spec.edges.at(-1)!];
  const x = linearScale(high > low ? fixedAxis([low, high], 6) : niceAxis([low, high]), [
    frame.left,
    frame.right,
  ]);
  const yName = names.length === 1 ? `share of ${names[0]}` : "share of each";

  return svgChart(size, { title: spec.title, description: spec.description ?? describe(spec, series) }, [
    key.markup,
    yAxis(frame, y, yName, yLabels),
    series.map(
      (one) =>
        html`<path class="area s${one.index % SERIES_STYLES}" d="${outline(
          spec.edges,
          one.counts.map((count) => count / one.n),
          x,
          y,
        )}"/>`,
    ),
    xAxis(frame, x, spec.xLabel),
    referencesX(frame, x, references),
  ]);
}

/** Closed step path: up at the first edge, along the tops, down at the last. */
function outline(edges: readonly number[], shares: readonly number[], x: Scale, y: Scale): string {
  const tops = shares.map((share, i) => `V${y(share)}H${x(edges[i + 1]!)}`).join("");
  return `M${x(edges[0]!)} ${pixel(y(0))}${tops}V${pixel(y(0))}z`;
}

function describe(
  spec: HistogramSpec,
  series: readonly { name: string; counts: readonly number[]; n: number }[],
): string {
  const parts = series.map(({ name, counts, n }) => {
    const peak = counts.indexOf(Math.max(...counts));
    return `${name}, n = ${formatCount(n)}: most often from ${formatNumber(spec.edges[peak]!)} to ${formatNumber(spec.edges[peak + 1]!)} (${formatNumber(counts[peak]! / n, { format: "percent" })})`;
  });
  return `Distribution of ${spec.xLabel}. ${parts.join("; ")}.`;
}
