/**
 * Whether the files of a finished stage are still what it made. Small files are read each time a process first asks. A big one, such as a
 * model, is read once; after that it is known by size, times and inode, kept in the user's cache, so that a warm run stays fast.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Contents, type ContentsProblem, contentsProblem } from "../../base/core/contents.ts";
import { digestOf } from "../../base/core/digest.ts";
import { DataError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { cacheFolder } from "../../base/core/packages.ts";

/** Files above it are not read again while they look as they did. */
const SMALL = 4 * 2 ** 20;

/** Clocks of file systems are coarse: a file this young may change again and look the same. */
const YOUNG_MS = 2_000;

/** What is known in this process: file → how it looked, and its digest. */
const known = new Map<string, string>();

type Look = {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
};

const lookOf = ({ size, mtimeMs, ctimeMs, ino }: Look, sha256: string): string =>
  digestOf([size, mtimeMs, ctimeMs, ino, sha256]);

/** What a stage made, and which files of it `prune` took away. */
type Made = { readonly outputs: Contents; readonly pruned?: readonly string[] | undefined };

/** The files that a stage made and that `prune` took away; none once they were made again. */
export async function prunedFiles(folder: string, { pruned = [] }: Made): Promise<readonly string[]> {
  const there = await Promise.all(pruned.map((path) => exists(join(folder, path))));
  return pruned.filter((_, i) => !there[i]);
}

/**
 * The first file of a finished stage that is missing or has changed; what was pruned is neither.
 * @param all - read every file, however it looks
 */
export async function stageProblem(
  folder: string,
  made: Made,
  { all = false }: { all?: boolean } = {},
): Promise<ContentsProblem | undefined> {
  const gone = new Set(await prunedFiles(folder, made));
  const outputs = Object.fromEntries(Object.entries(made.outputs).filter(([path]) => !gone.has(path)));
  const seen: [path: string, look: string, big: boolean][] = [];
  const problem = await contentsProblem(resolve(folder), outputs, async (path, info, { bytes, sha256 }) => {
    const look = lookOf(info, sha256);
    if (!all && (await isKnown(path, look, bytes > SMALL))) return true;
    if (Date.now() - info.ctimeMs > YOUNG_MS) seen.push([path, look, bytes > SMALL]);
    return false;
  });
  if (problem === undefined) for (const each of seen) await remember(...each);
  return problem;
}

/** What to do about a file that its stage did not make. */
export const PUT_BACK = "Put the file back, or remove this folder to have it made again.";

/** @throws DataError naming the file of a stage that is not what the stage made, and what to do */
export function refuseChanged(folder: string, { text }: { readonly text: string }): never {
  throw new DataError(folder, 0, `${text}: it is not what its stage made. ${PUT_BACK}`);
}

async function isKnown(path: string, look: string, big: boolean): Promise<boolean> {
  if (!known.has(path) && big) {
    const kept = await readJson(keptAt(path)).catch(() => undefined);
    if (typeof kept === "string") known.set(path, kept);
  }
  return known.get(path) === look;
}

async function remember(path: string, look: string, big: boolean): Promise<void> {
  known.set(path, look);
  if (!big) return;
  bounded ??= boundSeen(seenFolder());
  await bounded;
  // A home that takes nothing costs time alone.
  await writeJsonAtomic(keptAt(path), look).catch(() => {});
}

const seenFolder = (): string => join(cacheFolder(), "seen");
const keptAt = (path: string): string => join(seenFolder(), `${digestOf(path).slice(0, 32)}.json`);

/** Files that are remembered, 70 bytes each: what is forgotten is read once more. */
const MOST_SEEN = 4096;

/** Once in a process is enough: none looks at thousands of models. */
let bounded: Promise<void> | undefined;

/** Forgets the older half of the files that were seen, where they are too many: folders of runs come and go. @param most - tests only */
export async function boundSeen(folder: string, most = MOST_SEEN): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length <= most) return;
  const dated = await Promise.all(
    names.map(
      async (name) => [name, (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0] as const,
    ),
  );
  const oldest = dated.sort(([, a], [, b]) => a - b).slice(0, names.length - Math.floor(most / 2));
  for (const [name] of oldest) await rm(join(folder, name), { force: true }).catch(() => {});
}
