/** Accuracies of `reward-bench` for a terminal. */
import { sum } from "../../base/stats/describe.ts";
import { STYLES } from "../../method/data/adapters/lists.ts";
import type { StyleMatrix } from "../../method/evaluate/bench-lists.ts";
import type { BenchResult } from "../../pipeline/results/bench.ts";
import type { ReportTable } from "../../report/data.ts";
import { formatInterval, formatNumber } from "../../report/format.ts";
import { tableView } from "../../report/table.ts";
import { formatTable } from "./outcome-view.ts";

/** The figures as a table and lines. @param file - what the pairs were read from */
export function formatBench(file: string, result: BenchResult): string {
  const { subsets, sections, score, overall, pairs, truncated, unscored } = result;
  const table: ReportTable = {
    columns: [
      { title: "subset" },
      { title: "section" },
      { title: "accuracy", format: "percent" },
      { title: "units", format: "count" },
      { title: "pairs", format: "count" },
      { title: "ties", format: "count" },
    ],
    rows: subsets.map((one) => [one.subset, one.section, one.accuracy, one.accuracy.n, one.pairs, one.ties]),
  };
  const left = Object.entries(unscored).map(([why, count]) => `${count} ${why}`);
  const lines = [
    formatTable(tableView(table)!),
    "",
    ...sections.map(
      ({ section, accuracy, pairs: n, missing }) =>
        `${section}: ${formatNumber(accuracy, { format: "percent" })} of ${n} pairs${missing.length === 0 ? "" : `, without ${missing.join(", ")}: no figure to compare with published ones`}`,
    ),
    score === null
      ? "score: none, for it is the mean of all four sections"
      : `score (mean of the four sections): ${formatNumber(score, { format: "percent" })}`,
    ...(result.styles ?? []).flatMap(styleWords),
    ...(result.bestOf === undefined ? [] : bestOfWords(result.bestOf)),
    `overall: ${formatInterval(overall, { format: "percent" })} of ${pairs - sum(Object.values(unscored))} pairs, n = ${overall.n} units (prompts, or groups of them)`,
    `${file}: ${pairs} pairs by ${result.scorer}; ${truncated} seen in part${left.length === 0 ? "" : `; without a score: ${left.join(", ")}`}`,
  ];
  return lines.join("\n");
}

const percentOf = (share: number) => formatNumber(share, { format: "percent" });

/** RM-Bench's matrix: rows are styles of the chosen response, columns of the rejected one. */
function styleWords({ subset, rows, matrix, easy, normal, hard, average }: StyleMatrix): string[] {
  const cells = (list: readonly string[]) => list.map((text) => text.padStart(11)).join("");
  return [
    `${subset}, ${rows} rows by style (rows: chosen, columns: rejected):`,
    `  ${"".padEnd(9)}${cells(STYLES)}`,
    ...matrix.map(
      (row, i) => `  ${STYLES[i]!.padEnd(9)}${cells(row.map(({ estimate }) => percentOf(estimate)))}`,
    ),
    `  easy ${percentOf(easy)}, normal ${percentOf(normal)}, hard ${percentOf(hard)}, average ${percentOf(average)}`,
    "",
  ];
}

/** RewardBench 2's figures. */
function bestOfWords({ subsets, score }: NonNullable<BenchResult["bestOf"]>): string[] {
  return [
    ...subsets.map(({ subset, rows, accuracy, ties, why }) =>
      accuracy !== null
        ? `best of n, ${subset}: ${formatInterval(accuracy, { format: "percent" })} of ${rows} rows`
        : ties === null
          ? `best of n, ${subset}: no score: ${why}`
          : `${subset}: ${percentOf(ties.score)} (right of tied ${percentOf(ties.tied)}, of reference ${percentOf(ties.reference)}; gap above spread ${percentOf(ties.preferred)}, with the reference's ${percentOf(ties.preferredHard)}; margin ${ties.margin.toFixed(3)}) of ${rows} rows`,
    ),
    score === null
      ? "RewardBench 2: none, for it is the mean of all six subsets"
      : `RewardBench 2 (mean of the six subsets): ${percentOf(score)}`,
  ];
}
