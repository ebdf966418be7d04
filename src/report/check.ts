/** Refuses data that a report would show wrongly: numbers that are not finite, intervals turned around, ragged tables. */
import { NumericsError } from "../base/core/errors.ts";
import type { ReportData, ReportTable } from "./data.ts";

/**
 * Checks all of it and names every fault by its path, such as `arms[2].goldReward.low`.
 * @throws NumericsError listing the first ten faults
 */
export function checkReportData(data: ReportData): void {
  const faults = [...numberFaults(data, ""), ...tableFaults(data), ...histogramFaults(data)];
  if (faults.length === 0) return;
  const more = faults.length > 10 ? ` and ${faults.length - 10} more` : "";
  throw new NumericsError(
    "report",
    `${faults.slice(0, 10).join("; ")}${more}. Leave out what was not measured.`,
  );
}

function numberFaults(value: unknown, path: string): string[] {
  if (typeof value === "number")
    return Number.isFinite(value) ? [] : [`${path} must be finite, got ${value}`];
  if (typeof value !== "object" || value === null) return [];
  const inside = Array.isArray(value)
    ? value.flatMap((item, i) => numberFaults(item, `${path}[${i}]`))
    : Object.entries(value).flatMap(([key, item]) =>
        numberFaults(item, path === "" ? key : `${path}.${key}`),
      );
  return [...inside, ...intervalFaults(value as Record<string, unknown>, path)];
}

/** An estimate may lie outside a percentile interval, rarely; the ends may never change places. */
function intervalFaults({ low, high, estimate }: Record<string, unknown>, path: string): string[] {
  if (typeof low !== "number" || typeof high !== "number" || estimate === undefined) return [];
  return low > high ? [`${path} must have low <= high, got [${low}, ${high}]`] : [];
}

function tableFaults(data: ReportData): string[] {
  const tables = [...(data.tables ?? []), ...(data.studies ?? []).flatMap((study) => study.tables ?? [])];
  return tables.flatMap((table) => rowFaults(table));
}

function rowFaults({ title = "untitled", columns, rows }: ReportTable): string[] {
  return rows.flatMap((row, i) =>
    row.length === columns.length
      ? []
      : [`table "${title}", row ${i + 1}: expected ${columns.length} cells, got ${row.length}`],
  );
}

function histogramFaults({ histograms = [] }: ReportData): string[] {
  return histograms.flatMap(({ title, edges, series }) =>
    series
      .filter(({ counts }) => counts.length + 1 !== edges.length)
      .map(
        ({ name, counts }) =>
          `histogram "${title}", series "${name}": expected ${counts.length + 1} edges, got ${edges.length}`,
      ),
  );
}
