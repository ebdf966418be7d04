/** Answers kept on disk under a digest of all that they depend on, so that nothing is asked twice, in this run or the next. */
import { join } from "node:path";
import { digestOf } from "../../../base/core/digest.ts";
import { DataError, InterruptedError } from "../../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../../base/core/files.ts";

/** Answers computed between two looks at the disk and at the signal. */
const CHUNK = 32;

/**
 * Answers in the order of the keys: kept ones as they are, the others computed a few at a time and kept.
 * @param keys - what an answer depends on, plain JSON
 * @param compute - answers of some of the keys, by their indices
 * @throws DataError when a kept file holds something else; InterruptedError when `signal` fires, with all answers so far kept
 */
export async function keptAnswers<T>(
  folder: string,
  keys: readonly unknown[],
  isAnswer: (value: unknown) => value is T,
  compute: (indices: readonly number[]) => Promise<readonly T[]>,
  signal?: AbortSignal,
): Promise<T[]> {
  const files = keys.map((key) => fileOf(folder, key));
  const answers: (T | undefined)[] = await Promise.all(files.map((file) => readKept(file, isAnswer)));
  const missing = answers.flatMap((answer, i) => (answer === undefined ? [i] : []));
  for (let at = 0; at < missing.length; at += CHUNK) {
    if (signal?.aborted) throw new InterruptedError("judge");
    const indices = missing.slice(at, at + CHUNK);
    const computed = await compute(indices);
    for (const [i, index] of indices.entries()) {
      await writeJsonAtomic(files[index]!, computed[i]);
      answers[index] = computed[i]!;
    }
  }
  return answers as T[];
}

function fileOf(folder: string, key: unknown): string {
  const digest = digestOf(key);
  return join(folder, digest.slice(0, 2), `${digest}.json`);
}

async function readKept<T>(file: string, isAnswer: (value: unknown) => value is T): Promise<T | undefined> {
  if (!(await exists(file))) return undefined;
  const value = await readJson(file, 2 ** 20);
  if (!isAnswer(value)) throw new DataError(file, 0, "is no answer of a judge. Delete it.");
  return value;
}
