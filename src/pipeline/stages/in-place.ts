/**
 * Work in a folder that must stay the same one: whoever removes or renames it meanwhile would have half of the files in a new one of
 * its name, for writers make the folders that they miss.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AlignError, InterruptedError } from "../../base/core/errors.ts";
import { createHolderFile, readHolder } from "../../base/core/holder-file.ts";
import { thisHolder } from "../../base/core/holders.ts";

/** Inside the part of a work folder that is removed when the stage is done. */
const MARK = join("scratch", ".place");

/**
 * Does some work in a marked folder.
 * @param alone - nobody else works in it: what the work put into a new folder of its name is removed
 * @param place.alone - nobody else works in it: what the work put into a new folder of its name is removed. Where others do, a folder that
 *   is gone at the end is for who closes the stage to see (`folderIdentity`)
 * @throws AlignError "io" when the folder is gone and that is why the work failed, or nobody else looks; what the work throws
 */
export async function inPlace<T>(
  { what, folder, alone }: { readonly what: string; readonly folder: string; readonly alone: boolean },
  work: () => Promise<T>,
): Promise<T> {
  const before = await folderIdentity(folder);
  const check = async (cause?: unknown) => {
    if ((await folderIdentity(folder)) === before) return;
    if (alone) await rm(folder, { recursive: true, force: true });
    throw new AlignError(
      "io",
      `${what}: ${folder} was removed or renamed while the stage worked in it, expected it to stay. Run the same command again: this stage begins anew.`,
      { cause },
    );
  };
  const result = await work().catch(async (error: unknown) => {
    if (!(error instanceof InterruptedError)) await check(error);
    throw error;
  });
  if (alone) await check();
  return result;
}

/** Marks a folder as this one: numbers of files are used again, names are. The first mark stays. */
export async function markFolder(folder: string): Promise<void> {
  await createHolderFile(join(folder, MARK), await thisHolder());
}

/** What tells a marked folder from another one of its name; undefined when there is none, or no mark in it. */
export async function folderIdentity(folder: string): Promise<string | undefined> {
  return (await readHolder(join(folder, MARK)))?.token;
}
