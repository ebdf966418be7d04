/** What a folder holds, by size and digest; and digests of files and folders from outside. */
import type { Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { digestFile, digestOf } from "./digest.ts";
import { DataError, pathProblem } from "./errors.ts";
import { openForReading } from "./regular-file.ts";
import { takeWritten } from "./written.ts";

/** One file of a folder. */
export type FileRecord = { readonly bytes: number; readonly sha256: string };

/** Files by their path inside a folder, with forward slashes, in order. */
export type Contents = Readonly<Record<string, FileRecord>>;

/** Kept but not part of what a folder *is*: curves and timings differ from run to run. */
export const LOG_FOLDER = "log";

/**
 * Sizes and digests of all files in a folder; every file is synced to the disk.
 * @param except - paths inside to leave out; folders end in "/"
 */
export async function readContents(folder: string, except: readonly string[] = []): Promise<Contents> {
  const contents: Record<string, FileRecord> = {};
  for (const path of await filesIn(folder)) {
    if (except.some((one) => path === one || (one.endsWith("/") && path.startsWith(one)))) continue;
    const full = join(folder, path);
    await sync(full);
    contents[path] = {
      bytes: (await stat(full)).size,
      sha256: (await takeWritten(full)) ?? (await digestFile(full)),
    };
  }
  return contents;
}

/** The digest of contents, `log/` left out. */
export function digestContents(contents: Contents): string {
  return digestOf(
    Object.entries(contents).flatMap(([path, { sha256 }]) => (isLog(path) ? [] : [[path, sha256]])),
  );
}

/** A file of a folder that is not what was recorded of it. */
export type ContentsProblem = { readonly missing: boolean; readonly text: string };

/**
 * The first file of a folder that is no plain file or holds something else than was recorded, else the first that is missing; undefined
 * when each is as it was.
 * @param trusted - told of a file of the right size before it is read: true leaves it at that
 */
export async function contentsProblem(
  folder: string,
  contents: Contents,
  trusted: (path: string, info: Stats, record: FileRecord) => Promise<boolean> = async () => false,
): Promise<ContentsProblem | undefined> {
  let missing: ContentsProblem | undefined;
  for (const [path, record] of Object.entries(contents)) {
    const full = join(folder, path);
    const info = await stat(full).catch(() => undefined);
    if (info === undefined) {
      missing ??= { missing: true, text: `${path} is missing` };
      continue;
    }
    const text = sizeProblem(info, record);
    if (text !== undefined) return { missing: false, text: `${path} ${text}` };
    if (await trusted(full, info, record)) continue;
    const found = await digestFile(full);
    const short = (digest: string) => digest.slice(0, 12);
    if (found !== record.sha256) {
      const why = `has changed, expected sha256 ${short(record.sha256)}, got ${short(found)}`;
      return { missing: false, text: `${path} ${why}` };
    }
  }
  return missing;
}

function sizeProblem(info: Stats, { bytes }: FileRecord): string | undefined {
  if (!info.isFile()) return "is no plain file";
  return info.size === bytes ? undefined : `has changed, expected ${bytes} bytes, got ${info.size}`;
}

/**
 * Digest of a file or of all files of a folder from outside, such as a data file or a model folder.
 * @throws DataError when it cannot be read
 */
export async function digestPath(path: string): Promise<string> {
  try {
    if (!(await stat(path)).isDirectory()) return await digestFile(path);
    const files: [string, string][] = [];
    for (const name of await filesIn(path)) files.push([name, await digestFile(join(path, name))]);
    return digestOf(files);
  } catch (error) {
    throw new DataError(path, 0, pathProblem(error), { cause: error });
  }
}

/** Paths of all files below a folder, sorted, with forward slashes. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

async function sync(path: string): Promise<void> {
  const file = await openForReading(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function isLog(path: string): boolean {
  return path.startsWith(`${LOG_FOLDER}/`);
}
