/** Raw scores on disk: a sealed shard (`base/core/shard-file.ts`) of one JSON object per line. */
import { DataError, messageOf, show } from "../../base/core/errors.ts";
import { readSealed, sealLines } from "../../base/core/shard-file.ts";
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

/**
 * Reads a shard of scores, at most 256 MiB.
 * @throws DataError when it is missing, its checksum does not fit, or a line is not what `serializeScores` writes
 */
export async function readScoreFile(file: string): Promise<PairScore[]> {
  return scoresIn(await readSealed(file), file);
}

function scoresIn(lines: readonly string[], file: string): PairScore[] {
  return lines.map((line, i) => scoreOf(parseLine(line, file, i + 1), file, i + 1));
}

function parseLine(text: string, file: string, line: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object") return value as Record<string, unknown>;
  } catch (error) {
    throw new DataError(file, line, `is not valid JSON: ${messageOf(error)}.`, { cause: error });
  }
  throw new DataError(file, line, `is no score, expected an object, got ${text.slice(0, 80)}.`);
}

function scoreOf(row: Record<string, unknown>, file: string, line: number): PairScore {
  const wrong = (name: string, expected: string) =>
    new DataError(file, line, `"${name}" is wrong, expected ${expected}, got ${show(row[name])}.`);
  const score = (name: string) => {
    const value = row[name];
    if (value === null) return Number.NaN;
    if (typeof value !== "number") throw wrong(name, "a number or null");
    return value;
  };
  const count = (name: string) => {
    const value = row[name];
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(name, "a count");
    return value as number;
  };
  if (typeof row.id !== "string" || row.id === "") throw wrong("id", "a non-empty string");
  if (!isTexts(row.flags)) throw wrong("flags", "a list of words");
  if (row.parts !== undefined && !isParts(row.parts)) throw wrong("parts", "two numbers for each name");
  return {
    id: row.id,
    scoreA: score("score_a"),
    scoreB: score("score_b"),
    lengthA: count("length_a"),
    lengthB: count("length_b"),
    tokens: count("tokens"),
    flags: row.flags,
    ...(row.parts === undefined ? {} : { parts: row.parts }),
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isParts(value: unknown): value is Record<string, readonly [number, number]> {
  return (
    value !== null &&
    typeof value === "object" &&
    Object.values(value).every(
      (part: unknown) => Array.isArray(part) && part.length === 2 && part.every(Number.isFinite),
    )
  );
}
