/** Studies and free tables and figures, with the paper's numbers beside this run's where there are any. */

import type { Block, Section } from "../blocks.ts";
import { isMeasured } from "../charts/spec.ts";
import type { ReportData, ReportFigure, ReportTable, Study } from "../data.ts";
import { tableView } from "../table.ts";

/** One section per study, then one for tables and figures that belong to none. */
export function studySections(data: ReportData): Section[] {
  const loose = contentBlocks(data);
  const sections = (data.studies ?? []).map(studySection);
  if (loose.length > 0)
    sections.push({
      id: "further",
      title: "Further tables and figures",
      blocks: loose,
      terms: paperTerm(data),
    });
  return sections.filter((section) => section.blocks.length > 0);
}

function studySection(study: Study): Section {
  const lead = [
    study.question,
    study.paperItem === undefined ? undefined : `Stands beside: ${study.paperItem}.`,
  ].filter((text) => text !== undefined);
  const blocks: Block[] = [
    ...lead.map((text): Block => ({ type: "text", text })),
    ...(study.finding === undefined ? [] : [{ type: "text" as const, text: study.finding, strong: true }]),
    ...contentBlocks(study),
    ...(study.notes === undefined || study.notes.length === 0
      ? []
      : [{ type: "list" as const, items: study.notes }]),
  ];
  return { id: `study-${slug(study.id)}`, title: study.title, blocks, terms: paperTerm(study) };
}

type Content = { tables?: ReportTable[]; figures?: ReportFigure[] };

function contentBlocks({ tables = [], figures = [] }: Content): Block[] {
  const shown = figures.filter(hasContent);
  return [
    ...(shown.length === 0
      ? []
      : [{ type: "figures" as const, figures: shown, tabulated: tables.length > 0 }]),
    ...tables
      .filter((table) => tableView(table) !== undefined)
      .map((table): Block => ({ type: "table", table })),
  ];
}

function paperTerm({ tables = [] }: Content): "paper"[] {
  return tables.some((table) => table.columns.some((column) => column.source === "paper")) ? ["paper"] : [];
}

/** True when the chart has at least one thing to draw. */
function hasContent({ chart }: ReportFigure): boolean {
  switch (chart.kind) {
    case "intervals":
      return chart.rows.some((row) => isMeasured(row.value));
    case "histogram":
      return chart.series.some((one) => one.counts.some((count) => count > 0));
    case "reliability":
      return chart.series.some((one) => one.bins.some((bin) => bin.n > 0));
    case "coverage":
      return chart.series.some((one) => one.points.some((point) => point.n > 0));
    case "line":
    case "scatter":
      return chart.series.some((one) => one.points.length > 0);
    default:
      return chart satisfies never;
  }
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "") || "study"
  );
}
