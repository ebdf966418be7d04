/** Lines over a common x: training curves and sweeps. Series are named at their right end, so no key is needed. */

import { formatNumber } from "../format.ts";
import { type Html, html, join } from "../html.ts";
import { type Frame, gutter, mark, referenceY, SERIES_STYLES, svgChart, xAxis, yAxis } from "./axes.ts";
import { formatTicks, linearScale, logScale, niceDomain, type Scale } from "./scales.ts";
import type { LinePoint, LineSpec } from "./spec.ts";
import { fitText, spreadLabels } from "./text.ts";

/** Size in pixels of the view box: a wide chart, or a small one of a row of three. */
export type ChartSize = { width: number; height: number };

const MAX_POINTS = 300;
const LABEL_WIDTH = 130;

/** Draws lines; points that are not finite (or not above 0 on a log axis) are left out. No point at all: undefined. */
export function lineChart(spec: LineSpec, size: ChartSize = { width: 560, height: 300 }): Html | undefined {
  const log = spec.xScale === "log";
  const usable = (point: LinePoint) =>
    Number.isFinite(point.x) && Number.isFinite(point.y) && (!log || point.x > 0);
  const series = spec.series
    .map((one, index) => ({
      name: one.name,
      index,
      points: one.points.filter(usable).sort((a, b) => a.x - b.x),
    }))
    .filter((one) => one.points.length > 0);
  if (series.length === 0) return undefined;

  const points = series.flatMap((one) => one.points);
  const yValues = [
    ...points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]),
    ...(spec.references ?? []).map((r) => r.value),
  ];
  const yDomain = niceDomain(yValues, 4);
  const named = series.length > 1;
  const labels = named ? series.map((one) => fitText(one.name, LABEL_WIDTH, 11)) : [];
  const draft = linearScale(yDomain, [0, 1], 4);
  const yLabels =
    spec.yFormat === "percent"
      ? draft.ticks.map((tick) => formatNumber(tick, { format: "percent", digits: 0 }))
      : formatTicks(draft.ticks);
  const frame: Frame = {
    ...size,
    left: gutter(yLabels),
    right: size.width - (named ? gutter(labels, 11) + 2 : 14),
    top: 30,
    bottom: size.height - 40,
  };
  const xValues = points.map((point) => point.x);
  const x = log
    ? logScale(xValues, [frame.left + 8, frame.right - 8])
    : linearScale(xDomain(xValues), [frame.left, frame.right], size.width > 400 ? 6 : 4);
  const y = linearScale(yDomain, [frame.bottom, frame.top], 4);
  const markers = spec.markers ?? series.every((one) => one.points.length <= 24);
  const ends = spreadLabels(
    series.map((one) => y(one.points.at(-1)!.y)),
    14,
    [frame.top + 2, frame.bottom - 2],
  );

  return svgChart(size, { title: spec.title, description: spec.description ?? describe(spec, series) }, [
    yAxis(frame, y, spec.yLabel, yLabels),
    xAxis(frame, x, spec.xLabel),
    (spec.references ?? []).map((reference) => referenceY(frame, y(reference.value), reference.label)),
    series.map((one, i) => [
      line(one, x, y, markers),
      named &&
        html`<text class="series-name s${one.index % SERIES_STYLES}" x="${frame.right + 8}" y="${Math.round(ends[i]! + 4)}">${labels[i]}</text>`,
    ]),
  ]);
}

type Series = { name: string; index: number; points: LinePoint[] };

function line({ index, points }: Series, x: Scale, y: Scale, markers: boolean): Html {
  const style = index % SERIES_STYLES;
  const path = thin(points)
    .map((point, i) => `${i === 0 ? "M" : "L"}${x(point.x)} ${y(point.y)}`)
    .join("");
  return join([
    html`<path class="line s${style}" d="${path}"/>`,
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

/** Keeps the lowest and highest point of each stretch, so that a spike is never thinned away. */
export function thin(points: readonly LinePoint[], most = MAX_POINTS): LinePoint[] {
  if (points.length <= most) return [...points];
  const stretch = Math.ceil(points.length / (most / 2));
  const kept: LinePoint[] = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const low = part.reduce((best, point) => (point.y < best.y ? point : best));
    const high = part.reduce((best, point) => (point.y > best.y ? point : best));
    kept.push(...(low === high ? [low] : low.x <= high.x ? [low, high] : [high, low]));
  }
  return kept;
}

/** Steps fill the width: the ends are the data's own, not rounded outwards. */
function xDomain(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return high > low && Number.isFinite(high - low) ? [low, high] : niceDomain(values);
}

function describe(spec: LineSpec, series: readonly Series[]): string {
  const parts = series.map(({ name, points }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    const format = spec.yFormat ?? "number";
    return `${name}: from ${formatNumber(first.y, { format })} at ${formatNumber(first.x)} to ${formatNumber(last.y, { format })} at ${formatNumber(last.x)}, ${points.length} points`;
  });
  return `${spec.yLabel} over ${spec.xLabel}. ${parts.join("; ")}.`;
}
