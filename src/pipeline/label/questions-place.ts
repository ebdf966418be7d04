/** Where the labels that questions were asked of lie, and their pool: kept in `ask.json`, so that answers can be merged without naming both again. */
import { isAbsolute, join, relative, resolve } from "node:path";
import { z } from "zod";
import { valueKind } from "../../base/files/value-file.ts";
import { partsOf, type Source, type SourcePart } from "../../method/data/source.ts";
import type { LabelSet } from "./open-labels.ts";

const placeSchema = z.object({
  labels: z.string(),
  pool: z.array(z.looseObject({ file: z.string() })).optional(),
});

const ASK = valueKind({
  what: "ask.json",
  schema: z.looseObject({ from: z.unknown() }),
  fix: "Name labels and pool.",
});

/** Labels, and their pool where it is not a run's own. */
export type QuestionsPlace = { readonly labels: string; readonly pool?: Source | undefined };

/** As it is written: paths relative to the folder of the questions unless they were given whole. @param out - that folder */
export function writtenPlace({ folder, run, pool }: LabelSet, out: string): object {
  const seen = (path: string) => (isWhole(path) ? path : relative(out, path));
  const parts = partsOf(pool.file).map((part) => ({ ...part, file: seen(part.file) }));
  return { labels: seen(folder), ...(run === undefined ? { pool: parts } : {}) };
}

/** As it is read, seen from here; undefined for questions that an older version asked. @throws DataError when `ask.json` cannot be read */
export async function readPlace(folder: string): Promise<QuestionsPlace | undefined> {
  const { from } = await ASK.read(join(folder, "ask.json"));
  const parsed = placeSchema.safeParse(from);
  if (!parsed.success) return undefined;
  const seen = (path: string) => (isWhole(path) ? path : resolve(folder, path));
  const parts = parsed.data.pool?.map((part) => ({ ...part, file: seen(part.file) }) as SourcePart);
  return { labels: seen(parsed.data.labels), pool: parts && sourceOf(parts) };
}

/** One file that is read as it is stands for itself. */
function sourceOf(parts: readonly SourcePart[]): Source {
  const [only] = parts;
  return only !== undefined && parts.length === 1 && Object.keys(only).length === 1 ? only.file : parts;
}

/** An absolute path, or a source with a scheme, as `hub:`. */
const isWhole = (path: string) => isAbsolute(path) || /^[a-z]+:/.test(path);
