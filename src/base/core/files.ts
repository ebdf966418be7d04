/**
 * Files that appear whole or not at all: written aside, synced, renamed. A reader never meets half a file,
 * and a crash leaves at most a `.tmp-…` that the next run removes (`temporaries.ts`).
 */
import { createHash } from "node:crypto";
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { addTo, MOST_AT_ONCE } from "./digest.ts";
import { AlignError, DataError, messageOf, pathProblem } from "./errors.ts";
import { parseJson, RepeatedMemberError } from "./json-text.ts";
import { readStream } from "./regular-file.ts";
import { TMP, temporaryFor } from "./temporaries.ts";
import { rememberWritten } from "./written.ts";

/**
 * Makes a folder, and those above it that are missing. Node's own recursive `mkdir` never returns where a file system answers with
 * ENOENT to any new folder, as /proc does.
 * @throws the system's error, also when there is something else at the path
 */
export async function ensureFolder(path: string): Promise<void> {
  // Other processes may make it, or remove it and those above it, between any two of these calls.
  for (let tries = 1; ; tries++) {
    try {
      return await mkdir(path);
    } catch (error) {
      const there = await stat(path).catch(() => undefined);
      if (there?.isDirectory()) return;
      const { code } = error as NodeJS.ErrnoException;
      const passing = there === undefined && (code === "EEXIST" || code === "ENOENT");
      if (!passing || tries >= 10 || dirname(path) === path) throw error;
      if (code === "ENOENT") await ensureFolder(dirname(path));
    }
  }
}

/** A file that is being written and appears when it is whole. */
export interface AtomicFile {
  /** Adds to the file. @throws AlignError with code "io" */
  write(data: string | Uint8Array): Promise<void>;
  /** Syncs the file and puts it in its place. @throws AlignError with code "io" */
  commit(): Promise<void>;
  /** Leaves nothing. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Begins a file; the folder is made if it is missing.
 * @throws AlignError with code "io" when it cannot be written
 */
export async function openFileAtomic(path: string): Promise<AtomicFile> {
  const temporary = await temporaryFor(path);
  const checked = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw writeError(path, error);
    });
  await checked(ensureFolder(dirname(path)));
  const file = await checked(open(temporary, "wx"));
  const hash = createHash("sha256");
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    write: (data) => {
      const writing = checked(writeAll(file, data));
      addTo(hash, data); // while the system writes
      return writing;
    },
    commit: () =>
      checked(
        (async () => {
          await file.sync();
          await rememberWritten(file, hash.digest("hex"));
          await close();
          await rename(temporary, path);
        })(),
      ),
    async discard() {
      await close().catch(() => {});
      await rm(temporary, { force: true }).catch(() => {});
    },
  };
}

/** One request to the system where it takes all at once; `writeFile` makes one of every half megabyte, each waiting for this thread. */
async function writeAll(file: FileHandle, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(bytes.length - at, MOST_AT_ONCE));
    at += bytesWritten;
  }
}

/**
 * Writes a file atomically; `data` in one piece or as chunks. The folder is made if it is missing.
 * @throws AlignError with code "io" when it cannot be written; an AlignError of the chunks' own passes through
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const file = await openFileAtomic(path);
  try {
    if (typeof data === "string" || data instanceof Uint8Array) await file.write(data);
    else for await (const chunk of data) await file.write(chunk);
    await file.commit();
  } catch (error) {
    throw error instanceof AlignError ? error : writeError(path, error);
  } finally {
    await file.discard();
  }
}

/** Writes JSON atomically, two-space indented, with a newline at the end. @throws as `writeFileAtomic` */
export function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Fills a folder aside and renames it into place, replacing what was there.
 * The folder either holds everything `fill` wrote or does not exist.
 * @throws AlignError with code "io" when it cannot be written; an AlignError of `fill`'s own passes through
 */
export async function writeDirAtomic(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = await temporaryFor(path);
  try {
    await ensureFolder(temporary);
    await fill(temporary);
    await replaceFolder(temporary, path, await temporaryFor(path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error instanceof AlignError ? error : writeError(path, error);
  }
}

/**
 * Moves a folder to a place, replacing what is there, which is moved aside first: removing it takes long, and whoever dies meanwhile
 * must not leave half of it at the place.
 * @param aside - a path beside the place, removed before and after
 * @throws the system's error; what was at the place is put back
 */
export async function replaceFolder(from: string, place: string, aside: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    await rm(aside, { recursive: true, force: true });
    await rename(place, aside).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    try {
      await rename(from, place);
      break;
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      // Between our two steps somebody put another there: it is replaced as well.
      if (["ENOTEMPTY", "EEXIST"].includes(code) && tries < 5) continue;
      await rename(aside, place).catch(() => {});
      throw error;
    }
  }
  await rm(aside, { recursive: true, force: true });
}

/** Copies the files of a folder and of those below it that another does not have; each appears whole. Other processes may do the same. */
export async function copyMissing(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const source = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, source));
    if (!entry.isFile() || entry.name.startsWith(TMP) || (await exists(target))) continue;
    await writeFileAtomic(target, await readFile(source));
  }
}

/**
 * Reads and parses a JSON file of at most `maxBytes` (default 64 MiB).
 * @throws DataError when it is missing, too large, not UTF-8 or not JSON, or an object in it names a member twice
 */
export async function readJson(path: string, maxBytes = 64 * 2 ** 20): Promise<unknown> {
  const text = await readText(path, maxBytes);
  let value: unknown;
  try {
    value = parseJson(text, { longNumbers: "round" });
  } catch (error) {
    const problem = error instanceof RepeatedMemberError ? "" : "is not valid JSON: ";
    throw new DataError(path, 0, `${problem}${messageOf(error)}.`, { cause: error });
  }
  // JSON.parse makes Infinity of 1e999, which nothing after it would expect or could write down again.
  if (/\d[eE]\+?\d{3}|\d{309}/.test(text) && hasInfinity(value))
    throw new DataError(path, 0, "holds a number too large for a double.");
  return value;
}

function hasInfinity(root: unknown): boolean {
  const stack = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return true;
    if (typeof value === "object" && value !== null)
      for (const member of Object.values(value)) stack.push(member);
  }
  return false;
}

/**
 * Reads a UTF-8 text file of at most `maxBytes` (default 64 MiB).
 * @throws DataError when it is missing, too large or not UTF-8
 */
export async function readText(path: string, maxBytes = 64 * 2 ** 20): Promise<string> {
  const bytes = await readBounded(path, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DataError(path, 0, `cannot be read as UTF-8 text: ${messageOf(error)}.`, { cause: error });
  }
}

/** All bytes, read as a stream: a file that still grows is held to the bound as well. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (await readStream(path)) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new DataError(path, 0, pathProblem(error), { cause: error });
  }
  if (bytes <= maxBytes) return Buffer.concat(chunks);
  const size = await stat(path).then(
    (info) => Math.max(bytes, info.size),
    () => bytes,
  );
  throw new DataError(path, 0, `is too large, expected at most ${maxBytes} bytes, got ${size}.`);
}

/** True when a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether a path is a symbolic link; false when nothing is there. */
export async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (info) => info.isSymbolicLink(),
    () => false,
  );
}

/** Bytes of all plain files below a folder; what goes away meanwhile counts nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function writeError(path: string, error: unknown): AlignError {
  const code = (error as NodeJS.ErrnoException)?.code;
  const advice =
    code === "ENOSPC"
      ? "The disk is full: free space and run the same command again; nothing half-written was left."
      : code === "EACCES" || code === "EROFS"
        ? "The folder cannot be written: choose another with --out."
        : "Nothing half-written was left.";
  return new AlignError("io", `${path}: cannot be written: ${messageOf(error)}. ${advice}`, { cause: error });
}
