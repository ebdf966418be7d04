/** The reading part of `load.ts`: from a source to parsed pairs, with everything that went wrong on the way. */
import { DataError } from "../core/errors.ts";
import { type Adapter, type ParsedPair, RowProblem } from "./adapters/adapter.ts";
import { adapterNamed } from "./adapters/index.ts";
import { type ColumnMap, mapAdapter } from "./adapters/map.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";
import { type Detection, detectFormat, previewRows } from "./detect.ts";
import type { RawProblem, RawRecord, RecordStream } from "./readers/record.ts";
import { openTable, type TableOptions } from "./readers/table.ts";

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
};

/** What came of reading: the pairs, how the data was understood, and what is not among the pairs. */
export type ReadPairs = {
  readonly pairs: readonly ParsedPair[];
  /** Line of each pair in its file, from 1. */
  readonly lines: readonly number[];
  readonly detection: Detection;
  /** Records looked at: pairs + left out + bad. */
  readonly records: number;
  /** Sound records that the format does not use, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly bad: readonly BadRow[];
};

/**
 * Reads all pairs of a source.
 * @throws DataError for a broken file, an unknown shape, bad rows (unless skipped), or a file of which nothing is left
 */
export async function readPairs(source: string, options: PairOptions = {}): Promise<ReadPairs> {
  const stream = openTable(source, options);
  try {
    const head = await takeHead(stream);
    const detection = understand(head, options);
    const read = new PairCollector(detection.adapter);
    for await (const record of chain(head, stream)) {
      if (read.pairs.length >= (options.limit ?? Number.POSITIVE_INFINITY)) break;
      read.add(record);
    }
    if (read.bad.length > 0 && options.onBadRow !== "skip") throw badRowsError(read.bad, read.records);
    if (read.pairs.length === 0) throw nothingLeft(source, read);
    const { pairs, lines } = read;
    return { pairs, lines, detection, records: read.records, leftOut: read.leftOut, bad: read.bad };
  } finally {
    await stream.return();
  }
}

async function takeHead(stream: RecordStream): Promise<(RawRecord | RawProblem)[]> {
  const head: (RawRecord | RawProblem)[] = [];
  while (head.length < HEAD) {
    const next = await stream.next();
    if (next.done === true) break;
    head.push(next.value);
  }
  return head;
}

async function* chain(head: readonly (RawRecord | RawProblem)[], rest: RecordStream): RecordStream {
  yield* head;
  yield* rest;
}

function understand(head: readonly (RawRecord | RawProblem)[], { map, format }: PairOptions): Detection {
  const records = head.filter((record) => "value" in record);
  if (map !== undefined) return chosenByUser(records, mapAdapter(map), "columns named with --map");
  if (format !== undefined)
    return chosenByUser(records, adapterNamed(format), `named with --format ${format}`);
  if (records.length === 0) throw badRowsError(head.map(badRecord), head.length);
  return detectFormat(records);
}

function chosenByUser(records: readonly RawRecord[], adapter: Adapter, why: string): Detection {
  return { adapter, why, preview: previewRows(records, adapter) };
}

function badRecord(record: RawRecord | RawProblem): BadRow {
  const problem = "problem" in record ? record.problem : "";
  return { file: record.file, line: record.line, column: "", problem, fix: "" };
}

function nothingLeft(source: string, read: PairCollector): DataError {
  const reasons = Object.entries(read.leftOut).map(([reason, n]) => `${n} left out: ${reason}`);
  if (read.bad.length > 0) reasons.push(`${read.bad.length} bad`);
  return new DataError(source, 0, `no row is left of ${read.records} (${reasons.join("; ")}).`);
}

/** Parses records one by one and sorts what comes of them. */
class PairCollector {
  readonly pairs: ParsedPair[] = [];
  readonly lines: number[] = [];
  readonly bad: BadRow[] = [];
  readonly leftOut: Record<string, number> = {};
  records = 0;
  private readonly adapter: Adapter;
  private readonly placeOfId = new Map<string, string>();

  constructor(adapter: Adapter) {
    this.adapter = adapter;
  }

  add(record: RawRecord | RawProblem): void {
    this.records++;
    if ("problem" in record) {
      this.bad.push(badRecord(record));
      return;
    }
    try {
      const parsed = this.adapter.parse(record.value);
      if ("leaveOut" in parsed) this.leftOut[parsed.leaveOut] = (this.leftOut[parsed.leaveOut] ?? 0) + 1;
      else {
        this.pairs.push(this.withFreshId(parsed, record));
        this.lines.push(record.line);
      }
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      this.bad.push({
        file: record.file,
        line: record.line,
        column: error.column,
        problem: error.message,
        fix: error.fix,
      });
    }
  }

  /** Ids join labels to rows: one that comes twice would join the wrong ones. */
  private withFreshId(pair: ParsedPair, { file, line }: RawRecord): ParsedPair {
    if (pair.id === undefined) return pair;
    const place = this.placeOfId.get(pair.id);
    if (place !== undefined)
      throw new RowProblem(
        "id",
        `is ${JSON.stringify(pair.id)}, which ${place} has already`,
        "Give every row an id of its own, or drop the column.",
      );
    this.placeOfId.set(pair.id, `${file}:${line}`);
    return pair;
  }
}
