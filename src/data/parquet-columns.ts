/** Records as a Parquet file, with the nested types that TRL and the `datasets` library read as message lists. */
import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from "hyparquet-writer";

/** One column: `content` is text, or a message list where the first record has one. Nothing is nullable. */
export type Column = {
  readonly name: string;
  readonly type: "content" | "text" | "texts" | "number" | "integer";
};

type Records = readonly Readonly<Record<string, unknown>>[];

/** Encodes the records (Snappy, row groups of 10,000, so that a reader needs little memory). */
export function parquetBytes(columns: readonly Column[], records: Records): Uint8Array {
  const isList = (column: Column) => column.type === "content" && Array.isArray(records[0]?.[column.name]);
  const schema: SchemaElement[] = [
    { name: "root", num_children: columns.length },
    ...columns.flatMap((column) => elementsOf(column.name, isList(column) ? "messages" : column.type)),
  ];
  const columnData: ColumnSource[] = columns.map(({ name }) => ({
    name,
    data: records.map((record) => record[name]),
  }));
  return new Uint8Array(
    parquetWriteBuffer({ schema, columnData, rowGroupSize: 10_000, createdBy: "weak-teacher" }),
  );
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
