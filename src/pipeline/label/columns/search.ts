/**
 * Search in texts, streamed from the files: no index of texts is kept. Bytes are looked through as they come, without telling capitals; a row in
 * which they are found is parsed and looked at once more, so that names of fields and halves of characters are no hits.
 */
import { open } from "node:fs/promises";
import type { LabelIndex } from "./columns.ts";

/** A search as it goes on. */
export interface LabelSearch {
  /** 1 for each row that was found. */
  readonly rows: Uint8Array;
  readonly found: number;
  /** Share of the file that was looked through; 1 at the end. */
  readonly share: number;
  /** What went wrong. */
  readonly failure: unknown;
  stop(): void;
  readonly done: Promise<void>;
}

const CHUNK_BYTES = 2 ** 20;

/** Starts a search. @param text - what to look for in prompts and responses, capitals or not */
export function searchTexts(index: LabelIndex, text: string): LabelSearch {
  const rows = new Uint8Array(index.rows);
  const state = { found: 0, share: 0, failure: undefined as unknown, isStopped: false };
  const work = async () => {
    for await (const [row, share] of hits(index, text)) {
      if (state.isStopped) return;
      state.share = share;
      if (row === undefined) continue;
      rows[row] = 1;
      state.found++;
    }
    state.share = 1;
  };
  const done = work().catch((error: unknown) => {
    state.failure = error;
    state.share = 1;
  });
  return {
    rows,
    get found() {
      return state.found;
    },
    get share() {
      return state.share;
    },
    get failure() {
      return state.failure;
    },
    stop() {
      state.isStopped = true;
    },
    done,
  };
}

/** Rows with the text, and after each chunk how far it is. */
async function* hits(
  index: LabelIndex,
  text: string,
): AsyncGenerator<readonly [row: number | undefined, share: number], void, undefined> {
  const starts = rowStarts(index);
  if (starts.rows.length === 0) return;
  const needle = plainPart(text);
  const wanted = text.toLowerCase();
  const file = await open(index.textFile.path, "r");
  try {
    const { size } = await file.stat();
    let pending = Buffer.alloc(0);
    for (let at = 0; at < size; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at);
      if (bytesRead === 0) break;
      const base = at - pending.length;
      const bytes = Buffer.concat([pending, buffer.subarray(0, bytesRead)]);
      at += bytesRead;
      const end = at >= size ? bytes.length : bytes.lastIndexOf(10) + 1;
      // Lower case by bytes changes bytes beyond ASCII, too, and in the same way on both sides: no hit is missed.
      for (const line of linesWith(bytes.toString("latin1", 0, end).toLowerCase(), needle)) {
        const row = starts.rowAt(base + line.start);
        if (row !== undefined && holds(bytes.toString("utf8", line.start, line.end), wanted))
          yield [row, at / size];
      }
      pending = bytes.subarray(end);
      yield [undefined, Math.min(0.999, at / size)];
    }
  } finally {
    await file.close();
  }
}

/**
 * The longest part of a text whose bytes tell no capitals once those of ASCII are made small, as it stands in the file, each byte a character. A
 * line without it does not hold the text. Empty where there is no such part: then each line is parsed.
 */
function plainPart(text: string): string {
  const parts = [...JSON.stringify(text).slice(1, -1)].reduce<string[]>(
    (all, letter) => {
      const isPlain = letter <= "\u007f" || letter.toLowerCase() === letter.toUpperCase();
      if (isPlain) all.push((all.pop() ?? "") + letter);
      else all.push("");
      return all;
    },
    [""],
  );
  const longest = parts.reduce((most, part) => (part.length > most.length ? part : most));
  return Buffer.from(longest).toString("latin1").toLowerCase();
}

/** Lines that hold the needle, each once, by where they begin and end. */
function* linesWith(
  text: string,
  needle: string,
): Generator<{ readonly start: number; readonly end: number }> {
  for (let hit = text.indexOf(needle); hit >= 0; ) {
    const start = text.lastIndexOf("\n", hit) + 1;
    const next = text.indexOf("\n", hit);
    const end = next < 0 ? text.length : next;
    yield { start, end };
    if (end >= text.length - 1) return;
    hit = text.indexOf(needle, end + 1);
  }
}

const FIELDS = ["prompt", "chosen", "rejected", "response_a", "response_b"];

function holds(line: string, wanted: string): boolean {
  const row = JSON.parse(line) as Readonly<Record<string, unknown>>;
  return FIELDS.some((name) => textHolds(row[name], wanted));
}

function textHolds(text: unknown, wanted: string): boolean {
  if (typeof text === "string") return text.toLowerCase().includes(wanted);
  return (
    Array.isArray(text) && text.some((turn: { content?: unknown } | null) => textHolds(turn?.content, wanted))
  );
}

/** The rows that have texts, by where these begin, which grows with the row. */
function rowStarts({ texts, rows }: LabelIndex) {
  const withTexts = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row++) if (texts[row]! >= 0) withTexts[count++] = row;
  const list = withTexts.subarray(0, count);
  return {
    rows: list,
    rowAt(start: number): number | undefined {
      let [low, high] = [0, list.length - 1];
      while (low <= high) {
        const middle = (low + high) >> 1;
        const there = texts[list[middle]!]!;
        if (there === start) return list[middle];
        if (there < start) low = middle + 1;
        else high = middle - 1;
      }
      return undefined;
    },
  };
}
