/** Where a model is, in a folder that a command wrote: `sft --out models/sft` leaves it in `models/sft/model`. */
import { readdir, realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { CheckpointError } from "./errors.ts";
import { exists } from "./files.ts";

/** A file beside weights that were pruned from a run: what to do, for whoever opens the folder as a model. */
export const PRUNED_NOTE = "PRUNED";

/**
 * The folder's `model` where the folder itself has no `config.json` and a finished stage left a model in there; else the folder.
 * @throws CheckpointError when a file in it is a link that leads elsewhere
 */
export async function modelPath(folder: string): Promise<string> {
  const inside = join(folder, "model");
  const made =
    !(await exists(join(folder, "config.json"))) &&
    (await exists(join(folder, "stage.json"))) &&
    (await exists(join(inside, "config.json")));
  const path = made ? inside : folder;
  await refuseForeignLinks(path);
  return path;
}

/**
 * Files of a model are read and copied into others, so that a link in a folder from elsewhere would publish what it leads to: links lead
 * inside the folder, or from a snapshot of the hub's cache to its blobs.
 * @throws CheckpointError naming the link and where it leads
 */
export async function refuseForeignLinks(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink());
  if (links.length === 0) return;
  const home = await realpath(folder);
  const snapshots = dirname(home);
  const blobs = basename(snapshots) === "snapshots" ? [join(dirname(snapshots), "blobs")] : [];
  for (const { name } of links) {
    const target = await realpath(join(folder, name)).catch(() => undefined);
    // A link to nothing is a file that is not there.
    if (target === undefined || [home, ...blobs].some((root) => target.startsWith(root + sep))) continue;
    throw new CheckpointError(
      join(folder, name),
      `is a link to ${target}, expected files of the folder itself (or a hub cache's snapshot). Copy the file into the folder.`,
    );
  }
}
