/** The report as one HTML file: everything inline, nothing loaded, readable without scripts. */
import type { Block, ReportDocument, Section } from "../blocks.ts";
import { chartTable } from "../charts/chart-table.ts";
import { drawChart } from "../charts/draw.ts";
import type { ReportData, ReportFigure, ReportWarning } from "../data.ts";
import { buildDocument } from "../document.ts";
import { type Html, html } from "../html.ts";
import { exampleHtml } from "./examples.ts";
import { CONTENT_POLICY, SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { tableHtml } from "./tables.ts";

/** The whole page. Equal data give equal bytes. */
export function renderHtml(data: ReportData): string {
  const report = buildDocument(data);
  return `${
    html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_POLICY}"><meta name="referrer" content="no-referrer">
<title>${report.title}</title><style>${STYLE}</style></head>
<body><div class="layout">
${headerHtml(report)}
<nav aria-label="Contents"><strong>Contents</strong><ol>${report.sections.map((section) => html`<li><a href="#${section.id}">${section.title}</a></li>`)}</ol></nav>
<main>${report.sections.map(sectionHtml)}</main>
<footer class="soft"><p>Made by weak-teacher ${data.environment.version}. The same numbers are in report.json and report.md.</p></footer>
</div><script>${SCRIPT}</script></body></html>`.markup
  }\n`;
}

function headerHtml(report: ReportDocument): Html {
  const hasHeadline = report.headline.length > 0 || report.intervalNote !== undefined;
  return html`<header><button id="theme" type="button" hidden>light / dark</button><h1>${report.title}</h1>
<p class="meta"><span>run <b>${report.runId}</b></span>${report.facts.map(({ term, text }) => html`<span>${term} <b>${text}</b></span>`)}</p>
${report.summary !== undefined && html`<p>${report.summary}</p>`}
${hasHeadline && html`<div class="headline">${report.headline.map((sentence) => html`<p>${unbroken(sentence)}</p>`)}${report.intervalNote !== undefined && html`<p class="soft">${report.intervalNote}</p>`}</div>`}
${report.warnings.length > 0 && warningsHtml(report.warnings)}</header>`;
}

/** Keeps an estimate with its bracket, and an n with its number, on one line. */
function unbroken(sentence: string): Html[] {
  return sentence
    .split(/([^ ]+ (?:% )?\[[^\]]*\]|\(n = [^)]*\))/)
    .map((part, i) => (i % 2 === 1 ? html`<span class="nw">${part}</span>` : html`${part}`));
}

function warningsHtml(warnings: readonly ReportWarning[]): Html {
  const bad = warnings.some((warning) => warning.severity === "error");
  return html`<div class="warnings${bad && " has-error"}" role="note"><ul>${warnings.map(({ severity, where, message }) => html`<li class="${severity}"><b>${severity}</b> ${where !== undefined && `${where}: `}${message}</li>`)}</ul></div>`;
}

function sectionHtml(section: Section): Html {
  return html`<section id="${section.id}"><h2>${section.title}</h2>
${section.blocks.map(blockHtml)}</section>
`;
}

function blockHtml(block: Block): Html | undefined {
  switch (block.type) {
    case "heading":
      return html`<h3>${block.text}</h3>\n`;
    case "text":
      return block.strong ? html`<p><strong>${block.text}</strong></p>\n` : html`<p>${block.text}</p>\n`;
    case "list":
      return html`<ul>${block.items.map((item) => html`<li>${item}</li>`)}</ul>\n`;
    case "facts":
      return html`<dl>${block.items.map(({ term, text }) => html`<dt>${term}</dt><dd>${text}</dd>`)}</dl>\n`;
    case "table":
      return tableHtml(block.table);
    case "figures":
      return html`<div class="figures${block.small && " small"}">${block.figures.map((figure) => figureHtml(figure, block.small === true, block.tabulated === true))}</div>\n`;
    case "code":
      return html`<details open><summary>${block.summary}</summary><pre><code>${block.text}</code></pre></details>\n`;
    case "examples":
      return html`${block.examples.map(exampleHtml)}`;
    default:
      return block satisfies never;
  }
}

function figureHtml(
  { chart, caption, paperItem }: ReportFigure,
  small: boolean,
  tabulated: boolean,
): Html | undefined {
  const drawn = drawChart(chart, small);
  if (drawn === undefined) return undefined;
  const table = !tabulated && !small && tableHtml(chartTable(chart));
  const beside = paperItem !== undefined && html`<span class="soft">beside ${paperItem}</span>`;
  return html`<figure><figcaption>${chart.title}${beside}${caption !== undefined && html`<span class="soft">${caption}</span>`}</figcaption>${drawn}${table && html`<details class="data"><summary>numbers</summary>${table}</details>`}</figure>`;
}
