/** Reads a whole table in a test. */
import { openTable } from "../../src/base/files/table.ts";

/** All records of a JSONL or Parquet file. */
export async function readTable(file: string): Promise<Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  for await (const record of openTable(file)) {
    if ("problem" in record) throw new Error(record.problem);
    rows.push(record.value);
  }
  return rows;
}
