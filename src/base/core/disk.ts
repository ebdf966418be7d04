/** Room on the disk, looked at before something big is written: what would not fit is said then, and not when half of it is there. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { AlignError } from "./errors.ts";
import { exists } from "./files.ts";
import { formatBytes } from "./log.ts";

/** Bytes free at a path, or at the nearest folder above it that is there; undefined where the system does not say. */
export async function freeBytes(path: string): Promise<number | undefined> {
  const info = await statfs(await nearestFolder(path)).catch(() => undefined);
  return info === undefined || info.blocks === 0 ? undefined : info.bavail * info.bsize;
}

/**
 * Goes on where there is room.
 * @param what - that is to be written: "the checkpoint of step 50"
 * @throws AlignError "io" saying how much is missing and what to do; nothing was written
 */
export async function checkFree(path: string, bytes: number, what: string): Promise<void> {
  const free = await freeBytes(path);
  if (free === undefined || fits(bytes, free)) return;
  throw new AlignError(
    "io",
    `${path}: ${what} takes ${formatBytes(bytes)} of disk, expected ${formatBytes(bytes + MARGIN)} free (what is written beside it included), got ${formatBytes(free)}. Nothing was written. Free space (weak-teacher prune takes models away that a finished run need not keep) and run the same command again; finished work is kept.`,
  );
}

/** Whether so many bytes fit where so many are free, with room for what is written beside. */
export const fits = (bytes: number, free: number | undefined): boolean =>
  free === undefined || free >= bytes + MARGIN;

/** For what is written beside: records, logs, the folders themselves. */
const MARGIN = 2 ** 20;

/** The folder itself or the nearest one above it that exists. */
export async function nearestFolder(path: string): Promise<string> {
  const full = resolve(path);
  return (await exists(full)) || dirname(full) === full ? full : nearestFolder(dirname(full));
}
