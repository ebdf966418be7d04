/**
 * An index kept beside a folder of labels, in `.NAME.columns`: opening it again reads one file. It counts as long as every file it was made of has
 * the size, the time and the samples that it had; digests of all bytes would take longer than making it anew.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { digestOf, sha256 } from "../../../base/core/digest.ts";
import { writeFileAtomic } from "../../../base/core/files.ts";
import type { Beside } from "./beside.ts";
import { COLUMNS, type ColumnName, type Columns, elementsOf, type LabelIndex } from "./columns.ts";

/** Raised when what a column holds changes. */
const FORMAT = "weak-teacher columns 1\n";
/** Samples of a file: so many pieces of so many bytes, from its beginning to its end. */
const SAMPLES = 16;
const SAMPLE_BYTES = 2 ** 16;

/** Where the index of a folder is kept. */
export const keptFile = (folder: string): string => join(dirname(folder), `.${basename(folder)}.columns`);

/** What all files of an index are, as one digest; a file that is not there counts as that. */
export async function stampOf({ files }: Beside): Promise<string> {
  return digestOf(await Promise.all(files.map(fileStamp)));
}

async function fileStamp(path: string): Promise<readonly (string | number)[]> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return [path, "absent"];
  const file = await open(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let k = 0; k < SAMPLES; k++) {
      const at = Math.floor((k / (SAMPLES - 1)) * Math.max(0, info.size - SAMPLE_BYTES));
      const { bytesRead, buffer } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, at);
      pieces.push(buffer.subarray(0, bytesRead));
    }
    return [path, info.size, info.mtimeMs, sha256(Buffer.concat(pieces))];
  } finally {
    await file.close();
  }
}

const headerSchema = z.object({
  stamp: z.string(),
  rows: z.number().int().min(0),
  units: z.number().int().min(0),
  flagNames: z.array(z.string()),
  sourceNames: z.array(z.string()),
  marginReach: z.number(),
  gapReach: z.number(),
  textFile: z.object({ path: z.string(), kind: z.enum(["pool", "training"]) }),
});
const NAMES = Object.keys(COLUMNS) as ColumnName[];

/** Writes an index. @throws AlignError when its folder cannot be written */
export async function writeKept(folder: string, index: LabelIndex, stamp: string): Promise<void> {
  const { rows, units, flagNames, sourceNames, marginReach, gapReach, textFile } = index;
  const header = { stamp, rows, units, flagNames, sourceNames, marginReach, gapReach, textFile };
  const text = `${FORMAT}${JSON.stringify(header)}\n`;
  // The columns begin at a multiple of eight bytes.
  const padded = Buffer.from(`${text}${" ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8)}`);
  const size = Buffer.alloc(8);
  size.writeDoubleLE(padded.length);
  const bytes = NAMES.map((name) => {
    const part = index[name].subarray(0, elementsOf(name, rows));
    return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  });
  await writeFileAtomic(keptFile(folder), [size, padded, ...bytes]);
}

/** Reads an index that was kept; undefined where there is none, or it is of other files, another version, or not whole. */
export async function readKept(folder: string, stamp: string): Promise<LabelIndex | undefined> {
  const file = await open(keptFile(folder), "r").catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    return await readColumns(file, stamp);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

async function readColumns(file: FileHandle, stamp: string): Promise<LabelIndex | undefined> {
  const { size } = await file.stat();
  const head = (await file.read(Buffer.alloc(8), 0, 8, 0)).buffer.readDoubleLE();
  if (!(head > FORMAT.length && head <= Math.min(size, 2 ** 20))) return undefined;
  const text = (await file.read(Buffer.alloc(head), 0, head, 8)).buffer.toString("utf8");
  if (!text.startsWith(FORMAT)) return undefined;
  const header = headerSchema.parse(JSON.parse(text.slice(FORMAT.length)));
  const bytes = NAMES.reduce(
    (sum, name) => sum + elementsOf(name, header.rows) * COLUMNS[name].BYTES_PER_ELEMENT,
    0,
  );
  if (header.stamp !== stamp || size !== 8 + head + bytes) return undefined;
  const memory = Buffer.from(new ArrayBuffer(bytes));
  await file.read(memory, 0, bytes, 8 + head);
  let at = 0;
  const columns = NAMES.map((name) => {
    const [Kind, length] = [COLUMNS[name], elementsOf(name, header.rows)];
    const column = new Kind(memory.buffer, at, length);
    at += length * Kind.BYTES_PER_ELEMENT;
    return [name, column] as const;
  });
  const { stamp: _, ...rest } = header;
  return { ...rest, ...(Object.fromEntries(columns) as unknown as Columns) };
}
