/** The report as Markdown (GitHub's): the same sections, charts as tables of their numbers. */
import { visible } from "../base/core/visible.ts";
import type { Block, ReportDocument, Section } from "./blocks.ts";
import { chartTable } from "./charts/chart-table.ts";
import type { DisagreementExample, ReportData, ReportTable } from "./data.ts";
import { buildDocument } from "./document.ts";
import { formatNumber } from "./format.ts";
import { cellText, PAPER_NOTE, tableView } from "./table.ts";
import { undecided, verdictDetail } from "./verdicts.ts";

/** The whole report. Equal data give equal bytes. */
export function renderMarkdown(data: ReportData): string {
  const report = buildDocument(data);
  return `${[...leadLines(report), ...report.sections.flatMap(sectionLines)].filter((part) => part !== "").join("\n\n")}\n`;
}

// A bracketed range of numbers is left readable unless what stands next to it would make it a link.
const RANGE_OR_MARKUP = /(?<=.)(\[[−+\d.,e ]+\])(?![([:])|[\\`*_{}[\]|#~>$]/g;

/** Text that Markdown shows as it is: markup escaped, line breaks kept as spaces. */
export function escapeMarkdown(text: string): string {
  return visible(text)
    .replace(/\s*\n\s*/g, " ")
    .replace(/&/g, "&amp;")
    .replace(/<(?=[a-z/!?])/gi, "&lt;")
    .replace(RANGE_OR_MARKUP, (found, range?: string) => range ?? `\\${found}`)
    .replace(/^(\s*\d+)([.)])(?=\s|$)/, "$1\\$2")
    .replace(/^(\s*)([-+=])(?=[-=\s]|$)/, "$1\\$2");
}

/** A fenced block whose fence is longer than any run of backticks inside. */
export function fenced(text: string, language = "text"): string {
  const shown = visible(text);
  const longest = Math.max(2, ...(shown.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${shown.replace(/\n$/, "")}\n${fence}`;
}

/** A table, or the empty string when nothing in it was measured. */
export function markdownTable(table: ReportTable): string {
  const view = tableView(table);
  if (view === undefined) return "";
  const heads = view.columns.map(({ title, note, paper }) => {
    const named = paper ? `† paper: ${title.replace(/^paper:? ?/i, "")}` : title;
    return escapeMarkdown(note === undefined ? named : `${named} (${note})`);
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(view.columns.map(({ numeric }) => (numeric ? "---:" : "---")));
  const rows = view.rows.map((row) => line(row.map((cell) => escapeMarkdown(cellText(cell)))));
  const beside = table.paperItem === undefined ? "" : ` (beside ${table.paperItem})`;
  const title = table.title === undefined ? [] : [`**${escapeMarkdown(table.title + beside)}**`];
  const notes = [...(view.hasPaper ? [PAPER_NOTE] : []), ...(table.notes ?? [])].map(escapeMarkdown);
  return [...title, [line(heads), rule, ...rows].join("\n"), ...notes].join("\n\n");
}

function leadLines(report: ReportDocument): string[] {
  const facts = [{ term: "run", text: report.runId }, ...report.facts];
  return [
    `# ${escapeMarkdown(report.title)}`,
    facts.map(({ term, text }) => `${escapeMarkdown(term)} **${escapeMarkdown(text)}**`).join(" · "),
    escapeMarkdown(report.summary ?? ""),
    ...report.headline.map((sentence) => `> ${escapeMarkdown(sentence)}`),
    escapeMarkdown(report.intervalNote ?? ""),
    report.warnings
      .map(
        ({ severity, where, message }) =>
          `- **${severity}** ${escapeMarkdown(where === undefined ? message : `${where}: ${message}`)}`,
      )
      .join("\n"),
  ];
}

function sectionLines(section: Section): string[] {
  return [`## ${escapeMarkdown(section.title)}`, ...section.blocks.flatMap(blockLines)];
}

function blockLines(block: Block): string[] {
  switch (block.type) {
    case "heading":
      return [`### ${escapeMarkdown(block.text)}`];
    case "text":
      return [block.strong ? `**${escapeMarkdown(block.text)}**` : escapeMarkdown(block.text)];
    case "list":
      return [block.items.map((item) => `- ${escapeMarkdown(item)}`).join("\n")];
    case "facts":
      return [
        block.items
          .map(({ term, text }) => `- **${escapeMarkdown(term)}**: ${escapeMarkdown(text)}`)
          .join("\n"),
      ];
    case "table":
      return [markdownTable(block.table)];
    case "figures":
      return block.tabulated
        ? []
        : block.figures.flatMap(({ chart, caption, paperItem }) =>
            figureLines({ ...chartTable(chart), title: chart.title, paperItem }, caption),
          );
    case "code":
      return [escapeMarkdown(block.summary), fenced(block.text, block.language)];
    case "examples":
      return block.examples.flatMap(exampleLines);
    default:
      return block satisfies never;
  }
}

function figureLines(table: ReportTable, caption: string | undefined): string[] {
  const printed = markdownTable(table);
  return printed === "" ? [] : [printed, escapeMarkdown(caption ?? "")];
}

function exampleLines(example: DisagreementExample): string[] {
  const side = (name: "a" | "b", gold: number | undefined) => {
    const by = example.verdicts.filter((verdict) => verdict.preferred === name).map((verdict) => verdict.by);
    const preferred = by.length === 0 ? "" : `, preferred by ${by.join(", ")}`;
    return `**${name.toUpperCase()}**${escapeMarkdown(`${gold === undefined ? "" : ` (gold ${formatNumber(gold, { digits: 2, signed: true })})`}${preferred}`)}`;
  };
  const details = [
    ...example.verdicts.map(verdictDetail).filter((text) => text !== undefined),
    ...undecided(example),
  ];
  return [
    `### ${escapeMarkdown(example.id)}`,
    escapeMarkdown(details.join("; ")),
    fenced(example.prompt),
    side("a", example.goldA),
    fenced(example.a),
    side("b", example.goldB),
    fenced(example.b),
    escapeMarkdown(example.note ?? ""),
  ];
}
