/** Labels and training rows as files, from made labels and the pool they belong to. */
import { extname } from "node:path";
import { DataError } from "../core/errors.ts";
import { writeFileAtomic } from "../core/files.ts";
import { type LabelledRow, labelRecord, writeLabels } from "../data/writers.ts";
import type { Label } from "./label.ts";
import { serializeLabel } from "./label-file.ts";
import { labelledRow, type MadeLabels } from "./make-labels.ts";
import { chunksOf, type PairSource } from "./shards.ts";

/** Writes all labels, ties and abstentions too, one JSON object per line (`label-file.ts`). */
export async function writeLabelFile(file: string, labels: readonly Label[]): Promise<void> {
  await writeFileAtomic(file, textChunks(labels, serializeLabel));
}

/**
 * Writes the decided labels as training rows in TRL's columns, to `.jsonl` (streamed: memory does not grow with the pool's text) or
 * `.parquet`.
 * @returns the number of rows; with none, nothing is written
 * @throws DataError when the pairs are not those that were labelled; ConfigError for another extension
 */
export async function writeTrainingRows(
  file: string,
  made: Pick<MadeLabels, "labels" | "weights">,
  pairs: PairSource,
): Promise<number> {
  const rows = made.labels.filter(({ preferred }) => preferred === "a" || preferred === "b").length;
  if (rows === 0) return 0;
  if (extname(file) === ".jsonl") await writeFileAtomic(file, jsonChunks(trainingRows(made, pairs)));
  else {
    const all: LabelledRow[] = [];
    for await (const row of trainingRows(made, pairs)) all.push(row);
    await writeLabels(file, all);
  }
  return rows;
}

/**
 * The training rows of decided labels, in the pool's order.
 * @throws DataError when the pairs are not those that were labelled, in number or in order
 */
export async function* trainingRows(
  { labels, weights }: Pick<MadeLabels, "labels" | "weights">,
  pairs: PairSource,
): AsyncGenerator<LabelledRow, void, undefined> {
  let at = 0;
  for await (const chunk of chunksOf(pairs, 1024)) {
    for (const pair of chunk) {
      const label = labels[at];
      if (label?.id !== pair.id)
        throw new DataError(
          "pool",
          0,
          `is not the one that was labelled: pair ${at + 1} is "${pair.id}", expected ${label === undefined ? `${labels.length} pairs` : `"${label.id}"`}. Label this pool.`,
        );
      const row = labelledRow(pair, label, weights[at]!);
      at++;
      if (row !== undefined) yield row;
    }
  }
  if (at !== labels.length)
    throw new DataError(
      "pool",
      0,
      `is not the one that was labelled, expected ${labels.length} pairs, got ${at}.`,
    );
}

const CHUNK = 2 ** 20;

function* textChunks<T>(items: Iterable<T>, line: (item: T) => string): Generator<Uint8Array> {
  let text = "";
  for (const item of items) {
    text += `${line(item)}\n`;
    if (text.length < CHUNK) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}

async function* jsonChunks(rows: AsyncIterable<LabelledRow>): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const row of rows) {
    text += `${JSON.stringify(labelRecord(row))}\n`;
    if (text.length < CHUNK) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}
