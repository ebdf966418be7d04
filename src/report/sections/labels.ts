/** The weak labels: agreement, distributions, calibration, coverage, length bias. One section each. */

import type { Block, Section } from "../blocks.ts";
import { isMeasured } from "../charts/spec.ts";
import type {
  Cell,
  CoverageBlock,
  LengthBiasBlock,
  ReliabilityBlock,
  ReportData,
  ReportFigure,
} from "../data.ts";
import { formatCount, formatInterval, formatNumber } from "../format.ts";

/** Sections about labels, those that have content. */
export function labelSections(data: ReportData): Section[] {
  return [agreement(data), distributions(data), calibration(data), lengthBias(data)].filter(
    (section) => section !== undefined,
  );
}

function agreement(data: ReportData): Section | undefined {
  const blocks = (data.agreement ?? []).filter((one) => isMeasured(one.agreement));
  if (blocks.length === 0) return undefined;
  const rows = blocks.map((one): Cell[] => [
    one.labeller,
    one.against,
    one.agreement,
    one.kappa ?? null,
    one.ties ?? null,
    one.abstained ?? null,
    one.note ?? null,
  ]);
  const columns = [
    { title: "labeller" },
    { title: "against" },
    { title: "agreement", format: "percent" as const },
    { title: "kappa" },
    { title: "ties", format: "count" as const },
    { title: "abstained", format: "count" as const },
    { title: "note" },
  ];
  const chart = {
    kind: "intervals" as const,
    title: "Pairs labelled alike",
    xLabel: "share of pairs with the same preferred response",
    format: "percent" as const,
    rows: blocks.map((one) => ({ label: `${one.labeller} · ${one.against}`, value: one.agreement })),
    references: [{ value: 0.5, label: "coin" }],
  };
  return {
    id: "agreement",
    title: "Label agreement",
    blocks: [
      { type: "figures", figures: [{ chart }], tabulated: true },
      { type: "table", table: { columns, rows } },
    ],
    terms: [
      "agreement",
      "interval",
      ...(blocks.some((one) => isMeasured(one.kappa)) ? (["kappa"] as const) : []),
    ],
  };
}

function distributions(data: ReportData): Section | undefined {
  const figures = (data.histograms ?? [])
    .filter((one) => one.series.some((series) => series.counts.some((count) => count > 0)))
    .map((one): ReportFigure => {
      const { note, ...spec } = one;
      return { chart: { kind: "histogram", ...spec }, caption: note };
    });
  if (figures.length === 0) return undefined;
  return {
    id: "distributions",
    title: "Margins and confidence",
    blocks: [{ type: "figures", figures }],
    terms: ["margin", "confidence"],
  };
}

function calibration(data: ReportData): Section | undefined {
  const reliability = (data.reliability ?? []).filter((one) =>
    [...one.before, ...(one.after ?? [])].some((bin) => bin.n > 0),
  );
  const coverage = (data.coverage ?? []).filter((one) => one.points.some((point) => point.n > 0));
  if (reliability.length + coverage.length === 0) return undefined;
  const blocks: Block[] = [
    { type: "figures", figures: [...reliability.map(reliabilityFigure), ...coverageFigures(coverage)] },
  ];
  const errors = reliability.filter((one) => isMeasured(one.eceBefore) || isMeasured(one.eceAfter));
  if (errors.length > 0) blocks.push({ type: "table", table: eceTable(errors) });
  return {
    id: "calibration",
    title: "Calibration and coverage",
    blocks,
    terms: [
      "confidence",
      ...(reliability.length > 0 ? (["reliability"] as const) : []),
      ...(errors.length > 0 ? (["ece"] as const) : []),
      ...(coverage.length > 0 ? (["coverage"] as const) : []),
    ],
  };
}

function reliabilityFigure(one: ReliabilityBlock): ReportFigure {
  const series = [
    ...(one.before.length === 0
      ? []
      : [{ name: one.after === undefined ? "stated" : "before calibration", bins: one.before }]),
    ...(one.after === undefined ? [] : [{ name: "after calibration", bins: one.after }]),
  ];
  return {
    chart: {
      kind: "reliability",
      title: `Reliability of ${one.labeller} against ${one.against}${one.on === undefined ? "" : ` on ${one.on}`}`,
      series,
    },
    ...(one.method === undefined ? {} : { caption: `Calibration: ${one.method}.` }),
  };
}

/** One chart per yardstick, labellers side by side. */
function coverageFigures(blocks: readonly CoverageBlock[]): ReportFigure[] {
  return [...new Set(blocks.map((one) => one.against))].map((against) => ({
    chart: {
      kind: "coverage",
      title: `Accuracy against ${against} by coverage`,
      series: blocks
        .filter((one) => one.against === against)
        .map((one) => ({ name: one.labeller, points: one.points })),
    },
    ...captionOf(blocks.filter((one) => one.against === against)),
  }));
}

function captionOf(blocks: readonly CoverageBlock[]): { caption?: string | undefined } {
  const words = blocks.map(sortingInWords).filter((sentence) => sentence !== "");
  return words.length === 0 ? {} : { caption: words.join(" ") };
}

/** What the confidence is good for: whether the surest labels are right more often than all, as far as the intervals tell. */
function sortingInWords({ labeller, against, points }: CoverageBlock): string {
  const measured = points.filter(({ n }) => n > 0).sort((x, y) => x.coverage - y.coverage);
  const [surest, all] = [measured[0], measured.at(-1)];
  if (surest === undefined || all === undefined || surest === all) return "";
  const share = ({ accuracy, low, high, n }: typeof surest) =>
    low === undefined || high === undefined
      ? formatNumber(accuracy, { format: "percent" })
      : formatInterval({ estimate: accuracy, low, high, n }, { format: "percent" });
  const part = formatNumber(surest.coverage, { format: "percent", digits: 0 });
  const found = `Of the surest ${part} of its labels ${share(surest)} agree with ${against} (n = ${formatCount(surest.n)}), of all ${share(all)}`;
  const [over, under] = [(surest.low ?? 0) > (all.high ?? 1), (surest.high ?? 1) < (all.low ?? 0)];
  const verdict = over
    ? "its confidence tells better labels from worse"
    : under
      ? "its confidence misleads"
      : "that its confidence tells better labels from worse is not shown";
  return `${labeller.charAt(0).toUpperCase()}${labeller.slice(1)}: ${verdict}. ${found}.`;
}

function eceTable(blocks: readonly ReliabilityBlock[]) {
  const parts = blocks.some(({ on }) => on !== undefined);
  const columns = [
    { title: "labeller" },
    { title: "against" },
    ...(parts ? [{ title: "on" }] : []),
    { title: "ECE before", format: "percent" as const },
    { title: "ECE after", format: "percent" as const },
    { title: "calibration" },
  ];
  const rows = blocks.map((one): Cell[] => [
    one.labeller,
    one.against,
    ...(parts ? [one.on ?? "all pairs"] : []),
    one.eceBefore ?? null,
    one.eceAfter ?? null,
    one.method ?? null,
  ]);
  return { columns, rows };
}

function lengthBias(data: ReportData): Section | undefined {
  const blocks = (data.lengthBias ?? []).filter((one) => isMeasured(one.longerPreferred));
  if (blocks.length === 0) return undefined;
  const columns = [
    { title: "labeller" },
    { title: "P(longer preferred)", format: "percent" as const },
    { title: "reference" },
    { title: "the reference's P(longer)", format: "percent" as const },
    { title: "margin-length correlation" },
  ];
  const rows = blocks.map((one): Cell[] => [
    one.labeller,
    one.longerPreferred,
    one.against ?? null,
    one.longerPreferredByReference ?? null,
    one.marginLengthCorrelation ?? null,
  ]);
  const figures = blocks.flatMap(decileFigure);
  return {
    id: "length-bias",
    title: "Length bias",
    blocks: [
      ...(figures.length > 0 ? [{ type: "figures" as const, figures }] : []),
      { type: "table", table: { columns, rows } },
    ],
    terms: ["lengthBias", "margin"],
  };
}

function decileFigure(one: LengthBiasBlock): ReportFigure[] {
  const rows = (one.deciles ?? [])
    .filter((decile) => isMeasured(decile.accuracy))
    .map(({ label, accuracy }) => ({ label, value: accuracy }));
  if (rows.length === 0) return [];
  const against = one.against === undefined ? "" : ` against ${one.against}`;
  return [
    {
      chart: {
        kind: "intervals",
        title: `Accuracy of ${one.labeller}${against} by length gap`,
        xLabel: "share right among pairs with this gap in length",
        format: "percent",
        rows,
        references: [{ value: 0.5, label: "coin" }],
      },
    },
  ];
}
