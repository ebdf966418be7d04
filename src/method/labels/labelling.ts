/**
 * A labelling on disk. Whoever makes labels (label, combine, ask, a run's weak labels) writes the same folder here: the labels, the decided
 * ones as training rows, the held-out pairs that calibrated them, an ensemble's uncertainty, and how all of it was made.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { openFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { valueKind } from "../../base/files/value-file.ts";
import type { LabelledRow } from "../data/writers.ts";
import { chunksOf, type PairSource } from "../teacher/shards.ts";
import { teacherFactsSchema } from "../teacher/teacher-facts.ts";
import { UNCERTAINTY_FILE } from "./ensemble-scores.ts";
import { HELD_OUT, HELD_OUT_FILE } from "./held-out-file.ts";
import type { HeldOutPair } from "./human-answers.ts";
import type { Label } from "./label.ts";
import { serializeLabel } from "./label-file.ts";
import { LineWriter, openLabelWriter } from "./label-writer.ts";
import { labelCountsSchema, labelledRow, type WeightedLabel } from "./plan-labels.ts";
import { promisedSchema } from "./promise.ts";

/** Names of the files; `answers` and `teacherLabels` where people were asked. */
export const LABEL_FILES = {
  labels: "labels.jsonl",
  training: "training.jsonl",
  table: "training.parquet",
  card: "README.md",
  facts: "facts.json",
  heldOut: HELD_OUT_FILE,
  uncertainty: UNCERTAINTY_FILE,
  answers: "answers.jsonl",
  teacherLabels: "teacher-labels.jsonl",
} as const;

/** What every `facts.json` holds; each maker adds what it alone knows. */
export const labellingFactsSchema = z.object({
  /** The teacher that the labels name; null where a bare labels file did not say more of it. */
  teacher: teacherFactsSchema.nullable(),
  counts: labelCountsSchema,
  promise: promisedSchema.nullable(),
  /** What the labels were made from: calibrator, tie band, selection, weight, and the form of the scores where these are known. */
  settings: z.record(z.string(), z.unknown()),
});

/** The same as a value. */
export type LabellingFacts = Readonly<z.output<typeof labellingFactsSchema>>;

/** What is written. */
export type Labelling<F extends LabellingFacts> = {
  /** In the order of the pool. */
  readonly labels: AsyncIterable<WeightedLabel> | Iterable<WeightedLabel>;
  readonly pairs: PairSource;
  /** None: no file. */
  readonly heldOut?: readonly HeldOutPair[] | undefined;
  /** A file to be copied beside the labels. */
  readonly uncertainty?: string | undefined;
  /** Asked for when all pairs have been read. */
  readonly facts: () => F;
};

/**
 * Writes a labelling in one reading of labels and pool. Memory does not grow with the pool.
 * @returns the number of training rows; with none, there are no such files
 * @throws DataError when the pairs are not those that were labelled
 */
export async function writeLabelling<F extends LabellingFacts>(
  folder: string,
  { labels, pairs, heldOut, uncertainty, facts }: Labelling<F>,
): Promise<number> {
  const rows = await writeRows(folder, labels, pairs);
  if (heldOut !== undefined && heldOut.length > 0) await HELD_OUT.write(join(folder, HELD_OUT_FILE), heldOut);
  if (uncertainty !== undefined) await copyFile(uncertainty, join(folder, UNCERTAINTY_FILE));
  await writeJsonAtomic(join(folder, LABEL_FILES.facts), facts());
  return rows;
}

/** Reads the `facts.json` of a labelling. @param schema - of its maker @throws DataError when it is damaged, or of another version */
export const readLabellingFacts = <F extends LabellingFacts>(
  folder: string,
  schema: z.ZodType<F>,
): Promise<F> =>
  valueKind({ what: LABEL_FILES.facts, schema, fix: "Label again." }).read(join(folder, LABEL_FILES.facts));

async function writeRows(
  folder: string,
  labels: Labelling<LabellingFacts>["labels"],
  pairs: PairSource,
): Promise<number> {
  const file = await openFileAtomic(join(folder, LABEL_FILES.labels));
  const training = await openLabelWriter({
    jsonl: join(folder, LABEL_FILES.training),
    parquet: join(folder, LABEL_FILES.table),
    card: join(folder, LABEL_FILES.card),
  });
  const lines = new LineWriter(file);
  try {
    for await (const { label, row } of joinPairs(labels, pairs)) {
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
  all: Labelling<LabellingFacts>["labels"],
  pairs: PairSource,
): AsyncGenerator<Joined, void, undefined> {
  const labels = Symbol.asyncIterator in all ? all[Symbol.asyncIterator]() : all[Symbol.iterator]();
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
