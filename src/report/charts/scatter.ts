/** Points with a straight-line fit: similarity of outputs, margin against length difference. */
import { formatCount, formatNumber } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Frame, gutter, legend, mark, SERIES_STYLES, svgChart, xAxis, yAxis } from "./axes.ts";
import type { ChartSize } from "./line-chart.ts";
import { type Domain, formatTicks, linearScale, niceAxis, type Scale } from "./scales.ts";
import type { ScatterSpec } from "./spec.ts";

type Series = ScatterSpec["series"][number] & { index: number };

/** Draws points, the fit as given and, if asked, y = x; no finite point: undefined. */
export function scatterChart(
  spec: ScatterSpec,
  size: ChartSize = { width: 500, height: 330 },
): Html | undefined {
  const series = spec.series
    .map((one, index) => ({
      ...one,
      index,
      points: one.points.filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y)),
    }))
    .filter((one) => one.points.length > 0);
  if (series.length === 0) return undefined;
  const names = series.map(nameWithFit);
  // One series has no key, but its n and its fit still want saying.
  const key = legend(names.length === 1 ? [] : names, size.width, 2);
  const points = series.flatMap((one) => one.points);
  const both = spec.diagonal ? points.flatMap((point) => [point.x, point.y]) : undefined;
  const yTicks = niceAxis(both ?? points.map((point) => point.y));
  const xTicks = niceAxis(both ?? points.map((point) => point.x));
  const yLabels = formatTicks(yTicks.ticks);
  const frame: Frame = {
    ...size,
    left: gutter(yLabels),
    right: size.width - 18,
    top: key.height + 28,
    bottom: size.height - 40,
  };
  const x = linearScale(xTicks, [frame.left, frame.right]);
  const y = linearScale(yTicks, [frame.bottom, frame.top]);

  return svgChart(
    size,
    {
      title: spec.title,
      description: spec.description ?? `${spec.yLabel} against ${spec.xLabel}. ${names.join("; ")}.`,
    },
    [
      key.markup,
      yAxis(frame, y, names.length === 1 ? `${spec.yLabel} · ${names[0]}` : spec.yLabel, yLabels),
      xAxis(frame, x, spec.xLabel),
      spec.diagonal &&
        html`<line class="reference" x1="${x(x.domain[0])}" y1="${y(x.domain[0])}" x2="${x(x.domain[1])}" y2="${y(x.domain[1])}"/>`,
      html`<g class="cloud">${series.map((one) => one.points.map((point) => mark(one.index, x(point.x), y(point.y), 2.6)))}</g>`,
      series.map((one) => fitLine(one, x, y)),
    ],
  );
}

function nameWithFit({ name, points, fit }: Series): string {
  const r2 = fit?.r2 === undefined ? "" : `, R² = ${formatNumber(fit.r2, { digits: 2 })}`;
  return `${name} (n = ${formatCount(points.length)}${r2})`;
}

/** The fit over the series' own x, cut where it leaves the plot. */
function fitLine({ fit, points, index }: Series, x: Scale, y: Scale): Html | false {
  if (fit === undefined || points.length < 2) return false;
  const low = Math.min(...points.map((point) => point.x));
  const high = Math.max(...points.map((point) => point.x));
  const ends = clip([low, high], fit, y.domain);
  if (ends === undefined) return false;
  const at = (value: number) => y(fit.intercept + fit.slope * value);
  return html`<line class="line s${index % SERIES_STYLES}" x1="${x(ends[0])}" y1="${at(ends[0])}" x2="${x(ends[1])}" y2="${at(ends[1])}"/>`;
}

function clip(
  [low, high]: Domain,
  { slope, intercept }: { slope: number; intercept: number },
  [bottom, top]: Domain,
): Domain | undefined {
  if (slope === 0) return intercept >= bottom && intercept <= top ? [low, high] : undefined;
  const crossings = [(bottom - intercept) / slope, (top - intercept) / slope].sort((a, b) => a - b);
  const [from, to] = [Math.max(low, crossings[0]!), Math.min(high, crossings[1]!)];
  return from < to ? [from, to] : undefined;
}
