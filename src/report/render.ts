/** Writes a report to a folder: report.html, report.json, report.md, each whole or not at all. */
import { join } from "node:path";
import { writeFileAtomic } from "../base/core/files.ts";
import { checkReportData } from "./check.ts";
import type { ReportData } from "./data.ts";
import { renderJson } from "./json.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderHtml } from "./page/page.ts";

/** Paths of the three files. */
export type ReportFiles = { html: string; json: string; markdown: string };

/**
 * Renders all three before writing any, and writes each atomically.
 * @throws NumericsError when the data hold a number that is not finite, an interval turned around or a ragged table
 * @throws AlignError (code "io") when the folder cannot be written
 */
export async function writeReport(folder: string, data: ReportData): Promise<ReportFiles> {
  checkReportData(data);
  const files: ReportFiles = {
    html: join(folder, "report.html"),
    json: join(folder, "report.json"),
    markdown: join(folder, "report.md"),
  };
  const [page, json, markdown] = [renderHtml(data), renderJson(data), renderMarkdown(data)];
  await writeFileAtomic(files.json, json);
  await writeFileAtomic(files.markdown, markdown);
  await writeFileAtomic(files.html, page);
  return files;
}
