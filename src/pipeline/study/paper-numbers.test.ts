/** What the papers' numbers say of each other: slips of copying show where one number is printed twice or is a mean of others. */
import { expect, test } from "vitest";
import { mean } from "../../base/stats/describe.ts";
import { REGIMES } from "../../method/evaluate/plan/regimes.ts";
import {
  type PaperTable,
  paperTableCalled,
  paperTables,
  readPaperNumbers,
} from "../results/paper-numbers.ts";
import { EVERY_STUDY } from "./studies/index.ts";

const TABLES = readPaperNumbers();
const printed = (item: string) => TABLES.find((table) => table.item === item)!;
const [C_ALL, C_LABELLED, C_LOSSES, C_STUDENTS] = ["Table 3", "Fig. 3", "Table 1", "Table 2"].map((item) =>
  printed(`CW-PO ${item}`),
) as [PaperTable, PaperTable, PaperTable, PaperTable];
const C_TOP = printed("CW-PO Fig. 2, Fig. 4, Tables 4, 10, 11");
const W_STUDENTS = printed("WDPO Fig. 2a, 3a, 4a");
const REGIME = "the regime in four numbers";
const W_WINS = printed("WDPO Fig. 3b");

test("every row has a number for every column", () => {
  expect(TABLES.length).toBeGreaterThan(12);
  for (const { columns, rows, item } of TABLES)
    for (const [name, values] of Object.entries(rows))
      expect([item, name, values.length]).toEqual([item, name, columns.length]);
});

test("every table is printed by studies that there are, all its columns but the names marked as the paper's", () => {
  const names = EVERY_STUDY.map(({ name }) => name);
  for (const { studies, item, columns, title } of TABLES) {
    // The regime stands in reports of every kind.
    expect(studies.length === 0).toBe(title === REGIME);
    for (const study of studies) {
      expect(names).toContain(study);
      const table = paperTables(study).find(({ paperItem }) => paperItem === item)!;
      expect(table.columns.map(({ source }) => source)).toEqual([undefined, ...columns.map(() => "paper")]);
    }
    expect(item).toMatch(/^(WDPO|CW-PO) (Fig\.|Table)/);
  }
  expect(paperTables("annotators").map(({ paperItem }) => paperItem)).toEqual([
    "CW-PO Table 6",
    "CW-PO Table 13",
  ]);
});

test("plan's regime of the first paper is the printed one", () => {
  const { rows } = paperTableCalled(REGIME);
  const [first] = REGIMES;
  const of = (name: string) => Number(rows[name]![0]);
  expect(first!.peopleGold).toBe(of("people with gold"));
  expect(1 - first!.differ).toBeCloseTo(of("teacher with people"), 12);
  expect(first!.gap).toBe(of("people with gold minus teacher with gold"));
  expect(Math.abs(first!.teacherGold - of("teacher with gold"))).toBeLessThanOrEqual(0.005 + 1e-12);
  const [weak, human] = W_STUDENTS.rows["OPT-1.3B"]!.map(Number);
  expect(first!.students.margin).toBeCloseTo(weak! - human!, 12);
});

test("Table 3 of CW-PO ends with its means", () => {
  const { mean: printed, ...data } = C_ALL.rows;
  C_ALL.columns.forEach((_, k) => {
    const own = mean(Object.values(data).map((row) => Number(row[k])));
    expect(Math.abs(own - Number(printed![k]))).toBeLessThan(0.06);
  });
});

test("what is printed twice is the same", () => {
  // Table 1's DPO row on TL;DR is Table 2's largest student.
  expect(C_LOSSES.rows["DPO, OPT-125M to 13B"]!.slice(0, 3)).toEqual(C_STUDENTS.rows["OPT-13B"]!.slice(3));
  expect(C_LOSSES.rows["DPO, Qwen 0.5B to 14B"]!.slice(0, 3)).toEqual(
    C_STUDENTS.rows["Qwen2.5-14B"]!.slice(3),
  );
  // Fig. 3's right half at 0.3, Table 3's CW and the weighted row of Table 4 are one run; so is Table 2's student of 1.3B, and of 7B.
  const [harmless, helpful, hh] = C_TOP.rows["all, weighted"]!;
  expect(C_LABELLED.rows["0.3"]!.slice(4, 6)).toEqual([harmless, helpful]);
  expect(["Harmless", "Helpful", "HH"].map((name) => C_ALL.rows[name]![1])).toEqual([harmless, helpful, hh]);
  expect(C_STUDENTS.rows["OPT-1.3B"]![2]).toBe(hh);
  expect(C_STUDENTS.rows["Qwen2.5-7B"]![2]).toBe(C_TOP.rows["all, weighted"]![5]);
});

test("verdicts are of 100 prompts, and pool to 261 against 230", () => {
  const rows = Object.values(W_WINS.rows).map((row) => row.map(Number));
  for (const row of rows) expect(row.reduce((a, b) => a + b)).toBe(100);
  expect([0, 2].map((k) => rows.reduce((total, row) => total + row[k]!, 0))).toEqual([261, 230]);
});

test("weak is above human for every student of WDPO", () => {
  for (const [hhWeak, hhHuman, weak, human] of Object.values(W_STUDENTS.rows)) {
    expect(Number(hhWeak)).toBeGreaterThan(Number(hhHuman));
    if (weak !== null) expect(Number(weak)).toBeGreaterThan(Number(human));
  }
});

test("the regime's gap follows from what is published, and its teacher-gold from the assumption", () => {
  const share = (row: string) => Number(paperTableCalled(REGIME).rows[row]![0]);
  const differ = 1 - share("teacher with people");
  const sides = share("gold sides with the teacher where teacher and people differ");
  const gap = differ * (1 - 2 * sides);
  expect(Math.abs(gap - share("people with gold minus teacher with gold"))).toBeLessThan(0.0005);
  expect(Math.abs(share("people with gold") - gap - share("teacher with gold"))).toBeLessThan(0.006);
  // Gold with 81 % of the matched pairs is what .71 assumes.
  expect(share("teacher with people") * 0.81 + differ * (1 - sides)).toBeCloseTo(
    share("people with gold"),
    2,
  );
});
