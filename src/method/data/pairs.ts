/** The reading part of `load.ts`: from a source to parsed pairs, with everything that went wrong on the way. */
import { DataError } from "../../base/core/errors.ts";
import type { Place, RawProblem, RawRecord, RecordStream } from "../../base/files/record.ts";
import { openTable, type TableOptions } from "../../base/files/table.ts";
import { refuse } from "./account.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapters/adapter.ts";
import { ADAPTERS, adapterNamed } from "./adapters/index.ts";
import { mapAdapter } from "./adapters/map.ts";
import { valueKey } from "./adapters/verdicts.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";
import { type ColumnReport, ColumnTally, idleIgnores } from "./column-report.ts";
import { type Detection, detectFormat } from "./detect.ts";
import type { PairCheck } from "./encodable.ts";
import { headerKnower } from "./header.ts";
import { parseRecord } from "./parse-record.ts";
import { type PreviewRow, Previews } from "./preview.ts";
import type { Reading, SourcePart } from "./source.ts";
import { gathered } from "./together.ts";
import { FileWatcher, type WholeFile } from "./whole-file.ts";

/** Records that the format is worked out from. */
const HEAD = 20;

/** How to read pairs. */
export type PairOptions = TableOptions &
  Reading & {
    /** `fail` (default) throws when any row is bad, listing all; `skip` leaves them out and counts them. */
    readonly onBadRow?: "fail" | "skip";
    /** Draws rows where sources have weights; default 22, as on the command line. */
    readonly seed?: number | string;
    /** True for files of our own: what a response says is its own, whatever it begins with. */
    readonly asWritten?: boolean;
    /** Refuses pairs that a model cannot take, as bad rows. */
    readonly check?: PairCheck | undefined;
  };

/** One of several sources, all that was read of it, and how many of its pairs are among the others'. */
export type PartRead = { readonly part: SourcePart; readonly read: ReadPairs; readonly taken: number };

/** What came of reading: the pairs, how the data was understood, and what is not among the pairs. */
export type ReadPairs = {
  readonly pairs: readonly ParsedPair[];
  /** Where each pair stands. */
  readonly places: readonly Place[];
  readonly format: string;
  readonly why: string;
  readonly preview: readonly PreviewRow[];
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
  /** The sources, where there are several. */
  readonly parts?: readonly PartRead[];
};

/**
 * Reads all pairs of one source; what is bad is among the result, and nobody has looked at it.
 * @throws DataError for a broken file or an unknown shape
 */
export async function collectPairs(source: string, options: PairOptions): Promise<ReadPairs> {
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
    refuseDoubt(read, options);
    const { pairs, places, records, leftOut, bad } = read;
    const watcher = new FileWatcher(options.asWritten ?? detection.adapter.asWritten);
    for (const pair of pairs) watcher.add(pair);
    const { repeats, finish } = watcher.decide();
    const previews = new Previews();
    pairs.forEach((pair, i) => {
      previews.add(pair, places[i]!);
    });
    const columns = read.columns.report();
    notes.push(...idleIgnores(options.ignore, columns));
    return {
      pairs: pairs.map(finish),
      places,
      format: detection.adapter.name,
      why: detection.why,
      preview: previews.rows(finish),
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

/** @throws DataError for bad rows (unless skipped), or when nothing is left */
export function checkSound(
  source: string,
  { bad, records, columns, leftOut, pairs }: ReadPairs,
  { onBadRow }: PairOptions,
): void {
  if (bad.length > 0 && onBadRow !== "skip") throw badRowsError(bad, records, columns);
  if (pairs.length === 0) throw nothingLeft(source, { records, leftOut, bad });
}

/** @throws DataError where nobody has named the shape, and its labels may yet mean something else */
export function refuseDoubt({ doubt, first }: RecordSorter, { map, format }: PairOptions): void {
  const why = map === undefined && format === undefined ? doubt() : undefined;
  if (why !== undefined) throw new DataError(first ?? "data", 0, why);
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
  if (map !== undefined) return { adapter: mapAdapter(map, records), why: "columns named with --map" };
  if (format !== undefined) return { adapter: adapterNamed(format), why: `named with --format ${format}` };
  if (records.length === 0) throw badRowsError(head.map(badRecord), head.length);
  return detectFormat(records, { ignore, notes });
}

function badRecord(record: RawRecord | RawProblem): BadRow {
  const problem = "problem" in record ? record.problem : "";
  return { file: record.file, line: record.line, column: "", problem, fix: "" };
}

/** The error of a source of which no pair is left. */
export function nothingLeft(source: string, read: Pick<ReadPairs, "records" | "leftOut" | "bad">): DataError {
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
  /** The file of the first record. */
  first: string | undefined;
  private readonly labels = new Set<string>();
  private readonly adapter: Adapter;
  private readonly ignore: readonly string[];

  constructor(adapter: Adapter, ignore: readonly string[] = []) {
    this.adapter = adapter;
    this.ignore = ignore;
  }

  /** Why the records, though their columns fit the shape, may mean something else, by all labels that were read. */
  readonly doubt = (): string | undefined => {
    const seen = [...this.labels].filter((label) => label !== "").sort();
    return this.adapter.doubt?.of(new Set(seen));
  };

  /**
   * The pairs of a record; none for what is bad or left out.
   * @param check - may refuse a pair with a RowProblem, and with it the record
   */
  read(
    record: RawRecord | RawProblem,
    check: (pair: ParsedPair, record: RawRecord) => void = () => {},
  ): readonly ParsedPair[] {
    this.records += ("value" in record ? record.records : undefined) ?? 1;
    this.first ??= record.file;
    if ("problem" in record) {
      this.bad.push(badRecord(record));
      return [];
    }
    const { doubt } = this.adapter;
    if (doubt !== undefined) this.labels.add(valueKey(record.value[doubt.column]) ?? "");
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
  readonly places: Place[] = [];
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
      this.places.push({ file: record.file, line: record.line });
    }
  }

  private checkFreshId({ id }: ParsedPair, here: string): void {
    if (id === undefined) return;
    const place = this.placeOfId.get(id);
    if (place !== undefined) throw idTwice(id, place);
    this.placeOfId.set(id, here);
  }
}
