/** Works out which known shape a file has, and says so in words. */
import { DataError, listed } from "../../base/core/errors.ts";
import { nearest } from "../../base/core/suggest.ts";
import type { RawRecord } from "../../base/files/record.ts";
import { type Adapter, TOGETHER } from "./adapters/adapter.ts";
import { ADAPTERS } from "./adapters/index.ts";
import { withoutIgnored } from "./ignore.ts";

/** The shape that was found, and why. */
export type Detection = { readonly adapter: Adapter; readonly why: string };

/** Among which shapes to look, what to leave out, and what the reader took the file for. */
export type DetectOptions = {
  readonly adapters?: readonly Adapter[] | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly notes?: readonly string[];
};

/**
 * Takes the adapter that fits most of the first records (at least half; the more telling one among equals), so that a bad
 * row among them is reported as a row, not as an unknown format.
 * @throws DataError when none fits, naming the columns found and every shape that is known; or when several fit that read different columns
 */
export function detectFormat(
  found: readonly RawRecord[],
  { adapters = ADAPTERS, ignore = [], notes = [] }: DetectOptions = {},
): Detection {
  const records = found.map((record) => ({ ...record, value: withoutIgnored(record.value, ignore).value }));
  const counts = adapters.map((adapter) => ({
    adapter,
    why: records.map((record) => adapter.matches(record)).filter((why) => why !== undefined),
  }));
  const best = counts.reduce((a, b) => (b.why.length > a.why.length ? b : a));
  const rivals = counts.filter(
    ({ adapter, why }) => why.length === best.why.length && isRival(adapter, best.adapter, records),
  );
  const [why] = best.why;
  if (why === undefined || best.why.length * 2 < records.length)
    throw unknownFormat(records, notes, adapters);
  if (rivals.length > 0) throw ambiguous(records, [best.adapter, ...rivals.map(({ adapter }) => adapter)]);
  return { adapter: best.adapter, why };
}

/** What a shape reads of the records beside names and parts. */
function columnsRead(adapter: Adapter, records: readonly RawRecord[]): Set<string> {
  return new Set(
    records.flatMap(({ value }) =>
      Object.entries(adapter.uses(value))
        .map(([path, as]) => ({ as, column: path.replace(`${TOGETHER}.`, "").split(".")[0]! }))
        .filter(({ as, column }) => column in value && as !== "id" && as !== "part of the data")
        .map(({ column }) => column),
    ),
  );
}

/** Reads something that the best shape does not: which of the two is meant is not for us to say. A pool nobody judged is no rival of what somebody did. */
function isRival(adapter: Adapter, best: Adapter, records: readonly RawRecord[]): boolean {
  if (adapter === best || adapter.unlabelled === true) return false;
  const mine = columnsRead(best, records);
  return [...columnsRead(adapter, records)].some((column) => !mine.has(column));
}

function ambiguous(records: readonly RawRecord[], adapters: readonly Adapter[]): DataError {
  const [first] = records;
  const candidates = adapters.map(
    (adapter) => `  --format ${adapter.name}: reads ${listed([...columnsRead(adapter, records)])}`,
  );
  return new DataError(
    first?.file ?? "data",
    first?.line ?? 0,
    `fits several shapes that read different columns. Name one with --format, or the columns with --map:\n${candidates.join("\n")}`,
  );
}

function unknownFormat(
  records: readonly RawRecord[],
  notes: readonly string[],
  adapters: readonly Adapter[],
): DataError {
  const [first] = records;
  const columns = Object.keys(first?.value ?? {});
  const shapes = adapters.map((adapter) => `  ${adapter.name}: ${adapter.shape}`).join("\n");
  return new DataError(
    first?.file ?? "data",
    first?.line ?? 0,
    `columns ${columns.join(", ").slice(0, 300) || "(none)"} fit no known shape.${missingHint(columns)}${notes.map((note) => ` Note: ${note}.`).join("")} Name the columns with --map prompt=…,chosen=…,rejected=… (or prompt=…,a=…,b=…,label=…,values=1:a;2:b;0:tie where a column says which is better, also label=anna;ben for several people; without label for an unlabelled pool), or the shape with --format. Known shapes:\n${shapes}`,
  );
}

/** "rejected" is missing although its companions are there. */
function missingHint(columns: readonly string[]): string {
  const wanted = ["chosen", "rejected"].filter((name) => !columns.includes(name));
  if (wanted.length !== 1) return "";
  const like = nearest(wanted[0]!, columns);
  return ` "${wanted[0]}" is missing${like === undefined ? "" : `; did you mean the column "${like}"?`}.`;
}
