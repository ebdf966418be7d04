/**
 * Data files and model folders inside the opened folders, by their paths. These are the only paths that a request may say: each is followed
 * to where it really lies, and what lies outside is refused in the words for what is not there.
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, sep } from "node:path";
import { exists } from "../../base/core/files.ts";
import { Problem } from "../serve/problem.ts";
import type { OpenedFolders } from "./opened.ts";
import type { BeginReply } from "./protocol.ts";

/** Folders below an opened one that are looked into, folders in all, and things that are named of each kind. */
const MOST = { depth: 3, folders: 5_000, named: 500 };
const DATA = /\.(jsonl|json|csv|tsv|parquet|arrow)(\.gz)?$/i;

/** What could be begun with, but for what runs, labels and questions made. Paths are relative where one folder is opened, else whole. */
export async function listInside(folders: OpenedFolders): Promise<BeginReply> {
  const made = new Set((await folders.list()).map(({ folder }) => folder));
  const data: { path: string; bytes: number }[] = [];
  const models: string[] = [];
  let left = MOST.folders;
  const visit = async (root: string, folder: string, depth: number): Promise<void> => {
    if (left-- <= 0 || made.has(folder)) return;
    const named = (path: string) => (folders.roots.length === 1 ? relative(root, path) || "." : path);
    if (await exists(join(folder, "config.json"))) {
      models.push(named(folder));
      return;
    }
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    // Links are neither files nor folders here: they may lead out.
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      if (entry.isDirectory() && depth < MOST.depth) await visit(root, path, depth + 1);
      else if (entry.isFile() && DATA.test(entry.name) && data.length < MOST.named)
        data.push({ path: named(path), bytes: (await stat(path).catch(() => ({ size: 0 }))).size });
    }
  };
  for (const root of folders.roots) await visit(root, root, 0);
  return { data, models: models.slice(0, MOST.named) };
}

/** Where a data file really lies. @throws Problem 404 for what is outside, not there or no file */
export async function fileInside(roots: readonly string[], path: string): Promise<string> {
  const real = await placeInside(roots, path, "data");
  if (!(await stat(real)).isFile()) throw new Problem(404, "data: is no file, expected a file of data.");
  return real;
}

/**
 * Where a model's folder really lies; names that are no paths stay.
 * @throws Problem 404 for what is outside or not there, or a folder with links that lead out
 */
export async function modelInside(
  roots: readonly string[],
  path: string,
  field: "weak" | "student",
): Promise<string> {
  const real = await placeInside(roots, path, field);
  const entries = (await stat(real)).isDirectory() ? await readdir(real) : [];
  for (const entry of entries) await placeInside(roots, join(real, entry), field);
  return real;
}

async function placeInside(roots: readonly string[], path: string, field: string): Promise<string> {
  const tried = isAbsolute(path) ? [path] : roots.map((root) => join(root, path));
  const real = await Promise.all(tried.map((one) => realpath(one).catch(() => undefined)));
  const inside = new Set(
    real.filter(
      (one) =>
        one !== undefined &&
        roots.some((root) => one === root || one.startsWith(root.endsWith(sep) ? root : root + sep)),
    ),
  );
  if (inside.size > 1)
    throw new Problem(400, `${field}: several opened folders have it. Give its whole path.`, {
      param: field,
    });
  const [found] = inside;
  if (found !== undefined) return found;
  throw new Problem(
    404,
    `${field}: the opened folders have no ${basename(path).slice(0, 100)} at this path, and nothing outside of them is read. Check the path, or open the studio on its folder, too.`,
    { param: field },
  );
}
