import { describe, expect, it } from "vitest";
import { cellText, tableView } from "./table.ts";

const interval = (estimate: number, n = 200) => ({
  estimate,
  low: estimate - 0.09,
  high: estimate + 0.09,
  n,
});

describe("a table view", () => {
  it("moves a common n to the header and keeps differing ones in the cells", () => {
    const same = tableView({
      columns: [{ title: "arm" }, { title: "gold" }],
      rows: [
        ["a", interval(0.3)],
        ["b", interval(0.5)],
      ],
    })!;
    expect(same.columns[1]).toMatchObject({ title: "gold", note: "n = 200", numeric: true });
    expect(cellText(same.rows[0]![1]!)).toBe("0.30 [0.21, 0.39]");
    const different = tableView({
      columns: [{ title: "arm" }, { title: "gold" }],
      rows: [
        ["a", interval(0.3)],
        ["b", interval(0.5, 100)],
      ],
    })!;
    expect(different.columns[1]!.note).toBeUndefined();
    expect(cellText(different.rows[1]![1]!)).toBe("0.50 [0.41, 0.59], n = 100");
  });
  it("drops columns and rows in which nothing was measured, and is nothing when all are", () => {
    const none = { estimate: 0, low: 0, high: 0, n: 0 };
    const view = tableView({
      columns: [{ title: "arm" }, { title: "gold" }, { title: "KL" }],
      rows: [
        ["a", interval(1), none],
        [null, null, null],
      ],
    })!;
    expect(view.columns.map((column) => column.title)).toEqual(["arm", "gold"]);
    expect(view.rows).toHaveLength(1);
    expect(tableView({ columns: [{ title: "x" }], rows: [[none], [null], [Number.NaN]] })).toBeUndefined();
    expect(tableView({ columns: [], rows: [] })).toBeUndefined();
  });
  it("shows a gap in numbers as a dash, a gap in words as nothing", () => {
    const view = tableView({
      columns: [{ title: "x" }, { title: "note" }],
      rows: [
        [1, "a"],
        [null, null],
        [2, null],
      ],
    })!;
    expect(view.rows.map((row) => row.map(cellText))).toEqual([
      ["1", "a"],
      ["2", ""],
    ]);
    const gap = tableView({
      columns: [{ title: "x" }, { title: "note" }],
      rows: [
        [1, "a"],
        [null, "b"],
      ],
    })!;
    expect(cellText(gap.rows[1]![0]!)).toBe("–");
  });
  it("gives plain numbers of a column the same decimals", () => {
    const view = tableView({ columns: [{ title: "x" }], rows: [[4.63], [4.8], [5]] })!;
    expect(view.rows.map((row) => row[0]!.main)).toEqual(["4.63", "4.80", "5.00"]);
  });
  it("says of a p-value below 0.001 that it is below, never that it is 0", () => {
    const columns = [{ title: "x" }, { title: "p", format: "p" as const }];
    const rows = [
      ["a", 0.00012],
      ["b", 0.0312],
      ["c", null],
    ];
    const view = tableView({ columns, rows })!;
    expect(view.columns[1]).toMatchObject({ numeric: true, code: false });
    expect(view.rows.map((row) => row[1]!.main)).toEqual(["< 0.001", "0.031", "–"]);
  });
  it("marks the paper's columns", () => {
    expect(tableView({ columns: [{ title: "x", source: "paper" }], rows: [[1]] })!.hasPaper).toBe(true);
  });
});
