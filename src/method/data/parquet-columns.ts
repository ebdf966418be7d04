/** Records as a Parquet file, with the nested types that TRL and the `datasets` library read as message lists. */

import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import { ConfigError } from "../../base/core/errors.ts";

/**
 * One column: `content` is text, or a message list where the first record has one. `json` is written as JSON text, and left out where none of the
 * first records has it. Members of messages beside role and content are nullable columns of the list, there where one of the first
 * records has them; those that are no text are written as JSON. Nothing else is nullable.
 */
export type Column = {
  readonly name: string;
  readonly type: "content" | "text" | "texts" | "number" | "integer" | "json";
};

type Records = readonly Readonly<Record<string, unknown>>[];

/** Rows in a group: a reader needs memory for one. */
const GROUP_ROWS = 10_000;

/** Encodes the records (Snappy, row groups of 10,000, so that a reader needs little memory). */
export function parquetBytes(columns: readonly Column[], records: Records): Uint8Array {
  const encoder = new ParquetEncoder(columns);
  const parts = records.map((record) => encoder.add(record));
  return Buffer.concat([...parts, encoder.finish()].filter((part) => part !== undefined));
}

/** Encodes records as they come; holds one row group of them. */
export class ParquetEncoder {
  private readonly columns: readonly Column[];
  private readonly bytes = new ByteWriter();
  private writer: ParquetWriter | undefined;
  private present: readonly PresentColumn[] = [];
  private group: Readonly<Record<string, unknown>>[] = [];

  constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  /** Takes one more record; gives the file's next bytes when a row group is full. */
  add(record: Readonly<Record<string, unknown>>): Uint8Array | undefined {
    this.group.push(record);
    if (this.group.length < GROUP_ROWS) return undefined;
    this.writeGroup();
    return this.take();
  }

  /** The columns as they were written, fixed by the first row group. */
  get written(): readonly PresentColumn[] {
    return this.present;
  }

  /** The rest of the file. */
  finish(): Uint8Array {
    if (this.group.length > 0 || this.writer === undefined) this.writeGroup();
    this.writer!.finish();
    return this.take();
  }

  private writeGroup(): void {
    const records = this.group;
    this.group = [];
    const found = presentColumns(this.columns, records);
    if (this.writer === undefined) {
      this.present = found;
      this.writer = new ParquetWriter({
        writer: this.bytes,
        schema: schemaOf(found),
        createdBy: "weak-teacher",
      });
    }
    refuseLate(this.present, found);
    const columnData: ColumnSource[] = this.present.map((column) => ({
      name: column.name,
      data: records.map((record) => cell(column, record[column.name])),
    }));
    this.writer.write({ columnData, rowGroupSize: GROUP_ROWS });
  }

  /** What was encoded since the last time; places in the file are counted on (`offset`). */
  private take(): Uint8Array {
    const part = this.bytes.getBytes().slice();
    this.bytes.index = 0;
    return part;
  }
}

/** A column that is written: `members` are those of its messages beside role and content. */
export type PresentColumn = {
  readonly name: string;
  readonly type: Column["type"] | "messages";
  readonly members: readonly string[];
};

function presentColumns(columns: readonly Column[], records: Records): PresentColumn[] {
  return columns.flatMap(({ name, type }): PresentColumn[] => {
    if (type === "json" && records.every((record) => record[name] === undefined)) return [];
    if (type !== "content" || !Array.isArray(records[0]?.[name])) return [{ name, type, members: [] }];
    const members = new Set(records.flatMap((record) => messagesOf(record[name]).flatMap(Object.keys)));
    return [
      { name, type: "messages", members: [...members].filter((one) => one !== "role" && one !== "content") },
    ];
  });
}

const messagesOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value : [];

/** The schema was fixed by the first row group: what only later rows have would vanish. */
function refuseLate(present: readonly PresentColumn[], found: readonly PresentColumn[]): void {
  for (const { name, members } of found) {
    const column = present.find((one) => one.name === name);
    const late = column === undefined ? name : members.find((one) => !column.members.includes(one));
    if (late !== undefined)
      throw new ConfigError(
        `Parquet: "${late}" of "${name}" comes first after ${GROUP_ROWS} rows, expected it among the first, which fix the columns. Put a row that has it first.`,
      );
  }
}

function cell({ type, members }: PresentColumn, value: unknown): unknown {
  if (type === "json") return value === undefined ? undefined : JSON.stringify(value);
  if (type !== "messages" || members.length === 0) return value;
  return messagesOf(value).map((message) => ({
    ...message,
    ...Object.fromEntries(
      members.map((name) => [
        name,
        typeof message[name] === "string" ? message[name] : asJson(message[name]),
      ]),
    ),
  }));
}

const asJson = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

function schemaOf(columns: readonly PresentColumn[]): SchemaElement[] {
  return [{ name: "root", num_children: columns.length }, ...columns.flatMap(elementsOf)];
}

function elementsOf({ name, type, members }: PresentColumn): SchemaElement[] {
  switch (type) {
    case "content":
    case "text":
      return [textElement(name)];
    case "json":
      return [{ ...textElement(name), repetition_type: "OPTIONAL" }];
    case "texts":
      return listOf(name, [textElement("element")]);
    case "messages":
      return listOf(name, [
        { name: "element", repetition_type: "REQUIRED", num_children: 2 + members.length },
        textElement("role"),
        textElement("content"),
        ...members.map((member): SchemaElement => ({ ...textElement(member), repetition_type: "OPTIONAL" })),
      ]);
    case "number":
      return [{ name, type: "DOUBLE", repetition_type: "REQUIRED" }];
    case "integer":
      return [{ name, type: "INT32", repetition_type: "REQUIRED" }];
  }
}

function textElement(name: string): SchemaElement {
  return {
    name,
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    logical_type: { type: "STRING" },
    repetition_type: "REQUIRED",
  };
}

/** The three-level list of the Parquet specification (LogicalTypes.md, Lists). */
function listOf(name: string, element: readonly SchemaElement[]): SchemaElement[] {
  return [
    {
      name,
      repetition_type: "REQUIRED",
      num_children: 1,
      converted_type: "LIST",
      logical_type: { type: "LIST" },
    },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    ...element,
  ];
}
