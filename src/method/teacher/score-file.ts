/** Raw scores on disk: a sealed shard (`base/core/shard-file.ts`) of one JSON object per line. */
import { z } from "zod";
import { readSealed, sealLines } from "../../base/core/shard-file.ts";
import { rowReader } from "../../base/files/row-file.ts";
import type { PairScore } from "./teacher.ts";

/** A shard of scores as text, its checksum line at the end. Scores of no usable answer are null. */
export function serializeScores(scores: readonly PairScore[]): string {
  return sealLines(scores.map((score) => JSON.stringify(record(score))));
}

function record({ scoreA, scoreB, lengthA, lengthB, parts, ...rest }: PairScore) {
  const number = (value: number) => (Number.isFinite(value) ? value : null);
  const { id, tokens, flags } = rest;
  return {
    id,
    score_a: number(scoreA),
    score_b: number(scoreB),
    length_a: lengthA,
    length_b: lengthB,
    tokens,
    flags,
    ...(parts ? { parts } : {}),
  };
}

const score = z.number().nullable();
const count = z.int().nonnegative();
const SCORES = rowReader<PairScore>({
  what: "score",
  schema: z
    .object({
      id: z.string().min(1),
      score_a: score,
      score_b: score,
      length_a: count,
      length_b: count,
      tokens: count,
      flags: z.array(z.string()),
      parts: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
    })
    .transform(
      (row): PairScore => ({
        id: row.id,
        scoreA: row.score_a ?? Number.NaN,
        scoreB: row.score_b ?? Number.NaN,
        lengthA: row.length_a,
        lengthB: row.length_b,
        tokens: row.tokens,
        flags: row.flags,
        ...(row.parts && { parts: row.parts }),
      }),
    ),
  fix: "Remove the shard; its pairs are scored again.",
});

/**
 * Reads a shard of scores, at most 256 MiB.
 * @throws DataError when it is missing, its checksum does not fit, or a line is not what `serializeScores` writes
 */
export const readScoreFile = async (file: string): Promise<PairScore[]> =>
  (await readSealed(file)).map((line, i) => SCORES.parse(line, file, i + 1));
