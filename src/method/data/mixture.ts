/** Several sources read as one: each is understood by itself, ids and groups of all are kept apart, and weights draw what each gives. */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng, DEFAULT_SEED } from "../../base/core/rng.ts";
import { isHubSource } from "../../base/files/hub.ts";
import type { Place } from "../../base/files/record.ts";
import { sourceFiles } from "../../base/files/source-files.ts";
import type { ParsedPair } from "./adapters/adapter.ts";
import { asTurns } from "./adapters/context.ts";
import { assignIds, contentId } from "./identify.ts";
import { checkSound, collectPairs, type PairOptions, type PartRead, type ReadPairs } from "./pairs.ts";
import { checkSource, partsOf, readingOfPart, type Source, type SourcePart, sourceName } from "./source.ts";

/**
 * Reads all pairs of a source, or of several as one.
 * @throws DataError for a broken file, an unknown shape, bad rows (unless skipped; those of all sources are listed), or a source of which nothing
 *   is left; ConfigError for sources that overlap, or a weight so small that it gives no pair
 */
export async function readPairs(source: Source, options: PairOptions = {}): Promise<ReadPairs> {
  checkSource(source);
  if (typeof source !== "string" && source.length > 1) return readMixture(source, options);
  const part = partsOf(source)[0]!;
  const read = await readPart(part, options);
  checkSound(part.file, read, options);
  return read;
}

const readPart = (part: SourcePart, options: PairOptions): Promise<ReadPairs> =>
  collectPairs(part.file, { ...options, ...readingOfPart(part) });

async function readMixture(parts: readonly SourcePart[], options: PairOptions): Promise<ReadPairs> {
  await checkApart(parts);
  const reads: ReadPairs[] = [];
  for (const part of parts) reads.push(await readPart(part, options));
  const bad = reads.flatMap((read) => read.bad);
  const columns = reads.flatMap((read) => read.columns);
  const records = reads.reduce((sum, read) => sum + read.records, 0);
  if (bad.length > 0) checkSound(sourceName(parts), { ...reads[0]!, bad, columns, records }, options);
  reads.forEach((read, i) => {
    checkSound(parts[i]!.file, read, options);
  });
  const named = keptApart(reads);
  const wanted = sizes(
    parts,
    reads.map(({ pairs }) => pairs.length),
  );
  const seed = options.seed ?? DEFAULT_SEED;
  const drawn = named.flatMap((pairs, i) => draw(pairs, wanted[i]!, seed));
  const kept = told(drawn.map(({ pair }) => pair));
  return {
    pairs: kept.pairs,
    places: drawn.map(({ place }) => place),
    format: [...new Set(reads.map(({ format }) => format))].join(", "),
    why: `${parts.length} sources as one`,
    preview: [],
    notes: kept.notes,
    records,
    leftOut: addUp(reads.map(({ leftOut }) => leftOut)),
    bad,
    columns: [],
    repeats: {
      takenOff: reads.reduce((sum, { repeats }) => sum + repeats.takenOff, 0),
      left: reads.reduce((sum, { repeats }) => sum + repeats.left, 0),
    },
    parts: parts.map((part, i): PartRead => ({ part, read: reads[i]!, taken: wanted[i]! })),
  };
}

/** A file that two sources have would give its pairs twice. @throws ConfigError */
async function checkApart(parts: readonly SourcePart[]): Promise<void> {
  const owner = new Map<string, string>();
  for (const { file } of parts) {
    const files = isHubSource(file) ? [file] : (await sourceFiles(file)).files;
    for (const one of files.map((path) => path.replace(/^(\.\/)+/, ""))) {
      const other = owner.get(one);
      if (other !== undefined)
        throw new ConfigError(
          `sources: ${one} is in ${other} and in ${file}, and its pairs would come twice. Name it once.`,
        );
      owner.set(one, file);
    }
  }
}

type Named = { readonly pair: ParsedPair; readonly place: Place };

/**
 * The pairs of each source with ids that no other has. Rows without an id are numbered by content over all sources; where a source uses an
 * id of an earlier one, all its ids get its number in front (`2:17`). Names of groups mean something within a source only.
 */
function keptApart(reads: readonly ReadPairs[]): Named[][] {
  const ids = assignIds(reads.flatMap(({ pairs }) => pairs));
  const taken = new Set<string>();
  let at = 0;
  return reads.map(({ pairs, places }, n) => {
    const own = ids.slice(at, at + pairs.length);
    at += pairs.length;
    let front = "";
    while (own.some((id) => taken.has(front + id))) front += `${n + 1}:`;
    for (const id of own) taken.add(front + id);
    return pairs.map((pair, i) => ({
      place: places[i]!,
      pair: {
        ...pair,
        id: front + own[i]!,
        contentId: contentId(pair),
        ...(pair.groupKeys === undefined
          ? {}
          : { groupKeys: pair.groupKeys.map((key) => `source ${n + 1} ${key}`) }),
      },
    }));
  });
}

/** How many pairs each source gives: all without weights; else as many as its share of the largest mixture that takes no pair twice. */
export function sizes(parts: readonly SourcePart[], counts: readonly number[]): number[] {
  const weights = parts.flatMap(({ weight }) => weight ?? []);
  if (weights.length === 0) return [...counts];
  const perWeight = Math.min(...counts.map((count, i) => count / weights[i]!));
  return counts.map((count, i) => {
    const size = Math.min(count, Math.round(weights[i]! * perWeight));
    if (size > 0) return size;
    throw new ConfigError(
      `sources: ${parts[i]!.file} gives no pair with weight ${weights[i]}: the mixture has ${Math.round(perWeight * weights.reduce((sum, one) => sum + one, 0))} pairs. Give it more, or leave it out.`,
    );
  });
}

/** The pairs with the least draws by seed and id, in their order: more of them hold the fewer. */
function draw(pairs: readonly Named[], size: number, seed: number | string): readonly Named[] {
  if (size === pairs.length) return pairs;
  const rng = createRng(seed);
  const draws = pairs.map(({ pair }, i) => ({ i, at: rng.fork("mixture", pair.id!).next() }));
  const taken = new Set(
    draws
      .sort((x, y) => x.at - y.at || x.i - y.i)
      .slice(0, size)
      .map(({ i }) => i),
  );
  return pairs.filter((_, i) => taken.has(i));
}

/** Texts beside conversations are told as messages where they are turns; where they are not, a person is told. */
function told(pairs: readonly ParsedPair[]): { pairs: readonly ParsedPair[]; notes: string[] } {
  const chats = pairs.filter(({ prompt }) => typeof prompt !== "string").length;
  if (chats === 0 || chats === pairs.length) return { pairs, notes: [] };
  const turns = pairs.map(asTurns);
  const texts = turns.filter(({ prompt }) => typeof prompt === "string").length;
  const note = `${texts} pairs are plain text and ${pairs.length - texts} are conversations: a chat template is put around the latter only`;
  return { pairs: turns, notes: texts === 0 ? [] : [note] };
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [reason, count] of counts.flatMap(Object.entries<number>))
    total[reason] = (total[reason] ?? 0) + count;
  return total;
}
