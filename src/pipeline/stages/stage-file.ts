/** Files of stages with the type of what is in them: who writes one and who reads it mean the same. */
import type { z } from "zod";
import type { RowKind } from "../../base/files/row-file.ts";
import { valueKind } from "../../base/files/value-file.ts";

/** A stage's folder, being filled or finished. */
type Folder = { path(...parts: string[]): string };

/** A file in a stage's folder. */
export type StageFile<T> = {
  readonly name: string;
  write(work: Folder, value: T): Promise<void>;
  /** @throws DataError when it is damaged, or not what this version writes */
  read(artefact: Folder): Promise<T>;
};

/** A file that a stage may have left out. */
export type OptionalStageFile<T> = StageFile<T> & {
  /** The value; undefined where there is no such file. @throws as `read` */
  readIfThere(artefact: Folder): Promise<T | undefined>;
};

/** One JSON value. @param maxBytes - default 64 MiB */
export function jsonFile<T>(name: string, schema: z.ZodType<T>, maxBytes?: number): OptionalStageFile<T> {
  const kind = valueKind({ what: name, schema, ...(maxBytes !== undefined && { maxBytes }) });
  return {
    name,
    write: (work, value) => kind.write(work.path(name), value),
    read: (artefact) => kind.read(artefact.path(name)),
    readIfThere: (artefact) => kind.readIfThere(artefact.path(name)),
  };
}

/** One row on each line. */
export const jsonlFile = <Row>(name: string, kind: RowKind<Row>): StageFile<readonly Row[]> => ({
  name,
  write: (work, rows) => kind.write(work.path(name), rows),
  read: (artefact) => kind.read(artefact.path(name)),
});
