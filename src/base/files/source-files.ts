/**
 * A source may be a file, a folder of files, a glob, or a folder that Python's `datasets` saved: the files it stands for, in an order that
 * depends on their names alone.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ConfigError, DataError, pathProblem, show } from "../core/errors.ts";
import { readJson } from "../core/files.ts";

/** What a source stands for. */
export type SourceFiles = {
  /** Paths of data files; one for a plain file, which is not looked at here. */
  readonly files: readonly string[];
  /** What was found, for people; undefined for a plain file. */
  readonly found: string | undefined;
};

/** Names of files that are data. */
const DATA = /\.(jsonl|ndjson|json|csv|tsv)(\.gz)?$|\.(parquet|arrow)$/i;
const GLOB = /[*?{[]/;
/** What `datasets` and the hub write beside data. */
const BESIDE = /^(state|dataset_info|dataset_infos|dataset_dict)\.json$|^\.|^README|^LICENSE/i;
/** Most files of one source. */
const MAX_FILES = 100_000;

/**
 * The files of a source.
 * @throws DataError when there is nothing, or a shard is missing; ConfigError when the source holds several splits and names none
 */
export async function sourceFiles(source: string): Promise<SourceFiles> {
  const info = await stat(source).catch((error: unknown) => error as NodeJS.ErrnoException);
  if (info instanceof Error) {
    if (!GLOB.test(source)) throw new DataError(source, 0, pathProblem(info), { cause: info });
    return matched(source);
  }
  return info.isDirectory() ? inFolder(source) : { files: [source], found: undefined };
}

async function matched(source: string): Promise<SourceFiles> {
  const files = sorted((await Promise.all(braces(source).map(expand))).flat()).filter((file) =>
    DATA.test(file),
  );
  if (files.length === 0)
    throw new DataError(
      source,
      0,
      "matches no data file (JSONL, JSON, CSV, TSV, Parquet, Arrow). Check the pattern.",
    );
  checkShards(source, files);
  return { files, found: told(files) };
}

async function inFolder(folder: string): Promise<SourceFiles> {
  const names = await readdir(folder);
  if (names.includes("dataset_dict.json")) {
    const { splits } = (await readJson(join(folder, "dataset_dict.json"))) as { splits?: unknown };
    throw severalSplits(
      folder,
      (Array.isArray(splits) ? splits : []).map((split) => join(folder, String(split))),
    );
  }
  if (names.includes("state.json")) return savedDataset(folder);
  const data = sorted(names.filter((name) => DATA.test(name) && !BESIDE.test(name)));
  if (data.length === 0) {
    if (names.includes("data")) return inFolder(join(folder, "data"));
    throw new DataError(
      folder,
      0,
      "is a folder without data files (JSONL, JSON, CSV, TSV, Parquet, Arrow) directly in it or in data/.",
    );
  }
  const splits = [...new Set(data.map((name) => splitOf(name)))].filter((split) => split !== undefined);
  if (splits.length > 1)
    throw severalSplits(
      folder,
      splits.map((split) => join(folder, `${split}-*`)),
    );
  const files = data.map((name) => join(folder, name));
  checkShards(folder, files);
  const other = sorted(names.filter((name) => !data.includes(name) && !BESIDE.test(name)));
  return {
    files,
    found: `${told(files)}${other.length === 0 ? "" : `; not data: ${other.slice(0, 10).join(", ")}`}`,
  };
}

/** The split that a shard of the hub belongs to: `train-00000-of-00002.parquet`. */
const splitOf = (name: string): string | undefined => /^(.+)-\d{5}-of-\d{5}\./.exec(name)?.[1];

const severalSplits = (folder: string, choices: readonly string[]) =>
  new ConfigError(
    `${folder}: holds several splits, expected one of them. Name it: ${choices.map((one) => `"${one}"`).join(" or ")}.`,
  );

/** `save_to_disk`: its state names the files in their order. */
async function savedDataset(folder: string): Promise<SourceFiles> {
  const file = join(folder, "state.json");
  const state = (await readJson(file)) as { _data_files?: unknown };
  const list = state._data_files;
  const names = (Array.isArray(list) ? list : []).map(
    (one) => (one as { filename?: unknown } | null)?.filename,
  );
  if (names.length === 0 || names.some((name) => typeof name !== "string" || name !== basename(name)))
    throw new DataError(
      file,
      0,
      `expected _data_files with names of Arrow files beside it, got ${show(list)}.`,
    );
  const files = names.map((name) => join(folder, name as string));
  for (const one of files)
    await stat(one).catch((error: unknown) => {
      throw new DataError(one, 0, pathProblem(error), { cause: error });
    });
  return { files, found: `a dataset saved by datasets, ${told(files)}` };
}

/** Shards say how many they are: one that is missing is rows that are missing. @throws DataError */
function checkShards(source: string, files: readonly string[]): void {
  const groups = new Map<string, Set<number>>();
  for (const file of files) {
    const [, stem, place, count] = /^(.*)-(\d{5})-of-(\d{5})\./.exec(file) ?? [];
    if (stem === undefined) continue;
    const key = `${stem}-of-${count}`;
    groups.set(key, (groups.get(key) ?? new Set()).add(Number(place)));
  }
  for (const [key, places] of groups) {
    const count = Number(key.slice(-5));
    const missing = Array.from({ length: Math.min(count, MAX_FILES) }, (_, i) => i).filter(
      (i) => !places.has(i),
    );
    if (missing.length > 0)
      throw new DataError(
        source,
        0,
        `shard ${missing[0]} of ${count} is missing of ${basename(key.slice(0, -9))} (${missing.length} in all). Fetch it, or name the files that are meant.`,
      );
  }
}

function told(files: readonly string[]): string {
  const names = files.map((file) => basename(file));
  const shown = names.length <= 6 ? names.join(", ") : `${names.slice(0, 5).join(", ")} … ${names.at(-1)}`;
  return `${files.length} ${files.length === 1 ? "file" : "files"}: ${shown}`;
}

const sorted = (names: readonly string[]) => [...new Set(names)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** `{a,b}` written out. */
function braces(pattern: string): string[] {
  const open = /\{([^{}]*)\}/.exec(pattern);
  if (open === null) return [pattern];
  const [whole, inside] = open;
  const before = pattern.slice(0, open.index);
  const after = pattern.slice(open.index + whole.length);
  return inside!.split(",").flatMap((one) => braces(before + one + after));
}

/** Files that a pattern matches: `*` and `?` within a name, `**` over folders. */
async function expand(pattern: string): Promise<string[]> {
  const parts = pattern.split("/");
  let places: string[] = [parts[0] === "" ? "/" : "."];
  const under = (place: string, name: string) => (place === "." ? name : join(place, name));
  for (const part of parts[0] === "" ? parts.slice(1) : parts) {
    if (part === "" || part === ".") continue;
    if (part === "**") places = sorted((await Promise.all(places.map(foldersBelow))).flat());
    else if (!GLOB.test(part)) places = places.map((place) => under(place, part));
    else {
      const wanted = nameOf(part, pattern);
      const lists = await Promise.all(
        places.map(async (place) =>
          (await readdir(place).catch(() => []))
            .filter((name) => wanted.test(name))
            .map((name) => under(place, name)),
        ),
      );
      places = lists.flat();
    }
    if (places.length > MAX_FILES) throw new ConfigError(`${pattern}: matches more than ${MAX_FILES} files.`);
  }
  const there = await Promise.all(
    places.map((place) =>
      stat(place).then(
        (info) => info.isFile(),
        () => false,
      ),
    ),
  );
  return places.filter((_, i) => there[i]);
}

function nameOf(part: string, pattern: string): RegExp {
  const source = part
    .replace(/[\\^$.+()|]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".")
    .replace(/\[!/g, "[^");
  try {
    return new RegExp(`^(?!\\.)${source}$`);
  } catch {
    throw new ConfigError(
      `${pattern}: is no file, and no pattern either: expected each [ to be closed by ].`,
    );
  }
}

async function foldersBelow(place: string): Promise<string[]> {
  const entries = await readdir(place, { withFileTypes: true }).catch(() => []);
  const below = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const deeper = await Promise.all(
    below.map(({ name }) => foldersBelow(place === "." ? name : join(place, name))),
  );
  return [place, ...deeper.flat()];
}
