/**
 * CSV after RFC 4180, streamed: quoted fields may hold commas, newlines and doubled quotes. Works on bytes (all
 * of CSV's signs are ASCII), so that a field that is not UTF-8 is found with its line. A quote inside an
 * unquoted field stands for itself. A field that is JSON of messages is messages. TSV is the same with tabs. What the first line is, `csv-header.ts` decides.
 */

import { DataError } from "../core/errors.ts";
import { decodeUtf8, NOT_UTF8, readBytes } from "./bytes.ts";
import { columnsOf, looksLikeHeader } from "./csv-header.ts";
import { tooLong } from "./jsonl.ts";
import {
  MAX_RECORD_BYTES,
  type RawProblem,
  type RawRecord,
  type ReadOptions,
  type RecordStream,
} from "./record.ts";
import { isPythonMessages, writtenMessages } from "./written-lists.ts";

const QUOTE = 34;
const COMMA = 44;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
/** A record of commas alone would be millions of fields. */
const MAX_FIELDS = 10_000;

/** One CSV record: its first line and its fields as bytes. */
type CsvRecord = { readonly line: number; readonly fields: readonly Uint8Array[] };

/**
 * Streams the records of a CSV file; `line` is the line a record starts on.
 * @throws DataError when the file is missing, empty, has only a header, ends inside quotes, has text after a closing quote,
 *   is separated by semicolons or tabs, names a column twice, or a record is longer than `maxRecordBytes` or has more than 10,000
 *   fields
 */
export function readCsv(file: string, options: ReadOptions = {}): RecordStream {
  return readSeparated(file, COMMA, options);
}

/** Streams the records of a TSV file: as CSV, with tabs for commas. @throws DataError as `readCsv` */
export function readTsv(file: string, options: ReadOptions = {}): RecordStream {
  return readSeparated(file, TAB, options);
}

async function* readSeparated(file: string, separator: number, options: ReadOptions): RecordStream {
  let columns: readonly string[] | undefined;
  let records = 0;
  for await (const record of splitRecords(file, separator, options.maxRecordBytes ?? MAX_RECORD_BYTES)) {
    if (columns === undefined) {
      const first = decodeFields(file, record);
      refuseSeparator(file, separator, first);
      const found = columnsOf(file, first, options);
      columns = found.columns;
      if (found.isHeader) continue;
    }
    records++;
    yield toRecord(file, record, columns);
  }
  if (records === 0)
    throw new DataError(
      file,
      0,
      "has a header and no rows, expected at least one row. If the line is a row, say so with --header no.",
    );
}

function toRecord(
  file: string,
  { line, fields }: CsvRecord,
  columns: readonly string[],
): RawRecord | RawProblem {
  if (fields.length !== columns.length)
    return {
      file,
      line,
      problem: `has ${fields.length} fields, expected ${columns.length} (${columns.join(", ")}). A comma or quote may need quoting.`,
    };
  const value: Record<string, unknown> = {};
  for (const [i, field] of fields.entries()) {
    const text = decodeUtf8(field);
    if (text === undefined) return { file, line, problem: `column "${columns[i]}" ${NOT_UTF8}` };
    if (isPythonMessages(text))
      return {
        file,
        line,
        problem: `column "${columns[i]}" holds messages in Python's notation, expected JSON. Write them with json.dumps, or the table as JSONL or Parquet.`,
      };
    value[columns[i]!] = writtenMessages(text) ?? text;
  }
  return { file, line, value };
}

function decodeFields(file: string, { line, fields }: CsvRecord): string[] {
  return fields.map((field) => {
    const text = decodeUtf8(field);
    if (text === undefined) throw new DataError(file, line, NOT_UTF8);
    return text;
  });
}

/** Spreadsheets of some languages separate by semicolons or tabs: then the header is one field. @throws DataError */
function refuseSeparator(file: string, separator: number, cells: readonly string[]): void {
  const [header = ""] = cells;
  const other = cells.length > 1 ? undefined : othersThan(separator).find((sign) => header.includes(sign));
  if (other !== undefined && looksLikeHeader(header.split(other)))
    throw wrongSeparator(file, separator, other);
}

const othersThan = (separator: number) => (separator === TAB ? [",", ";"] : [";", "\t"]);

function wrongSeparator(file: string, separator: number, sign: string): DataError {
  const name = sign === "\t" ? "tabs" : sign === "," ? "commas" : sign;
  const fix =
    sign === "\t"
      ? "Name it .tsv"
      : separator === TAB && sign === ","
        ? "Name it .csv"
        : "Save it as CSV with commas";
  return new DataError(
    file,
    1,
    `is separated by ${name}, expected ${separator === TAB ? "tabs" : "commas (,)"}. ${fix}.`,
  );
}

/** The parser proper: one pass over the bytes, one state per byte. */
async function* splitRecords(
  file: string,
  separator: number,
  maxBytes: number,
): AsyncGenerator<CsvRecord, void, undefined> {
  // "start": at the start of a field; "quoted": inside quotes; "closing": a quote inside quotes was just seen.
  let state: "start" | "plain" | "quoted" | "closing" = "start";
  let line = 1;
  let startLine = 1;
  let fields: Uint8Array[] = [];
  const field = new GrowingBytes();
  let recordBytes = 0;
  let offset = 0;
  const endField = () => {
    if (fields.length === MAX_FIELDS)
      throw new DataError(file, startLine, `has more than ${MAX_FIELDS} fields. Is this the right file?`);
    fields.push(field.take());
    state = "start";
  };
  const endRecord = (): CsvRecord => {
    const record = { line: startLine, fields };
    fields = [];
    recordBytes = 0;
    return record;
  };
  for await (const chunk of readBytes(file)) {
    const skip = offset === 0 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf ? 3 : 0;
    offset += chunk.length;
    for (let i = skip; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (++recordBytes > maxBytes) throw tooLong(file, startLine, maxBytes);
      if (byte === NEWLINE) line++;
      if (state === "quoted") {
        if (byte === QUOTE) state = "closing";
        else field.push(byte);
      } else if (state === "closing" && byte === QUOTE) {
        field.push(QUOTE);
        state = "quoted";
      } else if (state === "start" && byte === QUOTE) state = "quoted";
      else if (byte === separator) endField();
      else if (byte === NEWLINE) {
        if (state !== "closing") field.dropLast(RETURN);
        const blank = state !== "closing" && fields.length === 0 && field.length === 0;
        endField();
        const record = endRecord();
        if (!blank) yield record;
        startLine = line;
      } else if (state === "closing") {
        const sign = String.fromCharCode(byte);
        if (startLine === 1 && fields.length === 0 && othersThan(separator).includes(sign))
          throw wrongSeparator(file, separator, sign);
        // A carriage return may stand before the newline; anything else means a quote that was not doubled.
        if (byte !== RETURN)
          throw new DataError(
            file,
            line,
            "has text after a closing quote. Quotes inside quoted fields are doubled.",
          );
      } else {
        field.push(byte);
        state = "plain";
      }
    }
  }
  if (state === "quoted") throw new DataError(file, startLine, "has a quoted field that is never closed.");
  if (recordBytes > 0) {
    field.dropLast(RETURN);
    endField();
    yield endRecord();
  }
}

/** Bytes of the field in hand. */
class GrowingBytes {
  private bytes = new Uint8Array(256);
  length = 0;

  push(byte: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.length++] = byte;
  }

  dropLast(byte: number): void {
    if (this.length > 0 && this.bytes[this.length - 1] === byte) this.length--;
  }

  take(): Uint8Array {
    const out = this.bytes.slice(0, this.length);
    this.length = 0;
    return out;
  }
}
