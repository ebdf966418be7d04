/** What a module of the user's own is: its file, the files that it names, and the packages that it imports. */
import { stat } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, extname, join, relative, resolve } from "node:path";
import { digestOf, sha256 } from "../../base/core/digest.ts";
import { readJson } from "../../base/core/files.ts";
import { readWhole } from "../../base/core/regular-file.ts";

/** A module, by all that is known of what it computes from. */
export type ModuleIdentity = {
  /** SHA-256 of everything below; where the module lies is no part of it. */
  readonly digest: string;
  /** SHA-256 of each file by its path: the module's own, and those that it names, directly or through one of them. */
  readonly files: ReadonlyMap<string, string>;
  /** Version of each package that they import; null where none is found. */
  readonly packages: ReadonlyMap<string, string | null>;
};

/** Files as imports and `new URL` name them: also in comments, which costs no more than an answer computed again. */
const BESIDE = /["'`]((?:\.{1,2})?\/[^"'`\n]+)["'`]/g;
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*["'`]([^"'`./\n][^"'`\n]*)["'`]/g;
const SCRIPTS = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];
/** What `require` puts behind a name. */
const ENDINGS = ["", ".js", ".json", ".cjs", "/index.js"];

/**
 * The identity of a module. Files that it reads by a name that it puts together, or from the working folder, are not seen.
 * @throws Error of the file system when the module cannot be read
 */
export async function moduleIdentity(module: string): Promise<ModuleIdentity> {
  const root = resolve(module);
  const files = new Map<string, string>();
  const packages = new Map<string, string | null>();
  const open = [root];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue;
    const bytes = await readWhole(file);
    files.set(file, sha256(bytes));
    if (!SCRIPTS.includes(extname(file))) continue;
    const text = bytes.toString("utf8");
    for (const [, name] of text.matchAll(BESIDE)) open.push(...(await fileNamed(dirname(file), name!)));
    for (const [, name] of text.matchAll(IMPORTED)) {
      if (isBuiltin(name!)) continue;
      const one = name!.split("/", name!.startsWith("@") ? 2 : 1).join("/");
      packages.set(one, await versionOf(one, dirname(file)));
    }
  }
  const named = [...files].map(([path, digest]) => [relative(dirname(root), path), digest]);
  return { digest: digestOf({ files: named.sort(), packages: [...packages].sort() }), files, packages };
}

async function fileNamed(folder: string, name: string): Promise<string[]> {
  for (const ending of ENDINGS) {
    const path = resolve(folder, `${name}${ending}`);
    if ((await stat(path).catch(() => undefined))?.isFile()) return [path];
  }
  return [];
}

/** The version that a file in `folder` gets when it imports a package. */
async function versionOf(name: string, folder: string): Promise<string | null> {
  const found = await readJson(join(folder, "node_modules", name, "package.json")).catch(() => undefined);
  if (found !== undefined) return String((found as { version?: unknown } | null)?.version);
  return dirname(folder) === folder ? null : versionOf(name, dirname(folder));
}
