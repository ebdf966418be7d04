/** JSON Lines, plain or gzip: one object a line. Blank lines are passed over. */
import { DataError, messageOf } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";
import { decodeUtf8, NOT_UTF8, readBytes } from "./bytes.ts";
import {
  isRecord,
  MAX_RECORD_BYTES,
  type RawProblem,
  type RawRecord,
  type ReadOptions,
  type RecordStream,
} from "./record.ts";

const NEWLINE = 10;

/**
 * Streams the records of a JSON Lines file.
 * @throws DataError when the file is missing, empty or cut short, or a line is longer than `maxRecordBytes`
 */
export async function* readJsonl(file: string, options: ReadOptions = {}): RecordStream {
  let records = 0;
  for await (const { line, bytes } of splitLines(file, options.maxRecordBytes ?? MAX_RECORD_BYTES)) {
    const record = parseLine(file, line, bytes);
    if (record === undefined) continue;
    records++;
    yield record;
  }
  if (records === 0) throw new DataError(file, 0, "holds only blank lines, expected at least one row.");
}

/** The records of a file that a program wrote. @throws DataError for a line that is none, and as `readJsonl` */
export async function* readRecords(file: string): AsyncGenerator<RawRecord, void, undefined> {
  for await (const record of readJsonl(file)) {
    if ("problem" in record) throw new DataError(file, record.line, record.problem);
    yield record;
  }
}

function parseLine(file: string, line: number, bytes: Uint8Array): RawRecord | RawProblem | undefined {
  const decoded = decodeUtf8(bytes);
  if (decoded === undefined) return { file, line, problem: NOT_UTF8 };
  const text = (line === 1 && decoded.startsWith("\ufeff") ? decoded.slice(1) : decoded).trim();
  if (text === "") return undefined;
  if (line === 1 && text.startsWith("["))
    throw new DataError(
      file,
      1,
      `is a JSON array, expected one object a line. Name it .json, or convert it: jq -c '.[]'.`,
    );
  try {
    const value = parseJson(text);
    if (isRecord(value)) return { file, line, value };
    return { file, line, problem: `is ${describe(value)}, expected a JSON object with named columns.` };
  } catch (error) {
    return { file, line, problem: `is not valid JSON: ${messageOf(error).slice(0, 200)}.` };
  }
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "a JSON array" : value === null ? "null" : `a JSON ${typeof value}`;
}

type Line = { readonly line: number; readonly bytes: Uint8Array };

/**
 * Cuts bytes at newlines. The last line needs none. Memory is bounded by `maxBytes`, whatever the gzip holds. Lines without a byte are
 * counted, not given: a file may be made of nothing else.
 */
async function* splitLines(file: string, maxBytes: number): AsyncGenerator<Line, void, undefined> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let line = 1;
  const hold = (piece: Uint8Array) => {
    pendingBytes += piece.length;
    if (pendingBytes > maxBytes) throw tooLong(file, line, maxBytes);
    if (piece.length > 0) pending.push(piece);
  };
  const take = () => {
    const whole = pending.length === 1 ? pending[0]! : Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    return { line: line++, bytes: whole };
  };
  for await (const chunk of readBytes(file)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, end));
      if (pendingBytes > 0) yield take();
      else line++;
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  if (pendingBytes > 0) yield take();
}

/** The error of a record beyond the bound. */
export function tooLong(file: string, line: number, maxBytes: number): DataError {
  return new DataError(
    file,
    line,
    `is longer than ${maxBytes} bytes. Is this the right file? A quote or newline may be missing.`,
  );
}
