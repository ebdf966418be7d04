/** The shape most studies have: rows of one axis, a column per arm, the paper's numbers beside them, comparisons within rows. */

import type { Interval } from "../../base/stats/check.ts";
import type { Column, ReportFigure, ReportTable, Cell as TableCell } from "../../report/data.ts";
import {
  type Compared,
  compareAll,
  differenceTable,
  findingOf,
  goldReward,
  gra,
  type Intervals,
  multiplicityNote,
} from "./measures.ts";
import type { ArmOutcome } from "./outcomes.ts";
import type { StudyContent } from "./study.ts";

/** A row: one arm per column, by the column's name; what the paper printed there. */
export type GridRow = {
  readonly label: string;
  readonly arms: Readonly<Record<string, ArmOutcome>>;
  /** Figures beside the rewards, such as the teacher's agreement. */
  readonly more?: readonly (Interval | number | string | null)[];
  /** What its arms start from, where that is no column: with it parity with human labels is tested over seeds. */
  readonly start?: ArmOutcome;
  /** The paper's numbers, one for each of `Grid.paper`. */
  readonly paper?: readonly (number | string | null)[];
};

/** A grid. */
export type Grid = {
  /** What rows differ in, the title of the first column. */
  readonly axis: string;
  readonly columns: readonly string[];
  readonly rows: readonly GridRow[];
  readonly more?: readonly Column[];
  readonly paper?: readonly string[];
  /** Columns compared in every row, first minus second. */
  readonly compare: readonly (readonly [string, string])[];
  /** Rows compared with each other in every column, by label. */
  readonly compareRows?: readonly (readonly [string, string])[];
  /** Also CW-PO's GRA against this arm. */
  readonly baseline?: (row: GridRow) => ArmOutcome | undefined;
  /** Comparisons that are neither within a row nor between two: corrected together with these. */
  readonly further?: readonly Compared[];
  readonly title: string;
  readonly paperItem?: string | undefined;
  readonly notes?: readonly string[] | undefined;
};

/** Tables, a chart, and a finding worded by rule. */
export function gridContent(grid: Grid, intervals: Intervals): StudyContent {
  const { rows, columns, axis } = grid;
  const within = rows.flatMap((row) => grid.compare.flatMap(([a, b]) => compared(grid, row, a, b)));
  const between = (grid.compareRows ?? []).flatMap(([first, second]) => acrossRows(grid, first, second));
  const differences = compareAll([...within, ...between, ...(grid.further ?? [])], intervals);
  const values = rows.map((row) => columns.map((name) => rewardIn(row, name, intervals)));
  const baseline = grid.baseline;
  const tables = [
    table(grid, `${grid.title}: gold reward`, values, baseline === undefined),
    ...(baseline === undefined ? [] : [graTable(grid, baseline, intervals)]),
    ...(differences.length === 0 ? [] : [differenceTable(differences)]),
  ];
  const finding = findingOf(differences);
  return {
    tables,
    figures: [figure(axis, grid, values)],
    finding,
    notes: [multiplicityNote(countArms(grid), differences.length), ...(grid.notes ?? [])],
  };
}

/** Arms of a grid, each once: one arm may stand in several rows. */
const countArms = ({ rows, columns }: Grid): number =>
  new Set(rows.flatMap(({ arms }) => columns.flatMap((name) => (arms[name] ? [arms[name]] : [])))).size;

function compared({ rows, baseline }: Grid, row: GridRow, a: string, b: string): Compared[] {
  const [first, second] = [row.arms[a], row.arms[b]];
  if (first === undefined || second === undefined || first === second || first.records.length === 0)
    return [];
  const prefix = rows.length > 1 ? `${row.label}: ` : "";
  const start = isHuman(b) ? (row.start ?? baseline?.(row)) : undefined;
  const pair = { a: first, b: second, names: [`${prefix}${a}`, b] as const, kind: `${a} - ${b}` };
  return [start === undefined ? pair : { ...pair, start }];
}

/** Students on people's labels: what others are to be as good as. */
const isHuman = (column: string): boolean => column.startsWith("human");

function acrossRows({ rows, columns }: Grid, first: string, second: string): Compared[] {
  const [a, b] = [first, second].map((label) => rows.find((row) => row.label === label));
  return columns.flatMap((name): Compared[] => {
    const [x, y] = [a?.arms[name], b?.arms[name]];
    // An arm that stands in both rows has nothing to be compared with.
    if (x === undefined || y === undefined || x === y || x.records.length === 0) return [];
    return [{ a: x, b: y, names: [columns.length > 1 ? `${name}: ${first}` : first, second] }];
  });
}

function rewardIn(row: GridRow, name: string, intervals: Intervals): Interval | null {
  const arm = row.arms[name];
  return arm === undefined ? null : goldReward(arm, intervals);
}

function table(
  { axis, columns, rows, more = [], paper = [], paperItem }: Grid,
  title: string,
  values: readonly (readonly (Interval | null)[])[],
  withPaper: boolean,
  format?: "percent",
): ReportTable {
  const papers = withPaper ? paper : [];
  const cells = (row: GridRow, i: number): TableCell[] => [
    row.label,
    ...(withPaper ? (row.more ?? more.map(() => null)) : []),
    ...values[i]!,
    ...papers.map((_, k) => row.paper?.[k] ?? null),
  ];
  return {
    title,
    columns: [
      { title: axis, format: "text" },
      ...(withPaper ? more : []),
      ...columns.map((name): Column => ({ title: name, ...(format ? { format } : {}) })),
      ...papers.map((name): Column => ({ title: name, source: "paper", format: "number" })),
    ],
    rows: rows.map(cells),
    ...(paperItem === undefined || !withPaper ? {} : { paperItem }),
  };
}

function graTable(grid: Grid, baseline: NonNullable<Grid["baseline"]>, intervals: Intervals): ReportTable {
  const values = grid.rows.map((row) =>
    grid.columns.map((name) => {
      const [arm, base] = [row.arms[name], baseline(row)];
      return arm === undefined || base === undefined || arm === base ? null : gra(arm, base, intervals);
    }),
  );
  return table(grid, `${grid.title}: GRA against the shared SFT student`, values, true, "percent");
}

function figure(
  axis: string,
  { rows, columns, title }: Grid,
  values: readonly (readonly (Interval | null)[])[],
): ReportFigure {
  return {
    chart: {
      kind: "intervals",
      title,
      description: `Gold reward by ${axis}, with 95 % intervals`,
      xLabel: "gold reward",
      rows: rows.flatMap(({ label }, i) =>
        columns.flatMap((series, k) => {
          const value = values[i]![k];
          return value == null ? [] : [{ label, series, value }];
        }),
      ),
    },
  };
}
