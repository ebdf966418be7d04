/** Opens any data file as a stream of records, by its extension. */
import { basename } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { readCsv, readTsv } from "./csv.ts";
import { fetchHubFile, isHubSource } from "./hub.ts";
import { readJsonFile } from "./json.ts";
import { readJsonl } from "./jsonl.ts";
import type { ReadOptions, RecordStream } from "./record.ts";
import { sourceFiles } from "./source-files.ts";

/** What `openTable` takes: the readers' bounds. */
export type TableOptions = ReadOptions;

/**
 * Streams the records of `.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv` (each also `.gz`), `.parquet` and `.arrow` files, of `hub:` sources,
 * and of all files that a folder or a glob stands for, one after another.
 * @throws ConfigError for another extension; DataError for a broken file
 */
export async function* openTable(source: string, options: TableOptions = {}): RecordStream {
  const { files, found } = isHubSource(source)
    ? { files: [source], found: undefined }
    : await sourceFiles(source);
  if (found !== undefined) options.note?.(found);
  if (options.header !== undefined && !files.some((file) => SEPARATED.test(file)))
    options.note?.("--header says what the first line of a CSV or TSV file is: without effect on this one");
  for (const file of files) {
    const read = readerOf(file);
    yield* read(isHubSource(file) ? await fetchHubFile(file) : file, options);
  }
}

const SEPARATED = /\.[ct]sv(\.gz)?$/i;

type Reader = (file: string, options: ReadOptions) => RecordStream;

/** A reader with a library of its own, which is loaded when such a file is met: 190 modules, a third of a second before any other work. */
const late = (load: () => Promise<Reader>): Reader =>
  async function* (file, options) {
    yield* (await load())(file, options);
  };

const READERS: Readonly<Record<string, Reader>> = {
  jsonl: readJsonl,
  ndjson: readJsonl,
  json: readJsonFile,
  csv: readCsv,
  tsv: readTsv,
  parquet: late(async () => (await import("./parquet.ts")).readParquet),
  arrow: late(async () => (await import("./arrow.ts")).readArrow),
};

const extensionOf = (file: string) =>
  /\.([a-z0-9]+)(?:\.gz)?$/i.exec(basename(file))?.[1]?.toLowerCase() ?? "";

/** True for a file that `openTable` reads, by its name. */
export const isTable = (file: string): boolean => Object.hasOwn(READERS, extensionOf(file));

function readerOf(file: string): Reader {
  if (isTable(file)) return READERS[extensionOf(file)]!;
  throw new ConfigError(
    `${file}: has an unknown extension, expected .jsonl, .json, .csv, .tsv (also with .gz), .parquet or .arrow. Rename or convert the file.`,
  );
}
