/**
 * What lies in the folders that a studio was opened on. A page names things by ids out of this list: no path that a request says is opened,
 * but for data and models to begin with (`inside.ts`).
 */
import { readdir, realpath } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { sha256 } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { exists } from "../../base/core/files.ts";
import { AUDIT_FILES } from "../../pipeline/label/audit/judge.ts";
import { Problem } from "../serve/problem.ts";
import type { OpenedThing } from "./protocol.ts";

/** Something a page can show, and where it lies. */
export type Opened = OpenedThing & { readonly folder: string };

/** The list, looked up anew when an id is not on it. */
export interface OpenedFolders {
  /** The folders themselves, where they really lie. */
  readonly roots: readonly string[];
  list(): Promise<readonly Opened[]>;
  /** @throws Problem 404 for an id that is not on the list, or of another kind */
  find(id: string, kind: OpenedThing["kind"]): Promise<Opened>;
}

/** Folders below a given one that are looked into, and how many at most: a studio may be opened on a home. */
const DEPTH = 3;
const MOST = 5_000;

/** @throws ConfigError when a folder is not there */
export async function openFolders(given: readonly string[]): Promise<OpenedFolders> {
  const roots: string[] = [];
  for (const folder of given) {
    const real = await realpath(folder).catch(() => undefined);
    if (
      real === undefined ||
      !(await readdir(real).then(
        () => true,
        () => false,
      ))
    )
      throw new ConfigError(`studio: ${folder} is no folder that can be read. Check the path.`);
    roots.push(real);
  }
  let known: readonly Opened[] = [];
  const list = async () => {
    known = await look(roots);
    return known;
  };
  return {
    roots,
    list,
    async find(id, kind) {
      const isIt = (thing: Opened) => thing.id === id && thing.kind === kind;
      const found = known.find(isIt) ?? (await list()).find(isIt);
      if (found === undefined) throw new Problem(404, `${kind}: none of the opened folders has this id.`);
      return found;
    },
  };
}

async function look(roots: readonly string[]): Promise<Opened[]> {
  const found = new Map<string, Opened>();
  let left = MOST;
  const visit = async (root: string, folder: string, depth: number): Promise<void> => {
    if (left-- <= 0) return;
    const kind = await kindOf(folder);
    if (kind !== undefined) {
      const path = relative(root, folder) || basename(folder);
      const thing = { id: idOf(folder), name: basename(folder), path, folder };
      found.set(folder, { ...thing, kind });
      // An audit is a run first, and stays one.
      if (kind === "run" && (await isAudit(folder)))
        found.set(`audit ${folder}`, { ...thing, kind: "audit" });
      // What a run's stages made, and labels that were folded from questions.
      if (kind === "run") await visit(root, join(folder, "stages"), DEPTH - 1);
      if (kind === "questions") await visit(root, join(folder, "labels"), DEPTH);
      return;
    }
    if (depth === DEPTH) return;
    const inside = await readdir(folder, { withFileTypes: true }).catch(() => []);
    // A link may lead out of what was opened.
    for (const entry of inside.sort((a, b) => (a.name < b.name ? -1 : 1)))
      if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
        await visit(root, join(folder, entry.name), depth + 1);
  };
  for (const root of roots) await visit(root, root, 0);
  return [...found.values()];
}

const isAudit = async (folder: string): Promise<boolean> =>
  (await exists(join(folder, AUDIT_FILES.suspects))) && (await exists(join(folder, AUDIT_FILES.audit)));

async function kindOf(folder: string): Promise<OpenedThing["kind"] | undefined> {
  if ((await exists(join(folder, "questions.jsonl"))) && (await exists(join(folder, "ask.json"))))
    return "questions";
  if (await exists(join(folder, "stages"))) return "run";
  if (await exists(join(folder, "labels.jsonl"))) return "labels";
  return undefined;
}

/** Readable, and of the place: two folders of one name differ, and a restart changes nothing. */
const idOf = (folder: string): string =>
  `${basename(folder)
    .replace(/[^\w-]+/g, "-")
    .slice(0, 40)}-${sha256(folder).slice(0, 10)}`;
