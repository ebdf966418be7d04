/** Reads a folder of labels into columns, once. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, messageOf } from "../../../base/core/errors.ts";
import { exists } from "../../../base/core/files.ts";
import type { Label } from "../../../method/labels/label.ts";
import { parseLabel } from "../../../method/labels/label-file.ts";
import { LABEL_FILES } from "../../../method/labels/labelling.ts";
import { type Beside, lookBeside, readWords, type Words } from "./beside.ts";
import { type Columns, emptyColumns, type LabelIndex, PREFERRED, type TextFile, UNSAID } from "./columns.ts";
import { linesOf } from "./lines.ts";

const MOST_FLAGS = 32;
const MOST_SOURCES = 250;

/**
 * Reads labels, training rows and what lies beside them.
 * @param onProgress - told now and then the share of `labels.jsonl` that is read
 * @throws DataError for a line that is no label, a row of texts without an id, for more than 32 kinds of flags or 250 sources
 */
export async function indexLabels(
  folder: string,
  {
    beside,
    onProgress = () => {},
  }: { readonly beside?: Beside; readonly onProgress?: (share: number) => void } = {},
): Promise<LabelIndex> {
  const found = beside ?? (await lookBeside(folder));
  const words = await readWords(folder, found);
  const file = join(folder, LABEL_FILES.labels);
  const bytes = Math.max(1, (await stat(file)).size);
  const training = follower(join(folder, LABEL_FILES.training), "training");
  const pool = found.textFile.kind === "pool" ? follower(found.textFile.path, "pool") : undefined;
  const names = { flags: [] as string[], sources: [] as string[] };
  const units = new Map<string, number>();
  const grow = growing();
  let told = 0;
  for await (const { text, start, end, line } of linesOf(file)) {
    const label = parseLabel(text, file, line);
    const trained = await training.take(label.id);
    const texts = pool === undefined ? trained : await pool.take(label.id);
    grow.add({
      ...columnsOf(label, words, texts),
      ...{ start, end, trained: trained === undefined ? 0 : 1 },
      flags: bitsOf(label, names.flags, file, line),
      source: placeOf(label.teacher, names.sources, file, line),
      unit: words.human.has(label.id) ? numberOf(texts?.prompt ?? label.id, units) : 0,
    });
    if (end - told < bytes / 100) continue;
    told = end;
    onProgress(end / bytes);
  }
  await Promise.all([training.close(), pool?.close()]);
  const { rows, columns } = grow;
  return {
    ...{ ...columns(), rows: rows(), units: units.size },
    ...{ flagNames: names.flags, sourceNames: names.sources, textFile: found.textFile },
    marginReach: reachOf(columns().margin, rows()),
    gapReach: reachOf(columns().gap, rows()),
  };
}

function columnsOf(label: Label, { human, own }: Words, texts: TextRow | undefined) {
  const { id, preferred, pA, margin } = label;
  const [said, itself] = [human.get(id), own.get(id)];
  const isSided = preferred === "a" || preferred === "b";
  // Training rows name the preferred response first, the pool has a first.
  const flip = texts?.kind === "pool" && preferred === "b" ? -1 : 1;
  return {
    preferred: PREFERRED.indexOf(preferred),
    p: Math.max(pA, 1 - pA),
    margin: Number.isFinite(margin) ? margin : Number.NaN,
    gap: texts === undefined || !isSided ? Number.NaN : flip * texts.gap,
    human: said === undefined ? UNSAID : PREFERRED.indexOf(said),
    own: itself === undefined ? UNSAID : PREFERRED.indexOf(itself),
    texts: texts?.start ?? -1,
  };
}

function bitsOf({ flags }: Label, names: string[], file: string, line: number): number {
  let bits = 0;
  for (const flag of flags) {
    let at = names.indexOf(flag);
    if (at < 0) at = names.push(flag) - 1;
    if (at >= MOST_FLAGS)
      throw new DataError(
        file,
        line,
        `has the flag ${flag}, one more than the ${MOST_FLAGS} kinds that are indexed.`,
      );
    bits |= 1 << at;
  }
  return bits >>> 0;
}

function placeOf(source: string, names: string[], file: string, line: number): number {
  const at = names.indexOf(source);
  if (at >= 0) return at;
  if (names.length === MOST_SOURCES)
    throw new DataError(file, line, `has one more label_source than the ${MOST_SOURCES} that are indexed.`);
  return names.push(source) - 1;
}

function numberOf(prompt: string, units: Map<string, number>): number {
  const known = units.get(prompt) ?? units.size;
  units.set(prompt, known);
  return known;
}

type Row = Readonly<Record<Exclude<keyof Columns, "lines">, number>> & {
  readonly start: number;
  readonly end: number;
};

/** Columns that double when they are full. */
function growing() {
  let size = 1024;
  let rows = 0;
  let columns = emptyColumns(size);
  return {
    rows: () => rows,
    add({ start, end, ...row }: Row): void {
      if (rows === size) {
        size *= 2;
        const larger = emptyColumns(size);
        for (const name of Object.keys(columns) as (keyof Columns)[]) larger[name].set(columns[name]);
        columns = larger;
      }
      columns.lines[rows] = start;
      columns.lines[rows + 1] = end;
      for (const name in row) columns[name as keyof typeof row][rows] = row[name as keyof typeof row];
      rows++;
    },
    columns: () => columns,
  };
}

/** How far the absolute values go that 99 % of the rows keep within. */
function reachOf(column: Float32Array, rows: number): number {
  const values = column.slice(0, rows).map(Math.abs).filter(Number.isFinite).sort();
  return values[Math.min(values.length - 1, Math.floor(0.99 * values.length))] ?? 0;
}

/** What a line of texts says: where it begins, which prompt, and by how many characters its first response is longer. */
type TextRow = {
  readonly id: string;
  readonly kind: TextFile["kind"];
  readonly start: number;
  readonly prompt: string;
  readonly gap: number;
};

/** Rows of texts, which stand in the labels' order and may lack some. A row that is not the next is not found. */
function follower(path: string, kind: TextFile["kind"]) {
  const rows = textRows(path, kind);
  let next: TextRow | undefined;
  let begun = false;
  return {
    async take(id: string): Promise<TextRow | undefined> {
      if (!begun) next = (await rows.next()).value;
      begun = true;
      if (next?.id !== id) return undefined;
      const found = next;
      next = (await rows.next()).value;
      return found;
    },
    close: () => rows.return(undefined),
  };
}

const MADE_AGAIN = "Have the labels made again.";

function jsonOf(text: string, path: string, line: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(path, line, `is not valid JSON: ${messageOf(error)}. ${MADE_AGAIN}`, {
      cause: error,
    });
  }
}

async function* textRows(
  path: string,
  kind: TextFile["kind"],
): AsyncGenerator<TextRow, undefined, undefined> {
  if (!(await exists(path))) return;
  const [first, second] = kind === "pool" ? ["response_a", "response_b"] : ["chosen", "rejected"];
  for await (const { text, start, line } of linesOf(path)) {
    const row = jsonOf(text, path, line) as Readonly<Record<string, unknown>> | null;
    // Left out, it would leave its label without texts, and nobody would know.
    if (typeof row?.["id"] !== "string")
      throw new DataError(path, line, `has no id, expected one in every row. ${MADE_AGAIN}`);
    const prompt = typeof row["prompt"] === "string" ? row["prompt"] : JSON.stringify(row["prompt"]);
    const gap = lengthOf(row[first!]) - lengthOf(row[second!]);
    yield { id: row["id"], kind, start, prompt, gap };
  }
}

/** Characters of a text, or of what is said in the turns of a conversation. */
function lengthOf(text: unknown): number {
  if (typeof text === "string") return text.length;
  if (!Array.isArray(text)) return 0;
  return text.reduce((sum: number, turn: unknown) => {
    const content = (turn as { content?: unknown } | null)?.content;
    return sum + (typeof content === "string" ? content.length : 0);
  }, 0);
}
