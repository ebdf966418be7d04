/**
 * Numbers that the two papers printed and that fit no row of a study (other sizes, shares, families): a table each in
 * `assets/papers/numbers.yaml`. A study's report ends with those that name it, marked as the paper's.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import type { Column, ReportTable } from "../../report/data.ts";

const paperTableSchema = z.strictObject({
  item: z.string(),
  studies: z.array(z.string()),
  title: z.string(),
  rows_are: z.string(),
  columns: z.array(z.string()),
  rows: z.record(z.string(), z.array(z.union([z.number(), z.string(), z.null()]))),
  notes: z.array(z.string()).optional(),
});

/** A table as it was printed. */
export type PaperTable = z.infer<typeof paperTableSchema>;

/** All of them, in the order in which a study prints its own. */
export const readPaperNumbers = (): PaperTable[] =>
  z
    .array(paperTableSchema)
    .parse(parse(readFileSync(new URL("../../../assets/papers/numbers.yaml", import.meta.url), "utf8")));

/** A table that reports print by its title, whatever study they are of. @throws when the file has no such table */
export function paperTableCalled(title: string): PaperTable {
  const found = readPaperNumbers().find((table) => table.title === title);
  if (found === undefined) throw new Error(`internal: no paper's table is called ${title}`);
  return found;
}

/** The tables of one study for its report. */
export const paperTables = (study: string): ReportTable[] =>
  readPaperNumbers()
    .filter(({ studies }) => studies.includes(study))
    .map(reportTable);

/** Every column but the first is the paper's. */
const reportTable = ({ item, title, rows_are, columns, rows, notes }: PaperTable): ReportTable => ({
  title: `The paper's numbers: ${title}`,
  columns: [
    { title: rows_are, format: "text" },
    ...columns.map((name): Column => ({ title: name, source: "paper" })),
  ],
  rows: Object.entries(rows).map(([name, values]) => [name, ...values]),
  paperItem: item,
  notes,
});
