/** Opens a file as a stream of bytes, decompressing `.gz` on the way. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { createGunzip } from "node:zlib";
import { DataError, messageOf, pathProblem } from "../core/errors.ts";
import { readStream, refuseSpecial } from "../core/regular-file.ts";

/**
 * The bytes of a file, in chunks.
 * @throws DataError when it is missing, empty, a folder, not gzip though named so or gzip though not named so, UTF-16, a gzip that
 *   was cut short or unpacks to more than 64 MiB and 300 times its size
 */
export async function* readBytes(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  await checkFile(file);
  const gzip = file.endsWith(".gz");
  const source = await readStream(file);
  const stream = gzip ? source.pipe(createGunzip()) : source;
  if (gzip) source.on("error", (error) => stream.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes === chunk.length) refuseMagic(file, chunk, gzip);
      if (gzip && bytes > BOMB_BYTES && bytes > BOMB_RATIO * source.bytesRead)
        throw bomb(file, bytes, source.bytesRead);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof DataError ? error : readError(file, error, bytes);
  } finally {
    source.destroy();
    stream.destroy();
  }
  if (bytes === 0) throw new DataError(file, 0, "is empty, expected at least one row. Was it written whole?");
}

/** Looks at the first bytes for what a file is although its name says otherwise. */
function refuseMagic(file: string, [first, second]: Uint8Array, gzip: boolean): void {
  const magic = ((first ?? 0) << 8) | (second ?? 0);
  if (magic === 0x1f8b)
    throw new DataError(
      file,
      0,
      gzip
        ? "is gzip-compressed twice, expected once. Unpack it once: gunzip."
        : `is gzip-compressed, expected plain text. Name it .gz: ${basename(file)}.gz.`,
    );
  if (magic === 0xfffe || magic === 0xfeff)
    throw new DataError(
      file,
      0,
      "is UTF-16, expected UTF-8. Convert it: iconv -f utf-16 -t utf-8 FILE > NEW.",
    );
}

/** Text packs to a tenth, at best a fiftieth; a file that unpacks to far more was made to fill a disk or keep a reader busy. */
const BOMB_RATIO = 300;
const BOMB_BYTES = 64 * 2 ** 20;

const bomb = (file: string, bytes: number, read: number) =>
  new DataError(
    file,
    0,
    `unpacks to more than ${BOMB_RATIO} times its size (${bytes} bytes of ${read} so far), which no text does. If it is right, unpack it yourself and name the result.`,
  );

/**
 * Checks that a file is there and holds something.
 * @returns its size in bytes
 * @throws DataError when it is missing, empty, a folder, a pipe or a device
 */
export async function checkFile(file: string): Promise<number> {
  const fail = (error: unknown) => {
    throw new DataError(file, 0, pathProblem(error), { cause: error });
  };
  const info = await stat(file).catch(fail);
  if (info.isDirectory())
    throw new DataError(
      file,
      0,
      "is a folder, expected a data file (.jsonl, .json, .csv, .tsv, also with .gz, or .parquet).",
    );
  try {
    refuseSpecial(info);
  } catch (error) {
    fail(error);
  }
  if (info.size === 0)
    throw new DataError(file, 0, "is empty, expected at least one row. Was it written whole?");
  return info.size;
}

function readError(file: string, error: unknown, bytes: number): DataError {
  const code = (error as NodeJS.ErrnoException).code;
  const problem =
    code === "Z_BUF_ERROR"
      ? `is a truncated gzip file: it ends in the middle, after ${bytes} decompressed bytes. Copy or download it again.`
      : code?.startsWith("Z_")
        ? `is not a whole gzip file: ${messageOf(error)} after ${bytes} decompressed bytes. Copy or download it again, or rename it if it is not compressed.`
        : pathProblem(error);
  return new DataError(file, 0, problem, { cause: error });
}

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes UTF-8; undefined when the bytes are not UTF-8. A byte-order mark at the front is kept. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** What to say of bytes that are not UTF-8. */
export const NOT_UTF8 =
  "is not valid UTF-8. Convert the file to UTF-8 (for example: iconv -f latin1 -t utf-8).";
