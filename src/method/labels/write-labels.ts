/** Labels and training rows as files, from made labels and the pool they belong to. */
import { extname, join } from "node:path";
import { DataError } from "../../base/core/errors.ts";
import { openFileAtomic, writeFileAtomic } from "../../base/core/files.ts";
import { LineWriter, openLabelWriter } from "../data/label-writer.ts";
import { type LabelledRow, labelRecord, writeLabels } from "../data/writers.ts";
import { chunksOf, type PairSource } from "../teacher/shards.ts";
import type { Label } from "./label.ts";
import { serializeLabel } from "./label-file.ts";
import { type LabelPlan, labelledRow, type MadeLabels, type WeightedLabel } from "./plan-labels.ts";

/** Names of what `writeLabelling` writes. */
export const LABELLING_FILES = {
  labels: "labels.jsonl",
  training: "training.jsonl",
  table: "training.parquet",
} as const;

/**
 * Writes a labelling in one reading of scores and pool: all labels, and the decided ones as training rows in TRL's columns, as JSON Lines
 * and as Parquet. Memory does not grow with the pool.
 * @returns the number of training rows; with none, no such files are written
 * @throws DataError when the pairs are not those that were labelled
 */
export async function writeLabelling(folder: string, plan: LabelPlan, pairs: PairSource): Promise<number> {
  const file = await openFileAtomic(join(folder, LABELLING_FILES.labels));
  const training = await openLabelWriter({
    jsonl: join(folder, LABELLING_FILES.training),
    parquet: join(folder, LABELLING_FILES.table),
  });
  const lines = new LineWriter(file);
  try {
    for await (const { label, row } of joinPairs(plan.read(), pairs)) {
      await lines.add(serializeLabel(label));
      if (row !== undefined) await training.add(row);
    }
    await lines.flush();
    await file.commit();
    return await training.finish();
  } finally {
    await file.discard();
    await training.discard();
  }
}

type Joined = { readonly label: Label; readonly row: LabelledRow | undefined };

/** Labels with the training rows of their pairs. @throws DataError when the pairs are others, or in another order or number */
async function* joinPairs(
  labels: AsyncIterator<WeightedLabel, void>,
  pairs: PairSource,
): AsyncGenerator<Joined, void, undefined> {
  let at = 0;
  for await (const chunk of chunksOf(pairs, 1024)) {
    for (const pair of chunk) {
      const next = await labels.next();
      at++;
      if (next.done === true || next.value.label.id !== pair.id)
        throw otherPool(
          `pair ${at} is "${pair.id}", expected ${next.done === true ? `${at - 1} pairs` : `"${next.value.label.id}"`}. Label this pool`,
        );
      const { label, weight } = next.value;
      yield { label, row: labelledRow(pair, label, weight) };
    }
  }
  const rest = await labels.next();
  if (rest.done !== true) throw otherPool(`expected more than ${at} pairs`);
}

const otherPool = (why: string) => new DataError("pool", 0, `is not the one that was labelled: ${why}.`);

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
