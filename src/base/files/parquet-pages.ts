/**
 * Checks the pages of a Parquet row group before they are decoded: a page of a few bytes may claim billions of values (a repeated run, a page
 * or list size), and the decoder believes it. Every size is held against the file and against a bound.
 * Format: https://parquet.apache.org/docs/file-format/data-pages/
 */
import type {
  AsyncBuffer,
  ColumnMetaData,
  Compressors,
  FileMetaData,
  RowGroup,
  SchemaElement,
} from "hyparquet";
import { type Cursor, readStruct, readVarint, type ThriftStruct } from "./thrift.ts";

/** Most bytes of a page, decompressed: writers aim at 1 MiB. */
export const MAX_PAGE_BYTES = 256 * 2 ** 20;
/** Most values of a column in a row group. */
export const MAX_GROUP_VALUES = 2 ** 24;
/** A packed run may be longer than what is left by this much: writers fill it up. */
const PADDING = 504;

const [PLAIN, PLAIN_DICTIONARY, RLE, DELTA, DELTA_LENGTH, DELTA_BYTES, DICTIONARY, SPLIT] = [
  0, 2, 3, 5, 6, 7, 8, 9,
];

type Levels = { readonly repetition: number; readonly definition: number };
type Page = {
  readonly bytes: Uint8Array;
  readonly header: ThriftStruct;
  readonly column: ColumnMetaData;
  readonly levels: Levels;
};

/**
 * Checks the pages of a row group.
 * @throws Error (for the caller to name the file) when a size is beyond the file or a bound, or an encoding cannot be bounded
 */
export async function checkPages(
  source: AsyncBuffer,
  metadata: FileMetaData,
  group: RowGroup,
  compressors: Compressors,
): Promise<void> {
  for (const { meta_data: column } of group.columns) {
    if (column === undefined) throw new Error("a column has no metadata");
    const { start, end } = chunkOf(column, source.byteLength);
    const bytes = new Uint8Array(await source.slice(start, end));
    checkColumn(bytes, column, levelsOf(metadata.schema, column.path_in_schema), compressors);
  }
}

function chunkOf(column: ColumnMetaData, size: number): { start: number; end: number } {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const end = start + Number(column.total_compressed_size);
  if (!(start >= 0 && end >= start && end <= size))
    throw new Error(`a column lies at bytes ${start} to ${end} of a file of ${size}`);
  const values = Number(column.num_values);
  if (!(values >= 0 && values <= MAX_GROUP_VALUES))
    throw new Error(`a column has ${values} values in one row group, expected at most ${MAX_GROUP_VALUES}`);
  return { start, end };
}

/** Most repetition and definition level of a column, by its place in the schema. */
function levelsOf(schema: readonly SchemaElement[], path: readonly string[]): Levels {
  let at = 0;
  const levels = { repetition: 0, definition: 0 };
  const sizeOf = (index: number, depth: number): number => {
    if (depth > 64) throw new Error("the schema is nested too deeply");
    let next = index + 1;
    for (let child = schema[index]?.num_children ?? 0; child > 0 && next <= schema.length; child--)
      next = sizeOf(next, depth + 1);
    return next;
  };
  for (const name of path) {
    let child = at + 1;
    const end = sizeOf(at, 0);
    while (child < end && schema[child]?.name !== name) child = sizeOf(child, 0);
    const element = child < end ? schema[child] : undefined;
    if (element === undefined) throw new Error("a column is not in the schema");
    if ((element.type_length ?? 0) > 2 ** 20) throw new Error(`a value has ${element.type_length} bytes`);
    if (element.repetition_type === "REPEATED") levels.repetition++;
    if (element.repetition_type !== "REQUIRED") levels.definition++;
    at = child;
  }
  return levels;
}

function checkColumn(
  bytes: Uint8Array,
  column: ColumnMetaData,
  levels: Levels,
  compressors: Compressors,
): void {
  const cursor: Cursor = { bytes, at: 0 };
  let values = 0;
  // The decoder too stops one byte before the end.
  while (cursor.at < bytes.length - 1) {
    const header = readStruct(cursor);
    const compressed = sizeIn(header, 3, bytes.length - cursor.at, "compressed bytes");
    sizeIn(header, 2, MAX_PAGE_BYTES, "bytes");
    const body = bytes.subarray(cursor.at, cursor.at + compressed);
    cursor.at += compressed;
    values += checkPage({ bytes: body, header, column, levels }, compressors);
    if (values > MAX_GROUP_VALUES)
      throw new Error(`a column has more than ${MAX_GROUP_VALUES} values in one row group`);
  }
}

/** A whole number in [0, most] under a field. */
function sizeIn(struct: ThriftStruct, field: number, most: number, what: string): number {
  const value = struct[field];
  if (typeof value !== "number" || !(value >= 0 && value <= most))
    throw new Error(`a page has ${String(value)} ${what}, expected at most ${most}`);
  return value;
}

/** @returns the values of a data page */
function checkPage(page: Page, compressors: Compressors): number {
  const { header } = page;
  switch (header[1]) {
    case 0:
      return checkDataPage(page, structIn(header, 5), compressors);
    case 2:
      sizeIn(structIn(header, 7), 1, MAX_GROUP_VALUES, "dictionary values");
      return 0;
    case 3:
      return checkDataPageV2(page, structIn(header, 8), compressors);
    default:
      throw new Error(`a page is of type ${String(header[1])}`);
  }
}

function structIn(header: ThriftStruct, field: number): ThriftStruct {
  const struct = header[field];
  if (typeof struct !== "object") throw new Error("a page has no header of its type");
  return struct;
}

function checkDataPage(page: Page, data: ThriftStruct, compressors: Compressors): number {
  const values = sizeIn(data, 1, MAX_GROUP_VALUES, "values");
  const encoding = data[2];
  const { levels, header } = page;
  if (encoding === PLAIN && levels.repetition === 0 && levels.definition === 0) return values;
  const bytes = decompressed(page, page.bytes, header[2] as number, compressors);
  const cursor: Cursor = { bytes, at: 0 };
  for (const level of [levels.repetition, levels.definition])
    if (level > 0) checkRuns(cursor, widthOf(level), values, readLength(cursor));
  checkValues(cursor, encoding, page.column, values);
  return values;
}

function checkDataPageV2(page: Page, data: ThriftStruct, compressors: Compressors): number {
  const { bytes, header, levels, column } = page;
  const values = sizeIn(data, 1, MAX_GROUP_VALUES, "values");
  sizeIn(data, 2, values, "nulls");
  sizeIn(data, 3, values, "rows");
  const definition = sizeIn(data, 5, bytes.length, "bytes of levels");
  const repetition = sizeIn(data, 6, bytes.length - definition, "bytes of levels");
  if (levels.repetition > 0) checkRuns({ bytes, at: 0 }, widthOf(levels.repetition), values, repetition);
  if (levels.definition > 0)
    checkRuns({ bytes, at: repetition }, widthOf(levels.definition), values, definition);
  const size = (header[2] as number) - definition - repetition;
  if (size < 0) throw new Error("a page is smaller than its levels");
  const rest = bytes.subarray(definition + repetition);
  const plain = data[7] === false ? rest : decompressed(page, rest, size, compressors);
  checkValues({ bytes: plain, at: 0 }, data[4], column, values);
  return values;
}

function decompressed(
  { column }: Page,
  bytes: Uint8Array,
  size: number,
  compressors: Compressors,
): Uint8Array {
  if (column.codec === "UNCOMPRESSED") return bytes;
  const decompress = compressors[column.codec];
  if (decompress === undefined) throw new Error(`compression ${column.codec} is not supported`);
  return decompress(bytes, size);
}

function checkValues(cursor: Cursor, encoding: unknown, { type }: ColumnMetaData, values: number): void {
  switch (encoding) {
    case PLAIN:
      return;
    case PLAIN_DICTIONARY:
    case DICTIONARY:
    case RLE: {
      if (values === 0) return;
      const flag = type === "BOOLEAN" || encoding === RLE;
      const width = flag ? 1 : byteAt(cursor);
      if (width === 0) return;
      checkRuns(cursor, width, values, flag ? readLength(cursor) : cursor.bytes.length - cursor.at);
      return;
    }
    case DELTA:
    case DELTA_LENGTH: {
      if (values === 0) return;
      const [block, parts] = [readVarint(cursor), readVarint(cursor)];
      if (!(parts > 0 && block > 0 && block <= 2 ** 16 && block % parts === 0))
        throw new Error(`a page packs ${block} values in ${parts} parts`);
      return;
    }
    case SPLIT:
      if (values > cursor.bytes.length)
        throw new Error(`a page of ${cursor.bytes.length} bytes has ${values} values`);
      return;
    case DELTA_BYTES:
      throw new Error(
        "encoding DELTA_BYTE_ARRAY is not read, for its sizes cannot be bounded; write the file without it",
      );
    default:
      throw new Error(`encoding ${String(encoding)} is not supported`);
  }
}

/** Walks runs of the hybrid encoding (repeated or packed) until there are `values`, and leaves the cursor `length` bytes on. */
function checkRuns(cursor: Cursor, width: number, values: number, length: number): void {
  const end = cursor.at + length;
  if (width > 32 || end > cursor.bytes.length)
    throw new Error(`a run of ${length} bytes and ${width} bits a value is beyond its page`);
  let seen = 0;
  while (seen < values) {
    const head = readVarint(cursor);
    const packed = head % 2 === 1;
    const count = packed ? ((head - 1) / 2) * 8 : head / 2;
    if (count > values - seen + (packed ? PADDING : 0))
      throw new Error(`a run has ${count} values where ${values - seen} are left`);
    cursor.at += packed ? (count / 8) * width : (width + 7) >> 3;
    seen += count;
  }
  cursor.at = end;
}

const widthOf = (level: number) => 32 - Math.clz32(level);

function byteAt(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw new Error("a page ends early");
  return byte;
}

/** Four bytes, least first. */
function readLength(cursor: Cursor): number {
  return byteAt(cursor) + byteAt(cursor) * 2 ** 8 + byteAt(cursor) * 2 ** 16 + byteAt(cursor) * 2 ** 24;
}
