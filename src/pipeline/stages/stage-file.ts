/** Files of stages with the type of what is in them: who writes one and who reads it mean the same. */
import type { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { readJson, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { readRecords } from "../../base/files/jsonl.ts";
import { jsonLines } from "../../method/data/json-lines.ts";

/** A stage's folder, being filled or finished. */
type Folder = { path(...parts: string[]): string };

/** A file in a stage's folder. */
export type StageFile<T> = {
  readonly name: string;
  write(work: Folder, value: T): Promise<void>;
  /** @throws DataError when it is damaged */
  read(artefact: Folder): Promise<T>;
};

/** One JSON value. @param schema - for files that may be older than the code that reads them */
export function jsonFile<T>(name: string, schema?: z.ZodType<T>): StageFile<T> {
  return {
    name,
    write: (work, value) => writeJsonAtomic(work.path(name), value),
    async read(artefact) {
      const file = artefact.path(name);
      const value = await readJson(file);
      const parsed = schema?.safeParse(value);
      if (parsed?.success === false)
        throw new DataError(
          file,
          0,
          "is not what its stage writes. Remove the stage's folder and run again.",
        );
      return parsed?.data ?? (value as T);
    },
  };
}

/** One record on each line. */
export function jsonlFile<Row>(name: string): StageFile<readonly Row[]> {
  return {
    name,
    write: (work, rows) => writeFileAtomic(work.path(name), jsonLines(rows)),
    read: (artefact) => readRows(artefact.path(name)),
  };
}

/** The records of such a file, wherever it lies. @throws DataError for a line that is no record */
export async function readRows<Row>(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { value } of readRecords(file)) rows.push(value as Row);
  return rows;
}
