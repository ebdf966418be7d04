/** Labels, their pool and questions about it, made of nothing: no model is needed where people answer. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { labelFromScores } from "../../src/method/labels/label.ts";
import { serializeLabel } from "../../src/method/labels/label-file.ts";
import { openLabelSet } from "../../src/pipeline/label/open-labels.ts";
import { writeQuestions } from "../../src/pipeline/label/write-questions.ts";

/** A pair of the pool, as a line of its file. */
export type TinyPair = {
  readonly id: string;
  readonly prompt: string;
  readonly response_a: string;
  readonly response_b: string;
};

/** Where things lie. */
export type TinyQuestions = { readonly labels: string; readonly pool: string; readonly questions: string };

/** Pairs that differ in every text. */
export const tinyPairs = (count: number): TinyPair[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `r${i}`,
    prompt: `question ${i}: how does one fold a paper boat?`,
    response_a: `first answer to ${i}\n${"Fold it in half, then again. ".repeat(1 + (i % 5))}`,
    response_b: `other answer to ${i}\nOne does not.`,
  }));

/**
 * Writes `labels`, `pool.jsonl` and `questions` into a folder; the teacher is unsure of every pair.
 * @param budget - most questions, default all pairs
 */
export async function writeTinyQuestions(
  folder: string,
  pairs: readonly TinyPair[],
  budget = pairs.length,
): Promise<TinyQuestions> {
  const [labels, pool, questions] = [
    join(folder, "labels"),
    join(folder, "pool.jsonl"),
    join(folder, "questions"),
  ];
  await mkdir(labels, { recursive: true });
  const lines = pairs.map(({ id }, i) =>
    serializeLabel(
      labelFromScores({ id, scoreA: (i % 7) / 100, scoreB: 0.03, teacher: "tiny-teacher" }, { tieBand: 1 }),
    ),
  );
  await writeFile(join(labels, "labels.jsonl"), lines.map((line) => `${line}\n`).join(""));
  await writeFile(pool, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(""));
  await writeQuestions(await openLabelSet(labels, pool), { budget, out: questions });
  return { labels, pool, questions };
}
