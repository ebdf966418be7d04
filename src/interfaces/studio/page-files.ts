/** The built page: all its files, read once, and the stamp of its build. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { AlignError } from "../../base/core/errors.ts";

/** A file of the page. */
export type PageFile = { readonly type: string; readonly bytes: Buffer; readonly gzip: Buffer };

/** The page. `index` is what every address of the page is answered with. */
export type PageFiles = {
  readonly build: string;
  readonly index: PageFile;
  /** By the path they are asked for: `/assets/main-….js`. */
  readonly files: ReadonlyMap<string, PageFile>;
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

/** The folder of the built page in this package. */
export const pageFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve("weak-teacher/package.json")), "dist", "studio");

/** @throws AlignError with code "package" when the page was not built */
export async function readPage(folder = pageFolder()): Promise<PageFiles> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, PageFile>();
  for (const entry of names) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    files.set(`/${relative(folder, path).replaceAll("\\", "/")}`, { type, bytes, gzip: gzipSync(bytes) });
  }
  const index = files.get("/index.html");
  const stamp = files.get("/build.json");
  if (index === undefined || stamp === undefined)
    throw new AlignError("package", `${folder}: the studio's page was not built. Run: npm run build`);
  return { build: (JSON.parse(stamp.bytes.toString()) as { build: string }).build, index, files };
}
