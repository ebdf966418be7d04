/**
 * A pool cut into shards, each named by what its scores depend on: the teacher's digest and the pairs' own content. A shard
 * whose file is there is finished, whoever wrote it and whenever.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "../../base/core/digest.ts";
import { DataError } from "../../base/core/errors.ts";
import type { CandidatePair, Text } from "../data/rows.ts";

/** Pairs that can be read more than once: a list, or a function that starts a new reading. */
export type PairSource =
  | readonly CandidatePair[]
  | (() => Iterable<CandidatePair> | AsyncIterable<CandidatePair>);

/** One shard: SHA-256 (hex) and number of pairs. */
export type Shard = { readonly digest: string; readonly pairs: number };

/** The pairs of a source in lists of `size`, the last one shorter. */
export async function* chunksOf(
  source: PairSource,
  size: number,
): AsyncGenerator<CandidatePair[], void, undefined> {
  let chunk: CandidatePair[] = [];
  for await (const pair of typeof source === "function" ? source() : source) {
    chunk.push(pair);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * Reads the source once and names its shards; memory does not grow with the pairs, only with the shards.
 * @throws DataError when there are no pairs, or an id comes twice in one shard
 */
export async function planShards(source: PairSource, teacher: string, size: number): Promise<Shard[]> {
  const shards: Shard[] = [];
  for await (const pairs of chunksOf(source, size)) {
    checkIds(pairs);
    shards.push({ digest: shardDigest(teacher, pairs), pairs: pairs.length });
  }
  if (shards.length === 0)
    throw new DataError("pool", 0, "holds no pairs, expected at least one pair to label.");
  return shards;
}

/** SHA-256 of a shard's pairs under a teacher: ids, prompts and candidates in their order; not their groups and subsets. */
export function shardDigest(teacher: string, pairs: readonly CandidatePair[]): string {
  const hash = createHash("sha256").update(`scores/1 ${teacher}\n`);
  for (const { id, prompt, a, b } of pairs)
    hash.update(`${JSON.stringify(id)} ${json(prompt)} ${json(a)} ${json(b)}\n`);
  return hash.digest("hex");
}

const json = (text: Text) => (typeof text === "string" ? JSON.stringify(text) : canonicalJson(text));

function checkIds(pairs: readonly CandidatePair[]): void {
  const seen = new Set<string>();
  for (const { id } of pairs) {
    if (seen.has(id)) throw new DataError("pool", 0, `id "${id}" comes twice, expected every id once.`);
    seen.add(id);
  }
}
