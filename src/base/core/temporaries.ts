/**
 * Names under which files and folders are written aside, `.tmp-<name>-<where>-<pid>-<start>-<random>`, and who removes those of writers
 * that died: the first process that writes aside in the same folder again, and every run for all of its own folder. A living writer's stay.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { HERE, isGone, startOf } from "./holders.ts";

/** Front of their names. */
export const TMP = ".tmp-";

/** The machine in 8 digits: process ids are looked up on the one that gave them. */
const PLACE = createHash("sha256").update(`${HERE.host}\n${HERE.space}`).digest("hex").slice(0, 8);
const WRITER = /-([0-9a-f]{8})-(\d+)-(\d*)-[0-9a-f]{8}$/;
/** A writer on another machine counts as dead when nothing of what it writes has changed for a day. */
const FOREIGN_MS = 24 * 3600_000;

/** Folders in which this process has looked for what dead writers left. */
const looked = new Set<string>();

/** A path beside `path` to write aside under; nobody else's. The first time in a folder, what dead writers left there is removed. */
export async function temporaryFor(path: string): Promise<string> {
  const folder = resolve(dirname(path));
  if (!looked.has(folder)) {
    looked.add(folder);
    await removeDeadIn(folder);
  }
  const writer = `${PLACE}-${process.pid}-${await startOf(process.pid)}`;
  return join(dirname(path), `${TMP}${basename(path)}-${writer}-${randomBytes(4).toString("hex")}`);
}

/** Removes all that is written aside in a folder and in those below it. For who is alone in it. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const path of await readdir(folder, { recursive: true }).catch(() => [])) {
    if (basename(path).startsWith(TMP)) await rm(join(folder, path), { recursive: true, force: true });
  }
}

/** Removes what dead writers left in a folder and in those below it; others may be writing there. */
export async function removeDeadTemporaries(folder: string): Promise<void> {
  for (const path of await readdir(folder, { recursive: true }).catch(() => []))
    await removeIfDead(join(folder, path));
}

async function removeDeadIn(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) await removeIfDead(join(folder, name));
}

async function removeIfDead(path: string): Promise<void> {
  const name = basename(path);
  const parts = name.startsWith(TMP) ? WRITER.exec(name) : null;
  if (parts === null) return;
  const [, place, pid, started] = parts;
  const dead =
    place === PLACE
      ? await isGone({ ...HERE, pid: Number(pid), started: started!, token: "" })
      : (await newestChange(path)) < Date.now() - FOREIGN_MS;
  // What cannot be removed, as another user's, harms nobody.
  if (dead) await rm(path, { recursive: true, force: true }).catch(() => {});
}

/** Time of the last change of a file, or of anything in a folder, ms; now where it is gone meanwhile. */
async function newestChange(path: string): Promise<number> {
  const inside = await readdir(path, { recursive: true }).catch(() => []);
  const times = [path, ...inside.map((name) => join(path, name))].map((one) =>
    stat(one).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.NEGATIVE_INFINITY,
    ),
  );
  const newest = (await Promise.all(times)).reduce((most, time) => Math.max(most, time));
  return newest === Number.NEGATIVE_INFINITY ? Date.now() : newest;
}
