/** Arrow files, as Python's `datasets` saves them: IPC streams, or IPC files. Values become what they are in JSON. */
import {
  type Data,
  DataType,
  MapRow,
  type RecordBatch,
  RecordBatchReader,
  StructRow,
  Vector,
} from "apache-arrow";
import { AlignError, DataError, innerMessage } from "../core/errors.ts";
import { readWhole } from "../core/regular-file.ts";
import { checkFile, decodeUtf8, NOT_UTF8 } from "./bytes.ts";
import { plainValue } from "./plain-value.ts";
import type { RecordStream } from "./record.ts";

/** `datasets` writes shards of 500 MB. */
const MAX_BYTES = 2 * 2 ** 30;

/**
 * Streams the rows of an Arrow file; `line` is the row's number, from 1.
 * @throws DataError when the file is missing, empty, too large or broken, or a text in it is not UTF-8
 */
export async function* readArrow(file: string): RecordStream {
  const size = await checkFile(file);
  if (size > MAX_BYTES)
    throw new DataError(file, 0, `has ${size} bytes, expected at most ${MAX_BYTES}. Save it in more shards.`);
  const bytes = await readWhole(file);
  let line = 0;
  for (const batch of batchesOf(file, bytes))
    for (let row = 0; row < batch.numRows; row++)
      yield { file, line: ++line, value: rowOf(file, batch, row) };
  if (line === 0) throw new DataError(file, 0, "has no rows, expected at least one row.");
}

function* batchesOf(file: string, bytes: Uint8Array): Generator<RecordBatch, void, undefined> {
  try {
    for (const batch of RecordBatchReader.from(bytes)) {
      for (const column of batch.data.children) checkTexts(file, column);
      yield batch;
    }
  } catch (error) {
    throw broken(file, error);
  }
}

/** The library puts U+FFFD for bytes that are not UTF-8; a changed text must not pass for the text. @throws DataError */
function checkTexts(file: string, data: Data): void {
  if (DataType.isUtf8(data.type) || DataType.isLargeUtf8(data.type)) {
    const { valueOffsets: offsets, values } = data as unknown as {
      readonly valueOffsets: ArrayLike<number | bigint>;
      readonly values: Uint8Array;
    };
    if (data.length > 0) {
      const used = values.subarray(Number(offsets[0]), Number(offsets[data.length]));
      if (decodeUtf8(used) === undefined) throw new DataError(file, 0, NOT_UTF8);
    }
  }
  for (const child of data.children) checkTexts(file, child);
  if (data.dictionary !== undefined) for (const one of data.dictionary.data) checkTexts(file, one);
}

function rowOf(file: string, batch: RecordBatch, row: number): Record<string, unknown> {
  try {
    return Object.fromEntries(
      batch.schema.fields.map(({ name }, i) => [name, plainValue(bare(batch.getChildAt(i)?.get(row)))]),
    );
  } catch (error) {
    throw broken(file, error);
  }
}

/** Lists and structs of the library as arrays and objects. */
function bare(value: unknown): unknown {
  if (value instanceof Vector) return [...value].map(bare);
  if (value instanceof StructRow || value instanceof MapRow)
    return Object.fromEntries(Object.entries(value.toJSON()).map(([key, member]) => [key, bare(member)]));
  return value;
}

function broken(file: string, error: unknown): AlignError {
  if (error instanceof AlignError) return error;
  return new DataError(file, 0, `cannot be read as Arrow: ${innerMessage(error)}. Save or copy it again.`, {
    cause: error,
  });
}
