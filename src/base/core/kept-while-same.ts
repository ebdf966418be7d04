/**
 * What was made of a folder's files, kept in this process for as long as they stay as they are. A tokenizer of a quarter of a million tokens takes
 * seconds to read and to digest, and a run asks for it at every stage.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** A file changed since less than this may change again without another time; git calls such files racy. */
const SETTLED_MS = 2000;

/**
 * How the files of a folder that `counts` names look: device, inode, size and times of all of them. Undefined where one was changed just now, or
 * the folder cannot be read: then nothing may be kept.
 */
export async function lookOf(folder: string, counts: (name: string) => boolean): Promise<string | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter(counts).sort();
  if (names.length === 0) return undefined;
  const found = await Promise.all(
    names.map((name) => stat(join(folder, name), { bigint: true }).catch(() => undefined)),
  );
  const settled = BigInt(Date.now() - SETTLED_MS) * 1_000_000n;
  if (found.some((info) => info === undefined || info.mtimeNs > settled || info.ctimeNs > settled))
    return undefined;
  return JSON.stringify([
    folder,
    ...found.map((info, i) => [
      names[i],
      ...[info!.dev, info!.ino, info!.size, info!.mtimeNs, info!.ctimeNs].map(String),
    ]),
  ]);
}

/** Makes the thing of a folder, or gives the one that was made of the same files. */
export type KeptWhileSame<T> = (folder: string, make: () => Promise<T>) => Promise<T>;

/**
 * Keeps the `most` things that were asked for last. What fails is not kept.
 * @param counts - names of the files that the thing is made of; more do no harm, fewer would
 */
export function keptWhileSame<T>(most: number, counts: (name: string) => boolean): KeptWhileSame<T> {
  const kept = new Map<string, T>();
  return async (folder, make) => {
    const look = await lookOf(folder, counts);
    const before = look === undefined ? undefined : kept.get(look);
    const made = before ?? (await make());
    // Only what the files were before and after is what the thing was made of.
    if (look === undefined || (before === undefined && (await lookOf(folder, counts)) !== look)) return made;
    kept.delete(look);
    kept.set(look, made);
    const oldest = kept.keys().next().value;
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return made;
  };
}
