/**
 * Just enough of Thrift's compact protocol to read a Parquet page header, with every size checked.
 * Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

/** A struct: numbers and structs by field id; texts and lists are passed over. */
export type ThriftStruct = { readonly [field: number]: number | boolean | ThriftStruct | undefined };

/** A place in bytes. */
export type Cursor = { readonly bytes: Uint8Array; at: number };

/** No page header is nested as deeply. */
const MAX_DEPTH = 8;

/** Reads a struct. @throws Error when the bytes end in it or say something that no header says */
export function readStruct(cursor: Cursor, depth = 0): ThriftStruct {
  if (depth > MAX_DEPTH) throw new Error("a page header is nested too deeply");
  const fields: Record<number, number | boolean | ThriftStruct | undefined> = {};
  let id = 0;
  while (true) {
    const byte = readByte(cursor);
    const type = byte & 15;
    if (type === 0) return fields;
    id = byte >> 4 === 0 ? zigzag(readVarint(cursor)) : id + (byte >> 4);
    fields[id] = readValue(cursor, type, depth);
  }
}

function readValue(cursor: Cursor, type: number, depth: number): number | boolean | ThriftStruct | undefined {
  switch (type) {
    case 1:
    case 2:
      return type === 1;
    case 3:
      return readByte(cursor);
    case 4:
    case 5:
    case 6:
      return zigzag(readVarint(cursor));
    case 7:
      skip(cursor, 8);
      return undefined;
    case 8:
      skip(cursor, readVarint(cursor));
      return undefined;
    case 12:
      return readStruct(cursor, depth + 1);
    default:
      throw new Error(`a page header has a field of type ${type}`);
  }
}

function readByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw new Error("a page header ends early");
  return byte;
}

function skip(cursor: Cursor, bytes: number): void {
  if (bytes > cursor.bytes.length - cursor.at) throw new Error("a page header ends early");
  cursor.at += bytes;
}

/** An unsigned number of up to ten bytes, as a double. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = readByte(cursor);
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new Error("a number has more than ten bytes");
}

const zigzag = (value: number) => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
