/** What an adapter is: it knows one shape of records and turns each into pairs of responses. */

import type { RawRecord } from "../../../base/files/record.ts";
import type { Answers } from "../people.ts";
import type { RowMeta, Text } from "../rows.ts";

/** A pair as the data holds it; `preferred: "none"` when nobody judged it, or `people` do not agree. */
export type ParsedPair = {
  /** Given by the data; derived from the content when absent. */
  readonly id?: string;
  readonly prompt: Text;
  readonly first: Text;
  readonly second: Text;
  readonly preferred: "first" | "second" | "tie" | "none";
  /** Rows that share one of these keys, directly or over others, form one group for splits. */
  readonly groupKeys?: readonly string[];
  readonly meta?: Pick<RowMeta, "flags" | "subset" | "asked" | "item"> & {
    readonly scoreFirst?: number;
    readonly scoreSecond?: number;
  };
  /** What each person said, where several were asked; `preferred` is then what most of them say, "none" without a majority. */
  readonly people?: Answers;
  /**
   * Of texts only. `turns`: the prompt is what a user says, the responses are answers, so that they can be told as messages (with a system
   * message, or beside rows that are conversations). `guessed`: the prompt is what the two texts begin with, nothing in the data says so.
   */
  readonly promptIs?: "turns" | "guessed";
  /** Lists of messages that held the whole conversation and lost its prompt. */
  readonly tookOff?: number;
  /** The content's id where the pair was changed since it was read (`whole-file.ts`). */
  readonly contentId?: string;
};

/** A sound record that the format does not use, with the reason that the report counts it under. */
export type LeftOut = { readonly leaveOut: string };

/** What came of one record: a pair, several (of one prompt), or nothing for a reason. */
export type Parsed = ParsedPair | readonly ParsedPair[] | LeftOut;

/** Columns by path, and what of each. Dots go into objects and into the objects of lists: `info.post`, `summaries.text`. */
export type ColumnNotes = Readonly<Record<string, string>>;

/** The one column of successive records that are parsed together; no file has a column of this name. */
export const TOGETHER = "(rows)";

/** One known shape of data. */
export type Adapter = {
  /** The name for `--format`. */
  readonly name: string;
  /** The shape in a few words, for help and error messages. */
  readonly shape: string;
  /** Says whether a record has this shape, by the columns that it needs; the text tells a person why. */
  matches(record: RawRecord): string | undefined;
  /**
   * Why records, though their columns fit, may mean something else, by all labels (`valueKey`) that they have in a column: then a person must
   * say what they mean. Not asked where the shape is named.
   */
  readonly doubt?: { readonly column: string; of(labels: ReadonlySet<string>): string | undefined };
  /**
   * The columns of this record that `parse` reads, and as what. All others are accounted for by `account.ts` (carried into the prompt, known
   * to be harmless, named as not used, or refused), so that nothing in a row vanishes.
   */
  uses(value: Readonly<Record<string, unknown>>): ColumnNotes;
  /** Columns of this shape that change nothing although elsewhere they might, with the reason. */
  readonly harmless?: ColumnNotes;
  /**
   * Given where a pair is made of successive records: those of equal key, undefined being none, are parsed as one, `{[TOGETHER]: [record, …]}`.
   */
  together?(value: Readonly<Record<string, unknown>>): string | undefined;
  /** Columns of lists of objects, which may be written as JSON. */
  readonly lists?: readonly string[];
  /** True where nobody says which response is better. */
  readonly unlabelled?: boolean;
  /** True for files of our own: what a response says there is its own, whatever it begins with. */
  readonly asWritten?: boolean;
  /** @throws RowProblem when the record has not this shape after all */
  parse(value: Readonly<Record<string, unknown>>): Parsed;
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
