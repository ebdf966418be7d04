/** Lines of large files with the bytes at which they begin. */
import { type FileHandle, open } from "node:fs/promises";

/** A line; `line` is its number in the file, from 1 where reading began at its beginning. */
export type Line = {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
};

const CHUNK_BYTES = 2 ** 20;

/** All lines that hold something. */
export async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  const file = await open(path, "r");
  try {
    yield* readLines(file, 0, CHUNK_BYTES);
  } finally {
    await file.close();
  }
}

/** The line that begins at a byte; "" behind the end. */
export async function lineAt(path: string, start: number): Promise<string> {
  const file = await open(path, "r");
  try {
    for await (const { text } of readLines(file, start, 2 ** 14)) return text;
    return "";
  } finally {
    await file.close();
  }
}

async function* readLines(
  file: FileHandle,
  from: number,
  chunkBytes: number,
): AsyncGenerator<Line, void, undefined> {
  let [start, line, pending] = [from, 1, Buffer.alloc(0)];
  for (let at = from; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, at);
    at += bytesRead;
    const bytes = Buffer.concat([pending, buffer.subarray(0, bytesRead)]);
    let done = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, done)) {
      const text = bytes.toString("utf8", done, end);
      const next = start + end + 1 - done;
      if (text.trim() !== "") yield { text, start, end: next, line };
      line++;
      start = next;
      done = end + 1;
    }
    pending = bytes.subarray(done);
    if (bytesRead > 0) continue;
    if (pending.length > 0)
      yield { text: pending.toString("utf8"), start, end: start + pending.length, line };
    return;
  }
}
