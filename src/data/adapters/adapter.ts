/** What an adapter is: it knows one shape of records and turns each into a pair of responses. */
import type { RawRecord } from "../readers/record.ts";
import type { RowMeta, Text } from "../rows.ts";

/** A pair as the data holds it; `preferred: "none"` when nobody judged it. */
export type ParsedPair = {
  /** Given by the data; derived from the content when absent. */
  readonly id?: string;
  readonly prompt: Text;
  readonly first: Text;
  readonly second: Text;
  readonly preferred: "first" | "second" | "tie" | "none";
  /** Rows that share one of these keys, directly or over others, form one group for splits. */
  readonly groupKeys?: readonly string[];
  readonly meta?: Pick<RowMeta, "flags" | "subset"> & {
    readonly scoreFirst?: number;
    readonly scoreSecond?: number;
  };
};

/** A sound record that the format does not use, with the reason that the report counts it under. */
export type LeftOut = { readonly leaveOut: string };

/** One known shape of data. */
export type Adapter = {
  /** The name for `--format`. */
  readonly name: string;
  /** The shape in a few words, for help and error messages. */
  readonly shape: string;
  /** Says whether a record has this shape; the text tells a person why. */
  matches(record: RawRecord): string | undefined;
  /** @throws RowProblem when the record has not this shape after all */
  parse(value: Readonly<Record<string, unknown>>): ParsedPair | LeftOut;
};

/** Something wrong with one record: which column, what, and what to do. Collected by the loader. */
export class RowProblem extends Error {
  readonly column: string;
  readonly fix: string;
  constructor(column: string, problem: string, fix: string) {
    super(problem);
    this.column = column;
    this.fix = fix;
  }
}
