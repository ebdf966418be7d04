/**
 * What a chart needs to be drawn: plain, serialisable data, one type per kind of chart.
 * Every value that was estimated carries its interval and sample size.
 */

/** An estimate, its interval (level and method: `ReportData.intervals`) and how many units it rests on. `n` 0: nothing was measured. */
export type Interval = { estimate: number; low: number; high: number; n: number };

/** `number`: as it is. `percent`: a share in [0, 1], shown times 100. `count`: a whole number with thousands separators. */
export type NumberFormat = "number" | "percent" | "count";

/** Text that every chart has. `title` names what is plotted; `description` is read out by screen readers. */
export type ChartText = { title: string; description?: string | undefined };

/** A point of a line; `low` and `high` draw a whisker. */
export type LinePoint = { x: number; y: number; low?: number; high?: number; n?: number };

/** Lines over a common x: training curves, sweeps. */
export type LineSpec = ChartText & {
  kind: "line";
  xLabel: string;
  yLabel: string;
  series: { name: string; points: LinePoint[] }[];
  /** default linear; log needs x above 0 (points that are not are left out) */
  xScale?: "linear" | "log";
  yFormat?: NumberFormat;
  /** horizontal lines such as chance or the SFT start */
  references?: { value: number; label: string }[];
  /** draw a marker at each point (sweeps); curves have none. Default: markers up to 24 points. */
  markers?: boolean;
};

/** Estimates with whiskers, one row each; rows with the same label share a line of the chart, told apart by `series`. */
export type IntervalSpec = ChartText & {
  kind: "intervals";
  xLabel: string;
  rows: { label: string; series?: string; value: Interval }[];
  format?: NumberFormat | undefined;
  /** plus signs on the values: for differences */
  signed?: boolean | undefined;
  references?: { value: number; label: string }[];
};

/** Counts in common bins; `edges` has one entry more than each `counts`. */
export type HistogramSpec = ChartText & {
  kind: "histogram";
  xLabel: string;
  edges: number[];
  series: { name: string; counts: number[] }[];
  references?: { value: number; label: string }[];
};

/** One bin of a reliability diagram: mean stated confidence against the share that was right. */
export type ReliabilityBin = { confidence: number; accuracy: number; low?: number; high?: number; n: number };

/** Stated confidence against accuracy, before and after calibration. Both axes are shares, shown from `from` (default 0.5) to 1. */
export type ReliabilitySpec = ChartText & {
  kind: "reliability";
  series: { name: string; bins: ReliabilityBin[] }[];
  from?: number;
};

/** Accuracy on the most confident share of the rows. */
export type CoverageSpec = ChartText & {
  kind: "coverage";
  series: {
    name: string;
    points: { coverage: number; accuracy: number; low?: number; high?: number; n: number }[];
  }[];
  references?: { value: number; label: string }[];
};

/** Points with a straight-line fit (least squares, drawn from `fit` as given, not computed here). */
export type ScatterSpec = ChartText & {
  kind: "scatter";
  xLabel: string;
  yLabel: string;
  series: {
    name: string;
    points: { x: number; y: number }[];
    fit?: { slope: number; intercept: number; r2?: number };
  }[];
  /** draw y = x */
  diagonal?: boolean;
};

/** Any chart. */
export type ChartSpec =
  | LineSpec
  | IntervalSpec
  | HistogramSpec
  | ReliabilitySpec
  | CoverageSpec
  | ScatterSpec;

/** True when there is something to show: a positive n and finite numbers. */
export function isMeasured(value: Interval | undefined | null): value is Interval {
  return (
    value != null &&
    value.n > 0 &&
    [value.estimate, value.low, value.high].every((part) => Number.isFinite(part))
  );
}
