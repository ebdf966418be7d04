/** Files of one JSON value that the product writes and reads again: one type and one checked reader for each kind, beside its writer. */
import type { z } from "zod";
import { DataError } from "../core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../core/files.ts";
import { problemOf } from "./row-file.ts";

/** Reads and writes one kind of file. */
export type ValueKind<T> = {
  /** @throws DataError naming member, what was expected and what is there, for a damaged file and for one of another version */
  read(file: string): Promise<T>;
  /** The same; undefined where there is no such file. @throws as `read` */
  readIfThere(file: string): Promise<T | undefined>;
  /** The file appears whole or not at all. */
  write(file: string, value: T): Promise<void>;
};

/** What a kind is made of. */
export type ValueKindSpec<T> = {
  /** What the file is called: "audit.json". */
  readonly what: string;
  readonly schema: z.ZodType<T>;
  /** What to do about a damaged file; default to have it made again. */
  readonly fix?: string;
  /** Most bytes, default 64 MiB. */
  readonly maxBytes?: number;
};

/** A kind of file of one value. Members that its schema does not name are left out, unless it is a loose one. */
export function valueKind<T>({
  what,
  schema,
  fix = "Remove its folder and run again.",
  maxBytes,
}: ValueKindSpec<T>): ValueKind<T> {
  const read = async (file: string) => {
    const value = await readJson(file, maxBytes);
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new DataError(
      file,
      0,
      `is no ${what} of this version${problemOf(parsed.error, value, schema)} ${fix}`,
    );
  };
  return {
    read,
    readIfThere: async (file) => ((await exists(file)) ? read(file) : undefined),
    write: writeJsonAtomic,
  };
}
