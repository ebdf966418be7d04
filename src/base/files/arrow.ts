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
import "./arrow-counts.ts";
import { AlignError, DataError, innerMessage } from "../core/errors.ts";
import { readWhole } from "../core/regular-file.ts";
import { withinTime } from "../core/time-limit.ts";
import { checkFile, decodeUtf8, NOT_UTF8 } from "./bytes.ts";
import { plainValue } from "./plain-value.ts";
import type { RecordStream } from "./record.ts";
import { unfolding } from "./unfolding.ts";

/**
 * For finding a batch, which copies nothing and takes a thousandth of it: the library follows a file's table of places without end where
 * they lead back to where it has been.
 */
const MOST_MS = 4000;

/** `datasets` writes shards of 500 MB. */
const MAX_BYTES = 2 * 2 ** 30;

/**
 * Streams the rows of an Arrow file; `line` is the row's number, from 1.
 * @throws DataError when the file is missing, empty, too large or broken, says more rows or lists than it holds, unfolds to more text than it
 *   could mean, or a text in it is not UTF-8
 */
export async function* readArrow(file: string): RecordStream {
  const size = await checkFile(file);
  if (size > MAX_BYTES)
    throw new DataError(file, 0, `has ${size} bytes, expected at most ${MAX_BYTES}. Save it in more shards.`);
  const bytes = await readWhole(file);
  const count = unfolding(file, size);
  let line = 0;
  for (const batch of batchesOf(file, bytes)) {
    checkRows(file, line + batch.numRows, size);
    for (let row = 0; row < batch.numRows; row++) {
      const value = rowOf(file, batch, row);
      count(++line, value);
      yield { file, line, value };
    }
  }
  if (line === 0) throw new DataError(file, 0, "has no rows, expected at least one row.");
}

function* batchesOf(file: string, bytes: Uint8Array): Generator<RecordBatch, void, undefined> {
  try {
    const batches = RecordBatchReader.from(bytes)[Symbol.iterator]();
    for (;;) {
      const { done, value: batch } = withinTime(MOST_MS, () => batches.next());
      if (done === true) return;
      for (const column of batch.data.children) {
        checkTexts(file, column);
        checkLists(file, column);
      }
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

/** Rows that hold anything take a bit each; columns of nothing claim as many as they like. @throws DataError */
function checkRows(file: string, rows: number, size: number): void {
  if (rows <= 8 * size) return;
  throw new DataError(file, 0, `says it has ${rows} rows in ${size} bytes, expected at most 8 to a byte.`);
}

/** Lists that overlap, or say they are longer than what is there, make much of little. @throws DataError */
function checkLists(file: string, data: Data): void {
  const [inner] = data.children;
  if (inner !== undefined && (DataType.isList(data.type) || DataType.isMap(data.type))) {
    const offsets = data.valueOffsets as unknown as ArrayLike<number>;
    for (let i = 0; i < data.length; i++)
      if (!(offsets[i]! >= 0 && offsets[i]! <= offsets[i + 1]! && offsets[i + 1]! <= inner.length))
        throw broken(
          file,
          new Error(`a list runs from ${offsets[i]} to ${offsets[i + 1]} of ${inner.length}`),
        );
  }
  if (
    inner !== undefined &&
    DataType.isFixedSizeList(data.type) &&
    data.length * data.type.listSize > inner.length
  )
    throw broken(
      file,
      new Error(`${data.length} lists of ${data.type.listSize} have ${inner.length} members`),
    );
  for (const child of data.children) checkLists(file, child);
  for (const one of data.dictionary?.data ?? []) checkLists(file, one);
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
