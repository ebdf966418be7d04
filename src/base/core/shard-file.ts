/**
 * Shards on disk: lines of text, and a last line that says how many there are and what they add up to. A shard's file appears whole or
 * not at all, and what was damaged later is found when it is read.
 */
import { sha256 } from "./digest.ts";
import { DataError, messageOf } from "./errors.ts";
import { readText } from "./files.ts";

/** Most bytes of a shard's file. */
const MOST_BYTES = 256 * 2 ** 20;

/** The text of a shard: its lines, none of which may hold a newline, and the line that seals them. */
export function sealLines(lines: readonly string[]): string {
  const body = lines.map((line) => `${line}\n`).join("");
  return `${body}${JSON.stringify({ rows: lines.length, sha256: sha256(body) })}\n`;
}

/**
 * Reads a shard, at most 256 MiB.
 * @throws DataError when it is missing, cut short, or its checksum does not fit
 */
export async function readSealed(file: string): Promise<string[]> {
  return openSealed(await readText(file, MOST_BYTES), file);
}

/** The lines of a shard's text. @throws DataError as `readSealed` */
export function openSealed(text: string, file: string): string[] {
  const cut = text.lastIndexOf("\n", text.length - 2) + 1;
  const body = text.slice(0, cut);
  const end = parseSeal(text.slice(cut), file);
  if (end.sha256 !== sha256(body))
    throw new DataError(
      file,
      0,
      "is damaged: its checksum does not fit. Delete it and run the same command again.",
    );
  const lines = body.split("\n").slice(0, -1);
  if (end.rows !== lines.length)
    throw new DataError(file, 0, `is damaged, expected ${String(end.rows)} rows, got ${lines.length}.`);
  return lines;
}

function parseSeal(text: string, file: string): { rows?: unknown; sha256?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object") return value;
  } catch (error) {
    throw new DataError(
      file,
      0,
      `is damaged: its last line is not valid JSON: ${messageOf(error)}. Delete it and run the same command again.`,
      { cause: error },
    );
  }
  throw new DataError(
    file,
    0,
    `is damaged: its last line is no seal, expected an object, got ${text.slice(0, 80)}. Delete it and run the same command again.`,
  );
}
