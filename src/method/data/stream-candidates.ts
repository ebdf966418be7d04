/**
 * Candidate pairs of a source of any length, read anew whenever they are needed. A first reading checks all that `readCandidates`
 * checks and works out the ids. What stays in memory is a fingerprint of each pair's id (11 to 21 bytes) and, whole, only bad rows and pairs
 * whose content comes more than once.
 */
import { type Log, silentLog } from "../../base/core/log.ts";
import { Fingerprints } from "../../base/core/repeats.ts";
import { fetchHubFile, isHubSource } from "../../base/files/hub.ts";
import type { Place, RawRecord } from "../../base/files/record.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import { type BadRow, badRowsError } from "./bad-rows.ts";
import { drawOrder } from "./candidates.ts";
import { idleIgnores } from "./column-report.ts";
import type { Detection } from "./detect.ts";
import { contentId, numberRepeats, repeatOrder } from "./identify.ts";
import { type LoadOptions, readCandidates, subsetOf } from "./load.ts";
import { type LoadReport, PairCounter, tell } from "./load-report.ts";
import {
  badRow,
  chain,
  idTwice,
  nothingLeft,
  openPairTable,
  type PairOptions,
  RecordSorter,
  refuseDoubt,
  takeHead,
  understand,
} from "./pairs.ts";
import { Previews } from "./preview.ts";
import type { CandidatePair } from "./rows.ts";
import type { Source } from "./source.ts";
import { gathered } from "./together.ts";
import { FileWatcher } from "./whole-file.ts";

/** Pairs that can be read again and again. */
export type CandidateStream = {
  readonly report: LoadReport;
  /** Starts a reading, in the order of the source. Pairs are as `readCandidates` gives them, without their groups. */
  pairs(): AsyncGenerator<CandidatePair, void, undefined>;
};

/** How to read; `log` gets what was understood. */
export type StreamOptions = LoadOptions & { readonly seed: number | string; readonly log?: Log };

/**
 * Opens a source of candidate pairs: reads it once, or twice when an id or a content comes twice. Several sources are held in memory, since
 * what each gives depends on all; so is a source with a limit, which is there to make its pairs few.
 * @throws DataError as `readCandidates`
 */
export async function openCandidates(source: Source, options: StreamOptions): Promise<CandidateStream> {
  if (typeof source !== "string" || options.limit !== undefined)
    return listed(await readCandidates(source, options));
  const file = isHubSource(source) ? await fetchHubFile(source) : source;
  const scan = await scanPairs(file, options);
  refuseDoubt(scan.sorter, options);
  const { names, repeated } = await resolveRepeats(file, options, scan);
  const bad = [...scan.sorter.bad, ...repeated].sort((x, y) => x.line - y.line);
  if (bad.length > 0 && options.onBadRow !== "skip")
    throw badRowsError(bad, scan.sorter.records, scan.sorter.columns.report());
  const { records, leftOut } = scan.sorter;
  const columns = scan.sorter.columns.report();
  if (scan.pairs === repeated.length) throw nothingLeft(source, { records, leftOut, bad });
  const whole = scan.watcher.decide();
  const repeats = new Set(repeated.map(placeOf));
  const counter = whole.changes ? new PairCounter() : scan.counter;
  if (whole.changes)
    for await (const { pair, record } of parsedPairs(file, options, scan))
      if (!repeats.has(placeOf(record))) counter.add(whole.finish(pair));
  const report = counter.report(source, {
    format: scan.detection.adapter.name,
    why: scan.detection.why,
    preview: scan.previews.rows(whole.finish),
    notes: [...scan.notes, ...idleIgnores(options.ignore, columns)],
    records,
    leftOut,
    bad,
    columns,
    repeats: whole.repeats,
  });
  tell(options.log ?? silentLog, report);
  return {
    report,
    async *pairs() {
      let place = -1;
      for await (const { pair, record } of parsedPairs(file, options, scan)) {
        if (repeats.has(placeOf(record))) continue;
        place = pair.id === undefined ? place + 1 : place;
        const id = pair.id ?? names.get(place) ?? contentId(pair);
        const meta = subsetOf(pair);
        const { meta: _, ...bare } = whole.finish(pair);
        yield drawOrder({ ...bare, id, ...(Object.keys(meta).length === 0 ? {} : { meta }) }, options.seed)
          .pair;
      }
    },
  };
}

function listed({ pairs, report }: { pairs: readonly CandidatePair[]; report: LoadReport }): CandidateStream {
  return {
    report,
    async *pairs() {
      yield* pairs;
    },
  };
}

/** What a first reading knows. */
type Scan = {
  readonly detection: Detection;
  readonly notes: readonly string[];
  readonly sorter: RecordSorter;
  readonly counter: PairCounter;
  readonly watcher: FileWatcher;
  readonly previews: Previews;
  readonly pairs: number;
  /** Ids, and contents of pairs without one, that may come more than once. */
  readonly suspectIds: ReadonlySet<string>;
  readonly suspectContents: ReadonlySet<string>;
};

async function scanPairs(file: string, options: PairOptions): Promise<Scan> {
  const notes: string[] = [];
  const stream = openPairTable(file, options, notes);
  try {
    const head = await takeHead(stream);
    const detection = understand(head, options, notes);
    const sorter = new RecordSorter(detection.adapter, options.ignore);
    const counter = new PairCounter();
    const watcher = new FileWatcher(options.asWritten ?? detection.adapter.asWritten);
    const previews = new Previews();
    const [ids, contents] = [new Fingerprints(), new Fingerprints()];
    const [suspectIds, suspectContents] = [new Set<string>(), new Set<string>()];
    let pairs = 0;
    for await (const record of gathered(chain(head, stream), detection.adapter)) {
      for (const pair of sorter.read(record, (parsed) => options.check?.(parsed))) {
        pairs++;
        counter.add(pair);
        watcher.add(pair);
        const again = pair.id !== undefined && ids.add(pair.id);
        if (!again) previews.add(pair, record);
        if (pair.id !== undefined) {
          if (again) suspectIds.add(pair.id);
        } else {
          const content = contentId(pair);
          if (contents.add(content)) suspectContents.add(content);
        }
      }
    }
    return { detection, notes, sorter, counter, watcher, previews, pairs, suspectIds, suspectContents };
  } finally {
    await stream.return();
  }
}

type Parsed = { readonly pair: ParsedPair; readonly record: RawRecord };

const placeOf = ({ file, line }: Place) => `${file}:${line}`;

/** The sound pairs of a source whose shape is known. What the first reading refused is passed over, without asking why again. */
async function* parsedPairs(
  file: string,
  options: PairOptions,
  { detection: { adapter }, sorter: { bad } }: Pick<Scan, "detection" | "sorter">,
): AsyncGenerator<Parsed, void, undefined> {
  const refused = new Set(bad.map(placeOf));
  const sorter = new RecordSorter(adapter, options.ignore);
  const stream = openPairTable(file, options, []);
  for await (const record of gathered(stream, adapter)) {
    if (refused.has(placeOf(record))) continue;
    const pairs = sorter.read(record);
    for (const pair of pairs) if ("value" in record) yield { pair, record };
  }
}

/** What is done about pairs that come more than once. */
type Repeats = {
  /** Ids of pairs without their own, by their place among these, where content comes more than once. */
  readonly names: ReadonlyMap<number, string>;
  /** Rows whose id another has already. */
  readonly repeated: readonly BadRow[];
};

/** A second reading, where one is needed: numbers equal contents and finds the rows that repeat an id. */
async function resolveRepeats(file: string, options: PairOptions, scan: Scan): Promise<Repeats> {
  const { suspectIds, suspectContents, counter, watcher } = scan;
  const names = new Map<number, string>();
  const repeated: BadRow[] = [];
  if (suspectIds.size + suspectContents.size === 0) return { names, repeated };
  const placeOfId = new Map<string, string>();
  const equal = new Map<string, { place: number; order: string }[]>();
  let place = -1;
  for await (const { pair, record } of parsedPairs(file, options, scan)) {
    if (pair.id === undefined) {
      place++;
      const content = contentId(pair);
      if (!suspectContents.has(content)) continue;
      const group = equal.get(content) ?? [];
      equal.set(content, group);
      group.push({ place, order: repeatOrder(pair) });
    } else if (suspectIds.has(pair.id)) {
      const first = placeOfId.get(pair.id);
      if (first === undefined) placeOfId.set(pair.id, `${record.file}:${record.line}`);
      else {
        repeated.push(badRow(record, idTwice(pair.id, first)));
        counter.remove(pair);
        watcher.remove(pair);
      }
    }
  }
  for (const [content, group] of equal)
    for (const [n, one] of numberRepeats(group, ({ order }) => order).entries())
      names.set(one.place, n === 0 ? content : `${content}-${n + 1}`);
  return { names, repeated };
}
