/** Parquet, one row group at a time. 64-bit integers become numbers where that is exact, dates become ISO text. */
import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataError, messageOf } from "../../core/errors.ts";
import { checkFile } from "./bytes.ts";
import type { RecordStream } from "./record.ts";

const MAX_GROUP_BYTES = 2 * 2 ** 30;
const MAX_GROUP_ROWS = 20_000_000;

/**
 * Streams the rows of a Parquet file; `line` is the row number, from 1.
 * @throws DataError when the file is missing, empty, not Parquet, cut short, holds text that is not UTF-8, or a row group
 *   has more than 20 million rows or 2 GiB
 */
export async function* readParquet(file: string): RecordStream {
  await checkFile(file);
  const source = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(source, {}).catch((error) => {
    throw broken(file, error);
  });
  if (metadata.num_rows === 0n) throw new DataError(file, 0, "has no rows, expected at least one row.");
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    if (group.total_byte_size > MAX_GROUP_BYTES || group.num_rows > MAX_GROUP_ROWS)
      throw new DataError(
        file,
        rowStart + 1,
        `starts a row group of ${group.num_rows} rows and ${group.total_byte_size} bytes, expected at most ${MAX_GROUP_ROWS} and ${MAX_GROUP_BYTES}. Write the file again with smaller row groups.`,
      );
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await readGroup(file, metadata, rowStart, rowEnd);
    for (const [i, row] of rows.entries())
      yield { file, line: rowStart + i + 1, value: plain(row) as Record<string, unknown> };
    rowStart = rowEnd;
  }
}

async function readGroup(
  file: string,
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
): Promise<Record<string, unknown>[]> {
  try {
    const source = await asyncBufferFromFile(file);
    return await parquetReadObjects({
      file: source,
      metadata,
      rowStart,
      rowEnd,
      compressors,
      parsers: { stringFromBytes },
    });
  } catch (error) {
    throw broken(file, error, `rows ${rowStart + 1} to ${rowEnd}: `);
  }
}

/** hyparquet's own parser puts U+FFFD for bytes that are not UTF-8; a changed text must not pass for the text. */
function stringFromBytes(bytes: Uint8Array | undefined): string | undefined {
  return bytes && new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function broken(file: string, error: unknown, where = ""): DataError {
  return new DataError(
    file,
    0,
    `${where}cannot be read as Parquet: ${messageOf(error)}. Copy or download it again.`,
    { cause: error },
  );
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
