/**
 * Digests of large files that this process wrote, taken while they were written: a model's half gigabyte is not read again for its
 * digest. A file is known by what changes with every later write, and what is remembered is given once.
 */
import type { BigIntStats } from "node:fs";
import { type FileHandle, stat } from "node:fs/promises";

/** Smaller files are read again: that takes less than remembering them. */
const REMEMBERED_BYTES = 2n ** 20n;
/** Most files remembered; the oldest is forgotten. */
const MOST = 64;

const digests = new Map<string, string>();

// Not the time of change of the file's entry: moving it to its name is no other content.
const identity = ({ dev, ino, size, mtimeNs }: BigIntStats): string => `${dev}/${ino}/${size}/${mtimeNs}`;

/** Remembers the digest of all that was written to a file, after its last write. */
export async function rememberWritten(file: FileHandle, sha256: string): Promise<void> {
  const info = await file.stat({ bigint: true });
  if (info.size < REMEMBERED_BYTES) return;
  digests.set(identity(info), sha256);
  const oldest = digests.keys().next().value;
  if (digests.size > MOST && oldest !== undefined) digests.delete(oldest);
}

/** The digest that was remembered of a file, once; undefined where it is not this process's, was asked for before, or has changed since. */
export async function takeWritten(path: string): Promise<string | undefined> {
  const key = identity(await stat(path, { bigint: true }));
  const digest = digests.get(key);
  digests.delete(key);
  return digest;
}
