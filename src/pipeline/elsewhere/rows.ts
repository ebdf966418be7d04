/** The rows of an export as records of the shapes that trainers read. */
import { ConfigError } from "../../base/core/errors.ts";
import { jsonLines } from "../../base/files/json-lines.ts";
import { type Column, parquetBytes } from "../../method/data/parquet-columns.ts";
import type { Message, Text } from "../../method/data/rows.ts";
import { promptId } from "../../method/data/rows.ts";
import { hasTemplateMembers, promptColumns, TEMPLATE_COLUMNS } from "../../method/data/template-columns.ts";
import type { ExportFile, ExportRow } from "./request.ts";

const NUMBERS = [
  ["weight", "weight"],
  ["p_chosen", "pChosen"],
] as const;

/** TRL's preference columns with explicit prompt, then `id`, `prompt_id` and the numbers that every row has. */
export function preferenceRecords(rows: readonly ExportRow[]): Record<string, unknown>[] {
  const numbers = NUMBERS.filter(([, name]) => rows.every((row) => row[name] !== undefined));
  return rows.map((row) => ({
    ...promptColumns(row.prompt),
    chosen: row.chosen,
    rejected: row.rejected,
    id: row.id,
    prompt_id: promptId(row.prompt),
    ...Object.fromEntries(numbers.map(([column, name]) => [column, row[name]])),
  }));
}

/** TRL's SFT columns: the preferred response to each prompt. */
export function completionRecords(rows: readonly ExportRow[]): { prompt: Text; completion: Text }[] {
  return rows.map(({ prompt, chosen }) => ({ ...promptColumns(prompt), completion: chosen }));
}

/** Records as Parquet, each column of the type of its first value. */
export function recordsToParquet(records: readonly Readonly<Record<string, unknown>>[]): Uint8Array {
  const columns = Object.entries(records[0] ?? {})
    .filter(([name]) => !(TEMPLATE_COLUMNS as readonly string[]).includes(name))
    .map(([name, value]): Column => {
      const content = ["prompt", "chosen", "rejected", "completion"].includes(name);
      return { name, type: content ? "content" : typeof value === "number" ? "number" : "text" };
    });
  const inputs = TEMPLATE_COLUMNS.map((name): Column => ({ name, type: "json" }));
  return parquetBytes([...columns, ...inputs], records);
}

/**
 * @throws ConfigError naming the first row with tools, arguments of the template, or members of messages beside role and content: only TRL's
 *   format is known to have a place for them
 */
export function refuseTemplateMembers(tool: string, rows: readonly ExportRow[]): void {
  const row = rows.find(({ prompt, chosen, rejected }) =>
    [prompt, chosen, rejected].some(hasTemplateMembers),
  );
  if (row === undefined) return;
  throw new ConfigError(
    `--to ${tool}: row ${row.id} has tools, or members of messages beside role and content, which would be lost. Use --to trl.`,
  );
}

/** A conversation up to a response, its turns as they are. */
export function turns(text: Text): readonly Message[] {
  return typeof text === "string" ? [{ role: "user", content: text }] : text;
}

/**
 * The one message of a response, for formats that take no list.
 * @throws ConfigError when it has another number of messages
 */
export function oneMessage(tool: string, row: ExportRow, side: "chosen" | "rejected"): Message {
  const [message, ...more] = turns(row[side]);
  if (message === undefined || more.length > 0)
    throw new ConfigError(
      `--to ${tool}: ${side} of row ${row.id} has ${turns(row[side]).length} messages, its format takes one. Use --to trl.`,
    );
  return message;
}

/** A file as it lies on disk. */
export function fileBytes(file: ExportFile): Uint8Array {
  if ("bytes" in file) return file.bytes;
  return "text" in file ? Buffer.from(file.text) : Buffer.concat([...jsonLines(file.records)]);
}
