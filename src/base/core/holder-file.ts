/**
 * A file that says who holds something: there and whole, or not there. It is written aside and linked into its place, which fails where
 * there is one: a holder killed in between leaves nothing that others wait for.
 */
import { link, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { type Holder, holderIn } from "./holders.ts";
import { temporaryFor } from "./temporaries.ts";

/** What file systems without hard links answer. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];

/**
 * Puts a holder's file in its place; false when there is one.
 * @throws the system's error, ENOENT where the folder is missing
 */
export async function createHolderFile(path: string, me: Holder): Promise<boolean> {
  const aside = await temporaryFor(path);
  const text = `${JSON.stringify(me)}\n`;
  try {
    await writeFile(aside, text, { flag: "wx" });
    await link(aside, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    // Over a network a link may be made and its answer lost: it is ours if it says so.
    if (code === "EEXIST") return (await readHolder(path))?.token === me.token;
    if (NO_LINKS.includes(code)) return await createInPlace(path, text);
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Without links: created, then written. Whoever is killed in between leaves an empty file, which is told by its silence. */
async function createInPlace(path: string, text: string): Promise<boolean> {
  const file = await open(path, "wx").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.writeFile(text);
    return true;
  } catch (error) {
    // A full disk: an empty file would be waited for.
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Who holds it; undefined when nobody does, or the file names nobody. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  return holderIn(await readFile(path, "utf8").catch(() => ""));
}

/** Moves a dead holder's file away. @returns true for one of several that see it dead, and only while it still says `stale` */
export async function evictHolderFile(path: string, stale: string): Promise<boolean> {
  const aside = await temporaryFor(path);
  try {
    await rename(path, aside);
    const right = (await readFile(aside, "utf8")) === stale;
    // Another was faster and this is its new file: give it back, unless a third has come meanwhile.
    if (!right) await link(aside, path).catch(() => {});
    await rm(aside, { force: true });
    return right;
  } catch {
    return false;
  }
}
