/** Where the base of an adapter lies. */
import { realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";

/** The folder that a name means here, as seen from the working folder or from the adapter's. */
export async function folderNamed(recorded: string, adapter: string): Promise<string | undefined> {
  for (const path of [resolve(recorded), resolve(adapter, recorded)])
    if (await isFolder(path)) return await realpath(path);
  return undefined;
}

const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
};
