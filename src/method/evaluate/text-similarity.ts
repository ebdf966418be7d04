/**
 * How alike texts are, by the n-grams they share: cosine of tf-idf vectors of words and pairs of words, hashed. It reads the
 * surface: two ways to say one thing share little. It is no learnt embedding such as BLEURT's, which needs a model of its own.
 */
import { createHash } from "node:crypto";

/** A sparse vector of unit length, by bucket; empty for a text without words. */
export type TextVector = ReadonlyMap<number, number>;

const BUCKETS = 2 ** 20;

/** Vectors of texts; rarity of an n-gram (idf) is counted over `corpus`, default the texts themselves. */
export function textVectors(texts: readonly string[], corpus: readonly string[] = texts): TextVector[] {
  const seen = new Map<number, number>();
  for (const text of corpus)
    for (const gram of new Set(gramsOf(text))) seen.set(gram, (seen.get(gram) ?? 0) + 1);
  // Smoothed as in scikit-learn: an n-gram that every text has still counts a little.
  const idf = (gram: number) => Math.log((1 + corpus.length) / (1 + (seen.get(gram) ?? 0))) + 1;
  return texts.map((text) => {
    const counts = new Map<number, number>();
    for (const gram of gramsOf(text)) counts.set(gram, (counts.get(gram) ?? 0) + 1);
    const weighted = [...counts].map(([gram, count]) => [gram, count * idf(gram)] as const);
    const length = Math.hypot(...weighted.map(([, value]) => value));
    return new Map(weighted.map(([gram, value]) => [gram, value / length]));
  });
}

/** Cosine of two vectors, in [0, 1]; 0 where one text has no words. */
export function cosine(a: TextVector, b: TextVector): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let total = 0;
  for (const [gram, value] of small) total += value * (large.get(gram) ?? 0);
  return Math.min(1, total);
}

function gramsOf(text: string): number[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  const pairs = words.slice(1).map((word, i) => `${words[i]} ${word}`);
  return [...words, ...pairs].map(bucketOf);
}

function bucketOf(gram: string): number {
  return createHash("sha256").update(gram).digest().readUInt32LE(0) % BUCKETS;
}
