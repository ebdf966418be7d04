/** Files of rows that the product writes and reads again, one JSON object a line: one type and one checked reader for each kind, beside its writer. */
import { z } from "zod";
import { DataError, listed, messageOf, show } from "../core/errors.ts";
import { exists, writeFileAtomic } from "../core/files.ts";
import { type IssueNames, issueOf } from "../settings/issues.ts";
import { jsonLines } from "./json-lines.ts";
import { readJsonl } from "./jsonl.ts";
import { isRecord, type RawProblem, type RawRecord } from "./record.ts";

/** Reads one kind of file. */
export type RowReader<Row> = {
  /** All rows. @throws DataError naming line, member, what was expected and what is there */
  read(file: string): Promise<Row[]>;
  /** The same, none where there is no such file. @throws as `read` */
  readIfThere(file: string): Promise<Row[]>;
  /** The rows one by one. @throws as `read` */
  stream(file: string): AsyncGenerator<Row, void, undefined>;
  /** The row of a line's text, for who reads lines in a way of its own. @throws as `read` */
  parse(text: string, file: string, line: number): Row;
};

/** Reads and writes one kind of file. */
export type RowKind<Row> = RowReader<Row> & {
  /** Writes the rows in their order; the file appears whole or not at all. */
  write(file: string, rows: Iterable<Row>): Promise<void>;
};

/** What a kind is made of. */
export type RowKindSpec<Row> = {
  /** What a line is called: "human label". */
  readonly what: string;
  readonly schema: z.ZodType<Row>;
  /** What to do about a damaged file; default to have it made again. */
  readonly fix?: string;
  /** A row of an earlier version under today's names; says in a notice what it changed. Default as it is. */
  readonly older?: (row: Readonly<Record<string, unknown>>, file: string) => unknown;
  /** What no two rows of a file may have in common; default nothing. */
  readonly unique?: (row: Row) => string;
};

/** A kind of file whose rows are written as they are. */
export const rowKind = <Row>(spec: RowKindSpec<Row>): RowKind<Row> => ({
  ...rowReader(spec),
  write: (file, rows) => writeFileAtomic(file, jsonLines(rows)),
});

/** The reader of a kind of file; for one whose writer gives rows other names, or other numbers, than the code has. */
export function rowReader<Row>(spec: RowKindSpec<Row>): RowReader<Row> {
  const { what, schema, fix = "Remove its folder and run again.", unique, older } = spec;
  const wrong = (file: string, line: number, problem: string) =>
    new DataError(file, line, `is no ${what}${problem} ${fix}`);
  const check = (written: unknown, file: string, line: number): Row => {
    const value = older !== undefined && isRecord(written) ? older(written, file) : written;
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw wrong(file, line, problemOf(parsed.error, value, schema));
    return parsed.data;
  };
  /** The row of each record in turn. */
  const checker = () => {
    const seen = new Map<string, number>();
    return (record: RawRecord | RawProblem): Row => {
      const { file, line } = record;
      if ("problem" in record) throw new DataError(file, line, record.problem);
      const row = check(record.value, file, line);
      if (unique !== undefined) refuseTwice(seen, unique(row), file, line);
      return row;
    };
  };
  const read = async (file: string) => {
    const rowOf = checker();
    const rows: Row[] = [];
    for await (const record of readJsonl(file)) rows.push(rowOf(record));
    return rows;
  };
  return {
    read,
    async *stream(file) {
      const rowOf = checker();
      for await (const record of readJsonl(file)) yield rowOf(record);
    },
    readIfThere: async (file) => ((await exists(file)) ? read(file) : []),
    parse(text, file, line) {
      try {
        return check(JSON.parse(text), file, line);
      } catch (error) {
        if (error instanceof DataError) throw error;
        throw new DataError(file, line, `is not valid JSON: ${messageOf(error)}.`, { cause: error });
      }
    },
  };
}

/** Notes where an id stands. @throws DataError when it has stood in an earlier line */
export function refuseTwice(seen: Map<string, number>, id: string, file: string, line: number): void {
  const first = seen.get(id);
  if (first !== undefined)
    throw new DataError(file, line, `id ${show(id)} is there twice, first in line ${first}.`);
  seen.set(id, line);
}

/** Names of rows are those of the file. */
const AS_WRITTEN: IssueNames = { name: (key) => key, words: (text) => text };
/** So many members are named; the others are as bad. */
const MOST = 3;

/** What is wrong with a value, after "is no …": its members, or that it is none at all. */
export function problemOf({ issues }: z.ZodError, value: unknown, schema: z.ZodType): string {
  const list = schema instanceof z.ZodArray || schema instanceof z.ZodReadonly;
  if (list ? !Array.isArray(value) : !isRecord(value))
    return `, expected ${list ? "a list" : "an object"}, got ${show(value)}.`;
  const problems = issues.slice(0, MOST).flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.slice(0, MOST).map((key) => `"${listed([key])}" is unknown${membersOf(schema)}.`);
    return issueOf(issue, value, AS_WRITTEN).map(({ path, problem }) => sentence(path.join("."), problem));
  });
  return `: ${problems.join(" ")}`;
}

const sentence = (path: string, problem: string) =>
  path === "" || problem.startsWith('"')
    ? problem
    : `"${listed([path])}" ${problem.startsWith("is ") ? problem : `is wrong, ${problem}`}`;

const membersOf = (schema: z.ZodType) =>
  schema instanceof z.ZodObject ? `, expected ${Object.keys(schema.shape).join(", ")}` : "";
