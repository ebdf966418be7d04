/** The reading part of `load.ts`: from a source to parsed pairs, with everything that went wrong on the way. */
import { DataError } from "../../base/core/errors.ts";
import type { RawProblem, RawRecord, RecordStream } from "../../base/files/record.ts";
import { openTable, type TableOptions } from "../../base/files/table.ts";
import { refuse } from "./account.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapters/adapter.ts";
import type { ColumnMap } from "./adapters/column-map.ts";
import { ADAPTERS, adapterNamed } from "./adapters/index.ts";
import { mapAdapter } from "./adapters/map.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";
import { type ColumnReport, ColumnTally } from "./column-report.ts";
import { type Detection, detectFormat, previewRows } from "./detect.ts";
import type { PairCheck } from "./encodable.ts";
import { headerKnower } from "./header.ts";
import { parseRecord } from "./parse-record.ts";
import { gathered } from "./together.ts";
import { FileWatcher, type WholeFile } from "./whole-file.ts";

/** Records that the format is worked out from. */
const HEAD = 20;

/** How to read pairs. */
export type PairOptions = TableOptions & {
  /** Names the columns of data in no known shape. */
  readonly map?: ColumnMap;
  /** The name of a known shape; default: detected. */
  readonly format?: string;
  /** `fail` (default) throws when any row is bad, listing all; `skip` leaves them out and counts them. */
  readonly onBadRow?: "fail" | "skip";
  /** Most pairs to read, from the front; default all. */
  readonly limit?: number;
  /** Columns, members of messages and kinds of content parts that are left out on purpose. */
  readonly ignore?: readonly string[];
  /** True for files of our own: what a response says is its own, whatever it begins with. */
  readonly asWritten?: boolean;
  /** Refuses pairs that a model cannot take, as bad rows. */
  readonly check?: PairCheck | undefined;
};

/** What came of reading: the pairs, how the data was understood, and what is not among the pairs. */
export type ReadPairs = {
  readonly pairs: readonly ParsedPair[];
  /** Line of each pair in its file, from 1. */
  readonly lines: readonly number[];
  readonly detection: Detection;
  /** What was decided about the file that may be wrong, such as whether its first line is a header. */
  readonly notes: readonly string[];
  /** Records looked at: pairs + left out + bad. */
  readonly records: number;
  /** Sound records that the format does not use, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly bad: readonly BadRow[];
  /** What became of each column. */
  readonly columns: readonly ColumnReport[];
  /** Responses that begin with their prompt. */
  readonly repeats: WholeFile["repeats"];
};

/**
 * Reads all pairs of a source.
 * @throws DataError for a broken file, an unknown shape, bad rows (unless skipped), or a file of which nothing is left
 */
export async function readPairs(source: string, options: PairOptions = {}): Promise<ReadPairs> {
  const notes: string[] = [];
  const stream = openPairTable(source, options, notes);
  try {
    const head = await takeHead(stream);
    const detection = understand(head, options, notes);
    const read = new PairCollector(detection.adapter, options);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const record of gathered(chain(head, stream), detection.adapter)) {
      if (read.pairs.length >= limit) break;
      read.add(record, limit);
    }
    const columns = read.columns.report();
    if (read.bad.length > 0 && options.onBadRow !== "skip")
      throw badRowsError(read.bad, read.records, columns);
    if (read.pairs.length === 0) throw nothingLeft(source, read);
    const { pairs, lines } = read;
    const { records, leftOut, bad } = read;
    const watcher = new FileWatcher(options.asWritten ?? detection.adapter.asWritten);
    for (const pair of pairs) watcher.add(pair);
    const { repeats, finish } = watcher.decide();
    return {
      pairs: pairs.map(finish),
      lines,
      detection,
      notes,
      records,
      leftOut,
      bad,
      columns,
      repeats,
    };
  } finally {
    await stream.return();
  }
}

/** Opens a source; what the reader decided goes to `notes`. */
export function openPairTable(source: string, options: PairOptions, notes: string[]): RecordStream {
  const { map, format } = options;
  const adapters = format === undefined ? ADAPTERS : [adapterNamed(format)];
  return openTable(source, {
    ...options,
    knowsHeader: headerKnower(map, adapters),
    note: (text) => notes.push(text),
  });
}

/** The first records of a stream, from which a shape is worked out. */
export async function takeHead(stream: RecordStream): Promise<(RawRecord | RawProblem)[]> {
  const head: (RawRecord | RawProblem)[] = [];
  while (head.length < HEAD) {
    const next = await stream.next();
    if (next.done === true) break;
    head.push(next.value);
  }
  return head;
}

/** The head and what follows it. */
export async function* chain(head: readonly (RawRecord | RawProblem)[], rest: RecordStream): RecordStream {
  yield* head;
  yield* rest;
}

/** Works out the shape of records, or takes the one that was named. @throws DataError as `detectFormat` */
export function understand(
  head: readonly (RawRecord | RawProblem)[],
  { map, format, ignore }: PairOptions,
  notes: readonly string[] = [],
): Detection {
  const records = head.filter((record) => "value" in record);
  if (map !== undefined)
    return chosenByUser(records, mapAdapter(map, records), "columns named with --map", ignore);
  if (format !== undefined)
    return chosenByUser(records, adapterNamed(format), `named with --format ${format}`, ignore);
  if (records.length === 0) throw badRowsError(head.map(badRecord), head.length);
  return detectFormat(records, { ignore, notes });
}

function chosenByUser(
  records: readonly RawRecord[],
  adapter: Adapter,
  why: string,
  ignore: readonly string[] | undefined,
): Detection {
  return { adapter, why, preview: previewRows(records, adapter, ignore) };
}

function badRecord(record: RawRecord | RawProblem): BadRow {
  const problem = "problem" in record ? record.problem : "";
  return { file: record.file, line: record.line, column: "", problem, fix: "" };
}

/** The error of a source of which no pair is left. */
export function nothingLeft(
  source: string,
  read: Pick<RecordSorter, "records" | "leftOut" | "bad">,
): DataError {
  const reasons = Object.entries(read.leftOut).map(([reason, n]) => `${n} left out: ${reason}`);
  if (read.bad.length > 0) reasons.push(`${read.bad.length} bad`);
  return new DataError(source, 0, `no row is left of ${read.records} (${reasons.join("; ")}).`);
}

/** Parses records one by one and sorts out what is no pair. */
export class RecordSorter {
  readonly bad: BadRow[] = [];
  readonly leftOut: Record<string, number> = {};
  readonly columns = new ColumnTally();
  records = 0;
  private readonly adapter: Adapter;
  private readonly ignore: readonly string[];

  constructor(adapter: Adapter, ignore: readonly string[] = []) {
    this.adapter = adapter;
    this.ignore = ignore;
  }

  /**
   * The pairs of a record; none for what is bad or left out.
   * @param check - may refuse a pair with a RowProblem, and with it the record
   */
  read(
    record: RawRecord | RawProblem,
    check: (pair: ParsedPair, record: RawRecord) => void = () => {},
  ): readonly ParsedPair[] {
    this.records += ("value" in record ? record.records : undefined) ?? 1;
    if ("problem" in record) {
      this.bad.push(badRecord(record));
      return [];
    }
    try {
      const parsed = parseRecord(this.adapter, record.value, this.ignore);
      if (!("leaveOut" in parsed)) {
        this.columns.add(parsed.accounts);
        refuse(parsed.accounts);
        for (const pair of parsed.pairs) check(pair, record);
        return parsed.pairs;
      }
      this.leftOut[parsed.leaveOut] = (this.leftOut[parsed.leaveOut] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      this.bad.push(badRow(record, error));
    }
    return [];
  }
}

/** A record that was refused, with its place. */
export function badRow({ file, line }: RawRecord, { column, message, fix }: RowProblem): BadRow {
  return { file, line, column, problem: message, fix };
}

/** Ids join labels to rows: one that comes twice would join the wrong ones. @param place - where the first is, `file:line` */
export function idTwice(id: string, place: string): RowProblem {
  return new RowProblem(
    "id",
    `is ${JSON.stringify(id)}, which ${place} has already`,
    "Give every row an id of its own, or drop the column.",
  );
}

/** Parses records one by one and keeps their pairs. */
class PairCollector extends RecordSorter {
  readonly pairs: ParsedPair[] = [];
  readonly lines: number[] = [];
  private readonly placeOfId = new Map<string, string>();
  private readonly check: PairCheck | undefined;

  constructor(adapter: Adapter, { ignore, check }: Pick<PairOptions, "ignore" | "check">) {
    super(adapter, ignore);
    this.check = check;
  }

  /** Adds the pairs of a record, as many as there is room for up to `limit`. */
  add(record: RawRecord | RawProblem, limit: number): void {
    const pairs = this.read(record, (parsed, { file, line }) => {
      this.check?.(parsed);
      this.checkFreshId(parsed, `${file}:${line}`);
    });
    for (const pair of pairs.slice(0, limit - this.pairs.length)) {
      this.pairs.push(pair);
      this.lines.push(record.line);
    }
  }

  private checkFreshId({ id }: ParsedPair, here: string): void {
    if (id === undefined) return;
    const place = this.placeOfId.get(id);
    if (place !== undefined) throw idTwice(id, place);
    this.placeOfId.set(id, here);
  }
}
