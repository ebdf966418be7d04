/** Records as a Parquet file, with the nested types that TRL and the `datasets` library read as message lists. */
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";

/** One column: `content` is text, or a message list where the first record has one. Nothing is nullable. */
export type Column = {
  readonly name: string;
  readonly type: "content" | "text" | "texts" | "number" | "integer";
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

  /** The rest of the file. */
  finish(): Uint8Array {
    if (this.group.length > 0 || this.writer === undefined) this.writeGroup();
    this.writer!.finish();
    return this.take();
  }

  private writeGroup(): void {
    const records = this.group;
    this.group = [];
    this.writer ??= new ParquetWriter({
      writer: this.bytes,
      schema: schemaOf(this.columns, records),
      createdBy: "weak-teacher",
    });
    const columnData: ColumnSource[] = this.columns.map(({ name }) => ({
      name,
      data: records.map((record) => record[name]),
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

function schemaOf(columns: readonly Column[], records: Records): SchemaElement[] {
  const isList = (column: Column) => column.type === "content" && Array.isArray(records[0]?.[column.name]);
  return [
    { name: "root", num_children: columns.length },
    ...columns.flatMap((column) => elementsOf(column.name, isList(column) ? "messages" : column.type)),
  ];
}

function elementsOf(name: string, type: Column["type"] | "messages"): SchemaElement[] {
  switch (type) {
    case "content":
    case "text":
      return [textElement(name)];
    case "texts":
      return listOf(name, [textElement("element")]);
    case "messages":
      return listOf(name, [
        { name: "element", repetition_type: "REQUIRED", num_children: 2 },
        textElement("role"),
        textElement("content"),
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
