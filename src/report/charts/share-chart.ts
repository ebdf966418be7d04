/**
 * Charts of shares against shares, both axes in per cent: the reliability diagram (confidence against accuracy, with the
 * diagonal of perfect calibration) and the coverage-accuracy curve (accuracy on the most confident part of the rows).
 */
import { formatCount, formatNumber } from "../format.ts";
import { type Html, html, join } from "../html.ts";
import {
  type Frame,
  gutter,
  legend,
  mark,
  referenceY,
  SERIES_STYLES,
  svgChart,
  tickLabels,
  xAxis,
  yAxis,
} from "./axes.ts";
import { dodge } from "./points.ts";
import { type Axis, fixedAxis, linearScale, niceAxis, pixel, type Scale } from "./scales.ts";
import type { CoverageSpec, ReliabilitySpec } from "./spec.ts";

type Point = { x: number; y: number; low?: number | undefined; high?: number | undefined; n: number };
type Series = { name: string; points: Point[] };
type NamedAxis = Axis & { label: string };

/** Bins of a reliability diagram with fewer pairs are drawn pale, and no line leads through them. */
const FEW = 20;

const percent = (value: number) => formatNumber(value, { format: "percent", digits: 0 });

/** Draws the bins that hold rows, before and after calibration; no such bin: undefined. */
export function reliabilityDiagram(spec: ReliabilitySpec, width = 400): Html | undefined {
  const series = usable(
    spec.series.map(({ name, bins }) => ({
      name,
      points: bins.map((bin) => ({
        x: bin.confidence,
        y: bin.accuracy,
        low: bin.low,
        high: bin.high,
        n: bin.n,
      })),
    })),
  );
  if (series.length === 0) return undefined;
  const from = spec.from ?? 0.5;
  const isFew = series.some(({ points }) => points.some(({ n }) => n < FEW));
  const lowest = Math.min(from, ...series.flatMap((one) => one.points.map((point) => point.low ?? point.y)));
  const axes = {
    x: { label: "mean stated confidence in a bin", ...fixedAxis([from, 1]) },
    y: {
      label: "share of the bin that is right",
      ...(lowest < from ? niceAxis([lowest, 1]) : fixedAxis([from, 1])),
    },
  };
  return shareChart(
    {
      title: spec.title,
      description: spec.description ?? describe("Confidence to accuracy", series),
      width,
      series,
      axes,
      few: FEW,
    },
    ({ x, y }) => {
      const start = Math.max(from, y.domain[0]);
      return html`<line class="reference" x1="${x(start)}" y1="${y(start)}" x2="${x(1)}" y2="${y(1)}"/><text class="reference-name" x="${x(1) - 4}" y="${y(y.domain[0]) - 6}" text-anchor="end">dashed: confidence = accuracy${isFew && `; pale: fewer than ${FEW} pairs`}</text>`;
    },
  );
}

/** Draws accuracy over coverage with whiskers; no point: undefined. */
export function coverageCurve(spec: CoverageSpec, width = 500): Html | undefined {
  const series = usable(
    spec.series.map(({ name, points }) => ({
      name,
      points: points.map((point) => ({
        x: point.coverage,
        y: point.accuracy,
        low: point.low,
        high: point.high,
        n: point.n,
      })),
    })),
  );
  if (series.length === 0) return undefined;
  const references = spec.references ?? [];
  const heights = [
    ...series.flatMap((one) => one.points.flatMap((p) => [p.low ?? p.y, p.y, p.high ?? p.y])),
    ...references.map((r) => r.value),
  ];
  const [low, high] = niceAxis(heights).domain;
  const axes = {
    x: { label: "coverage: share of rows kept, most confident first", ...fixedAxis([0, 1]) },
    y: { label: "accuracy on the rows kept", ...fixedAxis([Math.max(0, low), Math.min(1, high)]) },
  };
  return shareChart(
    {
      title: spec.title,
      description: spec.description ?? describe("Coverage to accuracy", series),
      width,
      series,
      axes,
    },
    ({ y, frame }) =>
      join(references.map((reference) => referenceY(frame, y(reference.value), reference.label))),
  );
}

type ShareChart = {
  title: string;
  description: string;
  width: number;
  series: Series[];
  axes: { x: NamedAxis; y: NamedAxis };
  /** points of fewer rows are drawn pale; 0 or nothing: none */
  few?: number;
};

function shareChart(chart: ShareChart, under: (parts: { x: Scale; y: Scale; frame: Frame }) => Html): Html {
  const { width, series, axes, few = 0 } = chart;
  const key = legend(
    series.map((one) => one.name),
    width,
    2,
  );
  const height = key.height + 290;
  const yLabels = tickLabels(axes.y.ticks, "percent");
  const frame: Frame = {
    width,
    height,
    left: gutter(yLabels),
    right: width - 20,
    top: key.height + 28,
    bottom: height - 40,
  };
  const x = linearScale(axes.x, [frame.left, frame.right]);
  const y = linearScale(axes.y, [frame.bottom, frame.top]);
  const shift = dodge(series);
  return svgChart({ width, height }, chart, [
    key.markup,
    yAxis(frame, y, axes.y.label, yLabels),
    xAxis(frame, x, axes.x.label, tickLabels(axes.x.ticks, "percent")),
    under({ x, y, frame }),
    series.map((one, i) => seriesMarks(one.points, i, { x: moved(x, shift[i]!), y, few })),
  ]);
}

function moved(scale: Scale, by: number): Scale {
  return Object.assign((value: number) => pixel(scale(value) + by), scale);
}

function seriesMarks(
  points: readonly Point[],
  index: number,
  { x, y, few }: { x: Scale; y: Scale; few: number },
): Html {
  const style = index % SERIES_STYLES;
  const marks = points.map(({ x: at, y: value, low, high, n }) => {
    const drawn = join([
      low !== undefined &&
        high !== undefined &&
        html`<line class="whisker s${style}" x1="${x(at)}" x2="${x(at)}" y1="${y(low)}" y2="${y(high)}"/>`,
      mark(index, x(at), y(value), 3.5),
    ]);
    return n < few ? html`<g class="few">${drawn}</g>` : drawn;
  });
  const firm = points.filter(({ n }) => n >= few);
  return join([
    firm.length > 0 &&
      html`<path class="line s${style}" d="${firm.map((p, i) => `${i === 0 ? "M" : "L"}${x(p.x)} ${y(p.y)}`).join("")}"/>`,
    ...marks,
  ]);
}

function usable(series: readonly Series[]): Series[] {
  const shown = (point: Point) => point.n > 0 && Number.isFinite(point.x) && Number.isFinite(point.y);
  return series
    .map((one) => ({ ...one, points: one.points.filter(shown).sort((a, b) => a.x - b.x) }))
    .filter((one) => one.points.length > 0);
}

function describe(what: string, series: readonly Series[]): string {
  const parts = series.map(
    ({ name, points }) =>
      `${name}: ${points.map((p) => `${percent(p.x)} to ${percent(p.y)} (n = ${formatCount(p.n)})`).join(", ")}`,
  );
  return `${what}. ${parts.join("; ")}.`;
}
