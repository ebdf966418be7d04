/** Opens files from outside for reading, and nothing else: a pipe without a writer, a socket or a device would be waited for without end. */
import type { ReadStream, Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

/**
 * Opens a file for reading.
 * @throws the system's error; one with code "ENOTFILE" when it is a pipe, a socket or a device
 */
export async function openForReading(path: string): Promise<FileHandle> {
  refuseSpecial(await stat(path));
  return open(path, "r");
}

/**
 * Reads a file as a stream; it closes the file at its end.
 * @param chunkBytes - read at once, default 64 KiB
 * @throws as `openForReading`
 */
export async function readStream(path: string, chunkBytes = 2 ** 16): Promise<ReadStream> {
  return (await openForReading(path)).createReadStream({ highWaterMark: chunkBytes });
}

/** All bytes of a file. @throws as `openForReading` */
export async function readWhole(path: string): Promise<Buffer> {
  const file = await openForReading(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** @throws Error with code "ENOTFILE", which `pathProblem` words; folders pass, for reading them has words of its own */
export function refuseSpecial(info: Stats): void {
  if (info.isFile() || info.isDirectory()) return;
  const kind = info.isFIFO() ? "a pipe" : info.isSocket() ? "a socket" : "a device";
  throw Object.assign(
    new Error(`it is ${kind}, expected a file. Write what comes out of it to a file first`),
    {
      code: "ENOTFILE",
    },
  );
}
