import { expect, test } from "vitest";
import { studyAmounts } from "./amounts.ts";
import type { ArmOutcome } from "./outcomes.ts";

const arm = (name: string, ...pairs: number[]): ArmOutcome => {
  const of = (n: number): ArmOutcome => ({
    ...{ name, records: [], testAccuracy: { n: 0, implicit: null, likelihood: null } as never },
    learned: { prefer: { pairs: n, steps: n / 2, tokens: 9 * n }, why: "" },
  });
  const all = pairs.map(of);
  return { ...all[0]!, ...(all.length > 1 ? { replicates: all } : {}) };
};
const cell = (id: string, arms: readonly ArmOutcome[], names = arms.map(({ name }) => name)) => ({
  ...{ id, names },
  arms: new Map(arms.map((one) => [one.name, one])),
});

test("students that learned from fewer pairs than others of their cell are named once, with how many and where", () => {
  const { tables, headline } = studyAmounts("confidence", [
    cell("all", [arm("weak", 100), arm("human", 100)]),
    cell("half", [arm("weak", 50), arm("human", 100)]),
    cell("tenth", [arm("weak", 10, 12), arm("human", 100, 98)]),
    cell("labels only", []),
  ]);
  expect(headline).toEqual([
    "Amount (study confidence): weak learned from 10 to 50 pairs in 2 of 4 cells, others of the same cell from 98 to 100. A difference between them is one of amount, too.",
  ]);
  expect(tables[0]!.rows.map((row) => [row[0], row[1], row[5], row[6]])).toEqual([
    ["all", "weak", "100", "50"],
    ["all", "human", "100", "50"],
    ["half", "weak", "50", "25"],
    ["half", "human", "100", "50"],
    ["tenth", "weak", "10 to 12", "5 to 6"],
    ["tenth", "human", "98 to 100", "49 to 50"],
  ]);
});

test("students of other cells in the same run do not count, and studies of labels alone say nothing", () => {
  const both = [arm("weak", 50), arm("human", 100)];
  expect(studyAmounts("noise", [cell("a", both, ["weak"]), cell("b", both, ["human"])]).headline).toEqual([]);
  expect(studyAmounts("labels", [cell("a", [])])).toEqual({ tables: [], headline: [] });
});
