/** Parquet, one row group at a time. 64-bit integers become numbers where that is exact, dates become ISO text. */
import {
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { AlignError, DataError, innerMessage } from "../core/errors.ts";
import { checkFile, decodeUtf8 } from "./bytes.ts";
import { checkPages, MAX_PAGE_BYTES } from "./parquet-pages.ts";
import { plainValue } from "./plain-value.ts";
import type { RecordStream } from "./record.ts";
import { unfolding } from "./unfolding.ts";

const MAX_GROUP_BYTES = 2 * 2 ** 30;
const MAX_GROUP_ROWS = 4_000_000;
/** Row groups are named in a footer; a file of gigabytes has hundreds. */
const MAX_FOOTER_BYTES = 256 * 2 ** 20;

/** The library's decompressors, which allocate what a page header says. */
const bounded: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, size: number) => {
      if (!(size >= 0 && size <= MAX_PAGE_BYTES)) throw new Error(`a page has ${size} bytes`);
      return decompress(input, size);
    },
  ]),
);

/**
 * Streams the rows of a Parquet file; `line` is the row number, from 1.
 * @throws DataError when the file is missing, empty, not Parquet, cut short, holds text that is not UTF-8, or a row group
 *   has more than 4 million rows or 2 GiB, or a page claims more than it can hold
 */
export async function* readParquet(file: string): RecordStream {
  await checkFile(file);
  const source = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(source, {}).catch((error) => {
    throw broken(file, error);
  });
  if (metadata.num_rows === 0n) throw new DataError(file, 0, "has no rows, expected at least one row.");
  if (metadata.metadata_length > MAX_FOOTER_BYTES)
    throw new DataError(
      file,
      0,
      `has a footer of ${metadata.metadata_length} bytes, expected at most ${MAX_FOOTER_BYTES}.`,
    );
  let rowStart = 0;
  const count = unfolding(file, source.byteLength);
  for (const group of metadata.row_groups) {
    if (
      !(group.total_byte_size <= MAX_GROUP_BYTES && group.num_rows >= 0 && group.num_rows <= MAX_GROUP_ROWS)
    )
      throw new DataError(
        file,
        rowStart + 1,
        `starts a row group of ${group.num_rows ?? "unknown"} rows and ${group.total_byte_size ?? "unknown"} bytes, expected at most ${MAX_GROUP_ROWS} and ${MAX_GROUP_BYTES}. Write the file again with smaller row groups.`,
      );
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await readGroup(file, metadata, group, rowStart, rowEnd);
    if (rows.length !== rowEnd - rowStart)
      throw broken(file, new Error(`${rows.length} rows where ${rowEnd - rowStart} are announced`));
    for (const [i, row] of rows.entries()) {
      count(rowStart + i + 1, row);
      yield { file, line: rowStart + i + 1, value: plainValue(row) as Record<string, unknown> };
    }
    rowStart = rowEnd;
  }
  if (BigInt(rowStart) !== metadata.num_rows)
    throw broken(
      file,
      new Error(`its row groups hold ${rowStart} rows, its footer announces ${metadata.num_rows}`),
    );
}

async function readGroup(
  file: string,
  metadata: FileMetaData,
  group: RowGroup,
  rowStart: number,
  rowEnd: number,
): Promise<Record<string, unknown>[]> {
  try {
    const source = await asyncBufferFromFile(file);
    await checkPages(source, metadata, group, bounded);
    return await parquetReadObjects({
      file: source,
      metadata,
      rowStart,
      rowEnd,
      compressors: bounded,
      parsers: { stringFromBytes },
    });
  } catch (error) {
    throw broken(file, error, `rows ${rowStart + 1} to ${rowEnd}: `);
  }
}

/** hyparquet's own parser puts U+FFFD for bytes that are not UTF-8; a changed text must not pass for the text. */
function stringFromBytes(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new Error("a text is not valid UTF-8");
  return text;
}

function broken(file: string, error: unknown, where = ""): AlignError {
  if (error instanceof AlignError) return error;
  return new DataError(
    file,
    0,
    `${where}cannot be read as Parquet: ${innerMessage(error)}. Copy or download it again.`,
    { cause: error },
  );
}
