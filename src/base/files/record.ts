/** What a reader hands on: records with their place, so that everything said about them can name it. */

/** One record of a file; `line` is 1-based (for Parquet and JSON arrays the row number). */
export type RawRecord = {
  readonly file: string;
  readonly line: number;
  readonly value: Readonly<Record<string, unknown>>;
  /** Records of the file that this one is made of; default 1. */
  readonly records?: number;
};

/** A line of a file, from 1. */
export type Place = { readonly file: string; readonly line: number };

/** A record that could not be read although the rest of the file can. */
export type RawProblem = { readonly file: string; readonly line: number; readonly problem: string };

/** A stream of records. Errors that end a file are thrown as `DataError`; those of one record are `RawProblem`s. */
export type RecordStream = AsyncGenerator<RawRecord | RawProblem, void, undefined>;

/** Bounds and choices of the readers. */
export type ReadOptions = {
  /** Most bytes of one line or CSV record, after decompression; default 16 MiB. */
  readonly maxRecordBytes?: number;
  /** CSV and TSV only: whether the first record names the columns. Default: it does when it is known to, or all cells look like names. */
  readonly header?: boolean | undefined;
  /** CSV and TSV only: whether the first record, if these are its cells, names the columns; undefined where that is not known. */
  readonly knowsHeader?: (cells: readonly string[]) => boolean | undefined;
  /** Gets what the reader took the file for where that could be wrong. */
  readonly note?: (text: string) => void;
};

/** Default bound of one record, in bytes. */
export const MAX_RECORD_BYTES = 16 * 2 ** 20;

/** True when the value is an object with named members. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Nothing is said: null, blank text, an empty list or object, or (unless `shallow`) lists and objects of nothing else. */
export function isEmptyValue(value: unknown, depth: "shallow" | "deep" = "deep"): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === "string") return value.trim() === "";
  if (typeof value !== "object") return false;
  const items = Object.values(value);
  return depth === "shallow" ? items.length === 0 : items.every((item) => isEmptyValue(item));
}
