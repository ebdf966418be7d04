/** What each source of a mixture gave. */
import type { ReportTable } from "../../report/data.ts";
import type { SourceShare } from "./data-files.ts";

/** A row for each source, where some part of the data has several; none elsewhere. */
export function sourceTables(sources: readonly SourceShare[] | undefined): ReportTable[] {
  if (sources === undefined) return [];
  return [
    {
      title: "Sources",
      columns: [
        { title: "source", format: "text" },
        { title: "read as", format: "text" },
        { title: "pairs", format: "count" },
        { title: "weight" },
        { title: "taken", format: "count" },
      ],
      rows: sources.map(({ source, format, pairs, weight, taken }) => [source, format, pairs, weight, taken]),
      notes: [
        "Weights are shares of the pairs; the mixture is as large as it can be with no pair taken twice, and what a source gives is drawn by the data's seed. Without weights every pair is taken. Duplicates and rows over the length are left out afterwards.",
      ],
    },
  ];
}
