/** The report as JSON: sorted members, two-space indented, the computed headline included, `times` alone at the end. */
import { canonicalJson } from "../base/core/digest.ts";
import { checkReportData } from "./check.ts";
import type { ReportData } from "./data.ts";
import { headlines } from "./headline.ts";

/** Names the shape of report.json; the number goes up when a member changes its meaning. */
export const REPORT_SCHEMA = "weak-teacher/report@2";

// Lists of numbers (the points of a curve, the edges of bins) go on one line; line breaks inside strings are escaped in JSON.
const NUMBER_LIST = /\[\n\s+[-\d.e+]+(?:,\n\s+[-\d.e+]+)*\n\s+\]/g;

/**
 * Canonical text: equal data give equal bytes, and two runs with one seed differ in `times` only.
 * @throws NumericsError when a number is not finite (JSON would turn it into null)
 */
export function renderJson(data: ReportData): string {
  checkReportData(data);
  const { times, ...timeless } = data;
  const body = {
    ...timeless,
    schema: REPORT_SCHEMA,
    headline: [...headlines(data.differences, data.intervals), ...(data.headlineNotes ?? [])],
  };
  const sorted = JSON.parse(canonicalJson(body)) as Record<string, unknown>;
  if (times !== undefined) sorted.times = JSON.parse(canonicalJson(times));
  return `${JSON.stringify(sorted, null, 2).replace(NUMBER_LIST, (list) => list.replace(/\s+/g, "").replaceAll(",", ", "))}\n`;
}
