/** A run's result for a terminal: the main table with intervals, what it says in words, and where the report is. */
import { relative } from "node:path";
import type { RunOutcome } from "../../pipeline/run/run.ts";
import type { RunReport } from "../../pipeline/run/run-reports.ts";
import type { SeedsOutcome } from "../../pipeline/run/run-seeds.ts";
import { buildDocument } from "../../report/document.ts";
import { type TableView, tableView } from "../../report/table.ts";

/** The text. */
export function formatOutcome({ folder, report, steps, submitted }: RunOutcome): string {
  if (submitted !== undefined) return formatSubmitted(folder, submitted);
  const computed = steps.filter(({ state }) => state !== "cached").length;
  const stages = `${steps.length} stages, ${computed} computed now, the others kept from before`;
  if (report === undefined) return `${folder}: ${stages}`;
  const { headline, sections } = buildDocument(report.data);
  const table = sections.flatMap(({ blocks }) => blocks).find((block) => block.type === "table");
  const view = table === undefined ? undefined : tableView(table.table);
  return [
    ...(view === undefined ? [] : [formatTable(view), ""]),
    ...headline,
    "",
    `report: ${relative(process.cwd(), report.html) || report.html} (also report.json and report.md); ${stages}`,
  ].join("\n");
}

function formatSubmitted(folder: string, submitted: NonNullable<RunOutcome["submitted"]>): string {
  const stages = Object.entries(submitted);
  if (stages.length === 0) return `${folder}: everything is kept from before, nothing was submitted`;
  const width = Math.max(...stages.map(([stage]) => stage.length));
  const lines = stages.map(([stage, ids]) => `${stage.padEnd(width)}  job ${ids.join(", ")}`);
  return [
    ...lines,
    "",
    `${folder}: left to the cluster; the same command without --detach follows the jobs`,
  ].join("\n");
}

/** What several seeds say, and where each lies. */
export function formatSeeds({ runs, report }: SeedsOutcome): string {
  if (report === undefined) return runs.map(({ outcome }) => formatOutcome(outcome)).join("\n");
  const each = runs.map(({ seed, outcome }) => {
    const computed = outcome.steps.filter(({ state }) => state !== "cached").length;
    return `seed ${seed}: ${shown(outcome.folder)}, ${outcome.steps.length} stages, ${computed} computed now`;
  });
  return [...each, "", formatSeedsReport(report)].join("\n");
}

const shown = (path: string) => relative(process.cwd(), path) || path;

/** The table over seeds, sentences, and where the report is. */
export function formatSeedsReport({ data, html }: RunReport): string {
  const { headline, intervalNote } = buildDocument(data);
  const [table] = data.tables ?? [];
  const view = table && tableView(table);
  return [
    ...(view === undefined ? [] : [table!.title ?? "", formatTable(view), ""]),
    ...headline,
    ...(intervalNote === undefined ? [] : ["", intervalNote]),
    "",
    `report over the seeds: ${shown(html)} (also report.json and report.md, with the table above)`,
  ].join("\n");
}

/** The same for programs. */
export function seedsValue({ folder, runs, report }: SeedsOutcome) {
  return {
    folder,
    runs: runs.map(({ seed, outcome }) => ({ seed, ...outcomeValue(outcome) })),
    ...(report === undefined
      ? {}
      : {
          differences: report.data.differences,
          report: { html: report.html, json: report.json, markdown: report.markdown },
        }),
  };
}

/** A table with aligned columns and wrapped heads; intervals stand behind their numbers. */
export function formatTable({ columns, rows }: TableView): string {
  const notes = new Set(columns.flatMap(({ note }) => note ?? []));
  const [shared] = notes.size === 1 ? notes : [];
  const heads = columns.map(({ title, note }) =>
    wrap(note === undefined || note === shared ? title : `${title} (${note})`, HEAD_WIDTH),
  );
  const height = Math.max(...heads.map((lines) => lines.length));
  const head = Array.from({ length: height }, (_, i) =>
    heads.map((lines) => lines[i - height + lines.length] ?? ""),
  );
  const body = rows.map((row) => row.map(({ main, range, n }) => [main, range, n].filter(Boolean).join(" ")));
  const widths = columns.map((_, i) =>
    Math.max(...[...head, ...body].map((row) => [...(row[i] ?? "")].length)),
  );
  const pad = (text: string, i: number) => {
    const fill = " ".repeat(widths[i]! - [...text].length);
    return columns[i]!.numeric ? fill + text : text + fill;
  };
  const line = (row: readonly string[]) => row.map(pad).join("  ").trimEnd();
  const rule = line(widths.map((n) => "─".repeat(n)));
  return [...(shared === undefined ? [] : [shared]), ...head.map(line), rule, ...body.map(line)].join("\n");
}

const HEAD_WIDTH = 18;

/** Lines of at most `width` characters, unless a word alone is longer. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The same for programs: folder, stages and the report's files. */
export function outcomeValue({ folder, steps, report, jobs, submitted, disk }: RunOutcome) {
  if (report === undefined)
    return {
      folder,
      steps,
      ...(jobs === undefined ? {} : { jobs }),
      ...(disk === undefined ? {} : { disk }),
      ...(submitted === undefined ? {} : { submitted }),
    };
  const { data: _, ...files } = report;
  return { folder, steps, report: files };
}
