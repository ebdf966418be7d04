/** Rows of an index with what the files say of them. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { pairOfRecord } from "../../../method/data/pool.ts";
import type { CandidatePair } from "../../../method/data/rows.ts";
import type { Label } from "../../../method/labels/label.ts";
import { parseLabel } from "../../../method/labels/label-file.ts";
import { LABEL_FILES } from "../../../method/labels/labelling.ts";
import { type LabelIndex, PREFERRED, type Preferred, UNSAID } from "./columns.ts";
import { lineAt } from "./lines.ts";

/** A label with its texts, as the file of texts has them: a and b whatever is preferred; null where there are none. */
export type ReadLabel = {
  readonly label: Label;
  readonly texts: { readonly prompt: unknown; readonly a: unknown; readonly b: unknown } | null;
  /** What a person said, and what the teacher itself said where the label is a person's. */
  readonly human: Preferred | null;
  readonly own: Preferred | null;
};

/** Reads one row. @throws DataError for a line that is no label any more */
export async function readLabelRow(folder: string, index: LabelIndex, row: number): Promise<ReadLabel> {
  const file = join(folder, LABEL_FILES.labels);
  const label = parseLabel(await lineAt(file, index.lines[row]!), file, row + 1);
  const at = index.texts[row]!;
  const record =
    at < 0 ? null : (JSON.parse(await lineAt(index.textFile.path, at)) as Readonly<Record<string, unknown>>);
  return {
    label,
    texts: record && textsOf(record, index, label),
    human: wordOf(index.human[row]!),
    own: wordOf(index.own[row]!),
  };
}

/** A row's pair as labelling reads it, of a run's pool; undefined where texts are training rows, or there are none. */
export async function readPoolPair(index: LabelIndex, row: number): Promise<CandidatePair | undefined> {
  const at = index.texts[row]!;
  if (index.textFile.kind !== "pool" || at < 0) return undefined;
  return pairOfRecord(JSON.parse(await lineAt(index.textFile.path, at)) as Readonly<Record<string, unknown>>);
}

const wordOf = (place: number): Preferred | null => (place === UNSAID ? null : PREFERRED[place]!);

function textsOf(record: Readonly<Record<string, unknown>>, { textFile }: LabelIndex, { preferred }: Label) {
  const { prompt, response_a, response_b, chosen, rejected } = record;
  if (textFile.kind === "pool") return { prompt, a: response_a, b: response_b };
  return preferred === "b" ? { prompt, a: rejected, b: chosen } : { prompt, a: chosen, b: rejected };
}

/** The ids of rows, one after the other, whatever their order. */
export async function* idsOfRows(
  folder: string,
  { lines }: LabelIndex,
  rows: Iterable<number>,
): AsyncGenerator<string, void, undefined> {
  const path = join(folder, LABEL_FILES.labels);
  const file = await open(path, "r");
  try {
    for (const row of rows) {
      const size = lines[row + 1]! - lines[row]!;
      const { buffer } = await file.read(Buffer.alloc(size), 0, size, lines[row]!);
      yield parseLabel(buffer.toString("utf8").trim(), path, row + 1).id;
    }
  } finally {
    await file.close();
  }
}
