/** Files of stages with the type of what is in them: who writes one and who reads it mean the same. */
import type { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { readJson, writeJsonAtomic } from "../../base/core/files.ts";
import type { RowKind } from "../../base/files/row-file.ts";

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

/** One row on each line. */
export const jsonlFile = <Row>(name: string, kind: RowKind<Row>): StageFile<readonly Row[]> => ({
  name,
  write: (work, rows) => kind.write(work.path(name), rows),
  read: (artefact) => kind.read(artefact.path(name)),
});
