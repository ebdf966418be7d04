/**
 * Texts as short vectors whose dot product is their likeness: counts of words, weighted by how rare a word is among these texts
 * (tf-idf), folded into few dimensions by signed hashing (Weinberger et al. 2009, arXiv 0902.2206), scaled to length 1. Words of
 * scripts without spaces are their characters.
 */

/** Sketches of many texts. */
export interface TextSketches {
  readonly count: number;
  /** Cosine of two texts' sketches, kept within [0, 1]: 1 for equal texts, near 0 for texts without rare words in common. */
  similarity(i: number, j: number): number;
}

/** Numbers per text: unrelated texts come out near 0 ± 1/√128. */
const SIZE = 128;
/** Words are told apart by so many buckets. */
const BUCKETS = 2 ** 20;
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+/gu;

/** Sketches texts; equal sets of texts give equal sketches whatever their order. Memory: 512 bytes a text, and the word counts. */
export function sketchTexts(texts: readonly string[]): TextSketches {
  const documents = texts.map(wordCounts);
  const holders = new Uint32Array(BUCKETS);
  for (const words of documents) for (const word of words.keys()) holders[word % BUCKETS]!++;
  const values = new Float32Array(texts.length * SIZE);
  documents.forEach((words, i) => {
    // Smoothed: a word of every text still counts 1, so that equal texts are alike even when there are no others.
    const idf = (word: number) => 1 + Math.log((1 + texts.length) / (1 + holders[word % BUCKETS]!));
    fill(values.subarray(i * SIZE, (i + 1) * SIZE), words, idf);
  });
  return {
    count: texts.length,
    similarity(i, j) {
      let [dot, a, b] = [0, i * SIZE, j * SIZE];
      for (const end = a + SIZE; a < end; a++, b++) dot += values[a]! * values[b]!;
      return Math.min(1, Math.max(0, dot));
    },
  };
}

/** How often each word occurs, by the hash of the word. */
function wordCounts(text: string): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [word] of text.toLowerCase().matchAll(WORD)) {
    const hash = hashOf(word);
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}

/** (1 + log count) · idf with the hash's sign at the hash's place, scaled to length 1; a text without words stays 0. */
function fill(vector: Float32Array, words: ReadonlyMap<number, number>, idf: (word: number) => number): void {
  for (const [word, count] of words) {
    const sign = (word >>> 31) * 2 - 1;
    // Other bits than those of the bucket: words of one bucket part here.
    vector[(word >>> 20) % SIZE]! += sign * (1 + Math.log(count)) * idf(word);
  }
  const length = Math.sqrt(vector.reduce((total, x) => total + x * x, 0));
  if (length > 0) for (let k = 0; k < vector.length; k++) vector[k]! /= length;
}

/** FNV-1a over UTF-16 units, then Murmur's finaliser, which spreads it over all 32 bits. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
