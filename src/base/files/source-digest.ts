/** The digest of a data source: what a stage's key holds of it. */
import { basename } from "node:path";
import { digestPath } from "../core/contents.ts";
import { digestOf } from "../core/digest.ts";
import { isHubSource } from "./hub.ts";
import { sourceFiles } from "./source-files.ts";

/**
 * Digest of what a data source stands for: of a file its own, of a folder or a glob that of the names and contents of its files, so that a
 * file that changes, comes or goes makes another source. A `hub:` source is named by itself.
 * @throws DataError when there is nothing
 */
export async function digestSource(source: string): Promise<string> {
  if (isHubSource(source)) return source;
  const { files, found } = await sourceFiles(source);
  if (found === undefined) return digestPath(source);
  const digests: [string, string][] = [];
  for (const file of files) digests.push([basename(file), await digestPath(file)]);
  return digestOf(digests);
}
