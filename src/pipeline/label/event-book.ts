/**
 * What one person did (answers, reviews) as a file that is only added to: each event is written, synced and only then acknowledged, so that
 * what was acknowledged survives any end of the process. One process writes, by the project's lock; any other reads.
 */
import { appendFile, type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { AlignError, DataError, InterruptedError, messageOf } from "../../base/core/errors.ts";
import { ensureFolder } from "../../base/core/files.ts";
import { type Lock, takeLock } from "../../base/core/lock.ts";

/** What every event has: a name of its own, by which one that is sent twice is kept once. */
export type BookEvent = { readonly uuid: string };

/** What a book holds: how an event is read, and what its events are called in messages ("answers"). */
export type BookKind<E extends BookEvent> = {
  readonly schema: { parse(value: unknown): E };
  readonly what: string;
};

/** A book of events. */
export interface EventBook<E extends BookEvent> {
  /** All events, oldest first; each uuid once. */
  readonly events: readonly E[];
  /** Why nothing can be written; undefined when it can. */
  readonly readOnly: string | undefined;
  /**
   * Adds events; when it resolves they are on the disk. Events that are there already are passed over.
   * @throws AlignError with code "io" when they cannot be written: then none of them is in the file
   */
  append(events: readonly E[]): Promise<void>;
  /** Gives the file back, after what is being written. */
  close(): Promise<void>;
}

/**
 * Opens a book; the file is made by the first event. A last line that was cut off, by a power cut or a kill, was never acknowledged: it is moved
 * to `<file>.torn` and the file goes on behind the last whole line.
 * @throws DataError when any other line is no event
 */
export async function openEventBook<E extends BookEvent>(
  path: string,
  kind: BookKind<E>,
): Promise<EventBook<E>> {
  const lock = await tryLock(`${path}.lock`, kind.what);
  try {
    const { events, whole, torn } = await readBook(path, kind);
    if (typeof lock !== "string" && torn.length > 0) await setAside(path, whole, torn);
    return bookOf(path, { events, size: whole, lock });
  } catch (error) {
    if (typeof lock !== "string") await lock.release();
    throw error;
  }
}

/** The events of a book, without taking it: for whoever only reads. @throws as `openEventBook` */
export const readEventBook = async <E extends BookEvent>(
  path: string,
  kind: BookKind<E>,
): Promise<readonly E[]> => (await readBook(path, kind)).events;

type Start<E> = {
  readonly events: E[];
  readonly size: number;
  readonly lock: Lock | string;
};

function bookOf<E extends BookEvent>(path: string, { events, size, lock }: Start<E>): EventBook<E> {
  const known = new Set(events.map(({ uuid }) => uuid));
  const readOnly = typeof lock === "string" ? lock : undefined;
  let end = size;
  let file: FileHandle | undefined;
  let turn: Promise<void> = Promise.resolve();
  const add = async (given: readonly E[]) => {
    const fresh = given.filter(
      ({ uuid }, i) => !known.has(uuid) && given.findIndex((e) => e.uuid === uuid) === i,
    );
    if (fresh.length === 0) return;
    file ??= await openForAppend(path);
    const bytes = Buffer.from(fresh.map((event) => `${JSON.stringify(event)}\n`).join(""));
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } catch (error) {
      // What came of it is cut off again: a line is there and acknowledged, or neither.
      await file.truncate(end).catch(() => {});
      throw unwritten(path, error);
    }
    end += bytes.length;
    for (const event of fresh) {
      known.add(event.uuid);
      events.push(event);
    }
  };
  return {
    events,
    readOnly,
    append(given) {
      if (readOnly !== undefined) return Promise.reject(new AlignError("locked", readOnly));
      const mine = turn.then(() => add(given));
      turn = mine.catch(() => {});
      return mine;
    },
    async close() {
      await turn;
      await file?.close();
      if (typeof lock !== "string") await lock.release();
    },
  };
}

function unwritten(path: string, error: unknown): AlignError {
  const full = (error as NodeJS.ErrnoException | undefined)?.code === "ENOSPC";
  const advice = full
    ? "The disk is full: free space; what was acknowledged is kept."
    : "What was acknowledged is kept.";
  return new AlignError("io", `${path}: cannot be written: ${messageOf(error)}. ${advice}`, { cause: error });
}

/** The new name is synced too, or a crash could lose the file with its synced bytes. */
async function openForAppend(path: string): Promise<FileHandle> {
  try {
    await ensureFolder(dirname(path));
    const file = await open(path, "a");
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
    return file;
  } catch (error) {
    throw unwritten(path, error);
  }
}

/** The lock, or who has it, in words. */
async function tryLock(path: string, what: string): Promise<Lock | string> {
  const busy = new AbortController();
  let holder = "";
  try {
    return await takeLock(path, {
      signal: busy.signal,
      pollMs: 10,
      onWait: ([who]) => {
        const name = who === undefined ? "another process" : `process ${who.pid} on ${who.host}`;
        holder = `${what} are being written by ${name}; this one only reads. Stop that one and open the page again.`;
        busy.abort();
      },
    });
  } catch (error) {
    if (error instanceof InterruptedError) return holder;
    throw error;
  }
}

type Read<E> = { readonly events: E[]; readonly whole: number; readonly torn: Uint8Array };

async function readBook<E extends BookEvent>(path: string, kind: BookKind<E>): Promise<Read<E>> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const whole = bytes.lastIndexOf(10) + 1;
  const seen = new Set<string>();
  const events = bytes
    .subarray(0, whole)
    .toString("utf8")
    .split("\n")
    .slice(0, -1)
    .map((line, i) => eventIn(path, i + 1, line, kind))
    .filter(({ uuid }) => !seen.has(uuid) && seen.add(uuid));
  return { events, whole, torn: bytes.subarray(whole) };
}

function eventIn<E extends BookEvent>(path: string, line: number, text: string, kind: BookKind<E>): E {
  try {
    return kind.schema.parse(JSON.parse(text));
  } catch (error) {
    throw new DataError(
      path,
      line,
      `is no event of ${kind.what}. The file is written by the studio alone; put it back as it was.`,
      {
        cause: error,
      },
    );
  }
}

async function setAside(path: string, whole: number, torn: Uint8Array): Promise<void> {
  // Behind what was cut off before: nothing that was ever written is thrown away.
  await appendFile(`${path}.torn`, Buffer.concat([torn, Buffer.from("\n")]));
  const file = await open(path, "r+");
  try {
    await file.truncate(whole);
    await file.sync();
  } finally {
    await file.close();
  }
}
