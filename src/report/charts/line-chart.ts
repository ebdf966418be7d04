/** Lines over a common x: training curves and sweeps. Series are named at their right end, so no key is needed. */
import { formatNumber } from "../format.ts";
import { type Html, html, join } from "../html.ts";
import {
  type Frame,
  gutter,
  mark,
  referenceY,
  SERIES_STYLES,
  svgChart,
  tickLabels,
  xAxis,
  yAxis,
} from "./axes.ts";
import { dodge, runningMean, thin } from "./points.ts";
import { fixedAxis, formatTicks, linearScale, logScale, niceAxis, pixel, type Scale } from "./scales.ts";
import type { LinePoint, LineSpec } from "./spec.ts";
import { fitText, spreadLabels } from "./text.ts";

/** Size in pixels of the view box: a wide chart, or a small one of a row of three. */
export type ChartSize = { width: number; height: number };

type Series = { name: string; index: number; points: LinePoint[] };

const LABEL_WIDTH = 130;

/** A small chart, one of a row of three. */
export const SMALL_CHART: ChartSize = { width: 340, height: 220 };

/** Where everything of a chart stands. */
function layoutOf(spec: LineSpec, size: ChartSize) {
  const series = usableSeries(spec);
  if (series.length === 0) return undefined;
  const references = spec.references ?? [];
  const points = series.flatMap((one) => one.points);
  const heights = [
    ...points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]),
    ...references.map((r) => r.value),
  ];
  const yTicks = niceAxis(heights, 4);
  const yLabels = tickLabels(yTicks.ticks, spec.yFormat);
  const named = series.length > 1;
  const labels = named ? series.map((one) => fitText(one.name, LABEL_WIDTH, 12)) : [];
  const frame: Frame = {
    ...size,
    left: gutter(yLabels),
    right: size.width - (named ? gutter(labels) + 2 : 16),
    top: spec.yLabel === "" ? 12 : 30,
    bottom: size.height - 40,
  };
  const x = xScale(
    spec,
    points.map((point) => point.x),
    frame,
  );
  const y = linearScale(yTicks, [frame.bottom, frame.top]);
  return { series, references, yLabels, named, labels, frame, x, y };
}

/** Where the x axis of a chart lies, for whoever draws a cursor over it: pixels of the view box and the values there. */
export function xSpan(
  spec: LineSpec,
  size: ChartSize,
): { readonly frame: Frame; readonly domain: Scale["domain"] } | undefined {
  const layout = layoutOf(spec, size);
  return layout && { frame: layout.frame, domain: layout.x.domain };
}

/** Draws lines; points that are not finite (or not above 0 on a log axis) are left out. No point at all: undefined. */
export function lineChart(spec: LineSpec, size: ChartSize = { width: 500, height: 280 }): Html | undefined {
  const layout = layoutOf(spec, size);
  if (layout === undefined) return undefined;
  const { series, references, yLabels, named, labels, frame, x, y } = layout;
  const markers = spec.markers ?? series.every((one) => one.points.length <= 24);
  const wanted = series.map((one) => y(one.points.at(-1)!.y));
  const ends = spreadLabels(wanted, 14, [frame.top + 2, frame.bottom - 4]);
  const shift = dodge(series);

  return svgChart(size, { title: spec.title, description: spec.description ?? describe(spec, series) }, [
    yAxis(frame, y, spec.yLabel, yLabels),
    xAxis(
      frame,
      x,
      spec.xLabel,
      spec.xScale === "log" ? x.ticks.flatMap((tick) => formatTicks([tick])) : formatTicks(x.ticks),
    ),
    series.map((one, i) => [
      seriesLine(
        one,
        Object.assign((value: number) => pixel(x(value) + shift[i]!), x),
        y,
        markers,
      ),
      named &&
        html`<text class="series-name s${one.index % SERIES_STYLES}" x="${frame.right + 8}" y="${Math.round(ends[i]! + 4)}">${labels[i]}</text>`,
    ]),
    references.map(({ value, label }) => {
      const room = (end: 0 | -1) =>
        Math.min(...series.map((one) => Math.abs(y(one.points.at(end)!.y) - y(value))));
      return referenceY(frame, y(value), label, room(0) >= room(-1) ? "left" : "right");
    }),
  ]);
}

function usableSeries({ series, xScale }: LineSpec): Series[] {
  const usable = ({ x, y }: LinePoint) =>
    Number.isFinite(x) && Number.isFinite(y) && (xScale !== "log" || x > 0);
  return series
    .map(({ name, points }, index) => ({
      name,
      index,
      points: points.filter(usable).sort((a, b) => a.x - b.x),
    }))
    .filter((one) => one.points.length > 0);
}

/** Steps fill the width: the ends are the data's own, not rounded outwards; a sweep is kept off the edges for its marks. */
function xScale(spec: LineSpec, values: readonly number[], frame: Frame): Scale {
  if (spec.xScale === "log") return logScale(values, [frame.left + 10, frame.right - 10]);
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const axis = high > low && Number.isFinite(high - low) ? fixedAxis([low, high], 6) : niceAxis(values);
  return linearScale(axis, [frame.left, frame.right]);
}

/** A noisy curve is drawn pale, with its running mean over it; others as they are. */
function seriesLine({ index, points }: Series, x: Scale, y: Scale, markers: boolean): Html {
  const style = index % SERIES_STYLES;
  const mean = runningMean(points);
  const path = (line: readonly LinePoint[]) =>
    thin(line)
      .map((point, i) => `${i === 0 ? "M" : "L"}${x(point.x)} ${y(point.y)}`)
      .join("");
  return join([
    html`<path class="line s${style}${mean !== undefined && " pale"}" d="${path(points)}"/>`,
    mean !== undefined && html`<path class="line s${style}" d="${path(mean)}"/>`,
    ...points.map(
      (p) =>
        p.low !== undefined &&
        p.high !== undefined &&
        html`<line class="whisker s${style}" x1="${x(p.x)}" x2="${x(p.x)}" y1="${y(p.low)}" y2="${y(p.high)}"/>`,
    ),
    ...(markers || points.length === 1
      ? points.map((point) => mark(index, x(point.x), y(point.y), 3.2))
      : []),
  ]);
}

function describe(spec: LineSpec, series: readonly Series[]): string {
  const parts = series.map(({ name, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    const format = spec.yFormat ?? "number";
    return `${name}: from ${formatNumber(first.y, { format })} at ${formatNumber(first.x)} to ${formatNumber(last.y, { format })} at ${formatNumber(last.x)}, ${points.length} points`;
  });
  return `${spec.yLabel || spec.title} over ${spec.xLabel}. ${parts.join("; ")}.`;
}
