/** Works out which known shape a file has, and says so in words and in three rows. */
import { DataError, listed } from "../../base/core/errors.ts";
import { nearest } from "../../base/core/suggest.ts";
import type { RawRecord } from "../../base/files/record.ts";
import { type Adapter, type ParsedPair, TOGETHER } from "./adapters/adapter.ts";
import { ADAPTERS } from "./adapters/index.ts";
import { withoutIgnored } from "./ignore.ts";
import { parseRecord } from "./parse-record.ts";
import { plainText, type Text } from "./rows.ts";
import { joined } from "./together.ts";

/** One row as it was understood, shortened for reading. */
export type PreviewRow = {
  readonly line: number;
  readonly prompt: string;
  readonly first: string;
  readonly second: string;
  readonly preferred: ParsedPair["preferred"];
};

/** The shape that was found, why, and up to three rows read with it. */
export type Detection = {
  readonly adapter: Adapter;
  readonly why: string;
  readonly preview: readonly PreviewRow[];
};

/** Among which shapes to look, what to leave out, and what the reader took the file for. */
export type DetectOptions = {
  readonly adapters?: readonly Adapter[] | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly notes?: readonly string[];
};

/**
 * Takes the adapter that fits most of the first records (at least half; the more telling one among equals), so that a bad
 * row among them is reported as a row, not as an unknown format.
 * @throws DataError when none fits, naming the columns found and every shape that is known; when several fit that read different columns; or when
 *   one fits and its labels may yet mean something else
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
  const doubt = best.adapter.doubt?.(records);
  if (doubt !== undefined) throw new DataError(records[0]!.file, 0, doubt);
  return { adapter: best.adapter, why, preview: previewRows(records, best.adapter, ignore) };
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

/** Up to three rows as an adapter reads them; rows it cannot read are passed over. */
export function previewRows(
  records: readonly RawRecord[],
  adapter: Adapter,
  ignore?: readonly string[],
): PreviewRow[] {
  const rows: PreviewRow[] = [];
  for (const { line, value } of previewed(records, adapter)) {
    if (rows.length === 3) break;
    const parsed = attempt(() => parseRecord(adapter, value, ignore));
    if (parsed === undefined || "leaveOut" in parsed || parsed.pairs[0] === undefined) continue;
    const { prompt, first, second, preferred } = parsed.pairs[0];
    rows.push({
      line,
      prompt: shorten(prompt, "end"),
      first: shorten(first),
      second: shorten(second),
      preferred,
    });
  }
  return rows;
}

/** The records as the adapter is given them. */
function previewed(records: readonly RawRecord[], { together }: Adapter): readonly RawRecord[] {
  if (together === undefined) return records;
  const groups: RawRecord[][] = [];
  for (const record of records) {
    const last = groups.at(-1);
    if (last !== undefined && together(last[0]!.value) === together(record.value)) last.push(record);
    else groups.push([record]);
  }
  return groups.map(joined);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** One line of at most 72 characters: the front of a response, the end of a prompt. */
function shorten(text: Text, keep: "front" | "end" = "front"): string {
  const characters = [...JSON.stringify(plainText(text).slice(0, 100_000)).slice(1, -1)];
  if (characters.length <= 72) return characters.join("");
  return keep === "front" ? `${characters.slice(0, 71).join("")}…` : `…${characters.slice(-71).join("")}`;
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
