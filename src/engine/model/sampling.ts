/**
 * Draws a token from one row of logits. The row comes with the mass of each chunk of 256 entries, summed where the
 * logits were made, so that a plain draw looks at one chunk instead of the whole vocabulary. Arithmetic is float64.
 */

/** How a distribution is bent before a token is drawn. */
export type SamplingOptions = {
  /** Logits are divided by this; above 0. */
  readonly temperature: number;
  /** Only the k largest logits stay; where they are equal, lower ids first. */
  readonly topK?: number | undefined;
  /** Only the fewest largest tokens stay whose probabilities (after topK) sum to at least this; in (0, 1]. */
  readonly topP?: number | undefined;
};

/** Entries per chunk of `TokenLogits.masses`. */
export const MASS_CHUNK = 256;

/** Logits of one position. */
export type TokenLogits = {
  /** `[V]` */
  readonly logits: Float32Array;
  /** The largest of them. */
  readonly max: number;
  /** Σ exp((logit - max) / temperature) over each chunk of `MASS_CHUNK` logits. */
  readonly masses: Float32Array;
};

/** What is wrong with options, one sentence each. */
export function samplingIssues({ temperature, topK, topP }: SamplingOptions): string[] {
  const issues: string[] = [];
  if (!(temperature >= 0 && Number.isFinite(temperature)))
    issues.push(`temperature: expected a number of at least 0, got ${temperature}.`);
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    issues.push(`topK: expected a positive integer, got ${topK}.`);
  if (topP !== undefined && !(topP > 0 && topP <= 1))
    issues.push(`topP: expected a number in (0, 1], got ${topP}.`);
  if (temperature === 0 && (topK !== undefined || topP !== undefined))
    issues.push("temperature: 0 is greedy, so topK and topP would have no effect. Leave them out.");
  return issues;
}

/**
 * The token at `uniform` of the cumulative distribution: softmax(logits / temperature), cut to the top k, then to
 * the nucleus of top p (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751, section 3.1), and renormalised.
 * @param uniform - in [0, 1)
 * @returns a token id; never one of probability 0
 */
export function sampleToken(row: TokenLogits, options: SamplingOptions, uniform: number): number {
  const { temperature, topK, topP } = options;
  const everything = topK === undefined && (topP === undefined || topP === 1);
  const weight = (id: number) => Math.exp((row.logits[id]! - row.max) / temperature);
  return everything ? drawFromChunks(row, temperature, uniform) : drawFromTop(row, options, weight, uniform);
}

/** The weights of one chunk; written anew for every draw, of which there is one for each token written. */
const chunkWeights = new Float64Array(MASS_CHUNK);

/** First the chunk by its mass, then the token within it. A plain loop: this runs beside two computing threads. */
function drawFromChunks({ logits, masses, max }: TokenLogits, temperature: number, uniform: number): number {
  const chunk = drawIndex(masses, uniform);
  const start = chunk.index * MASS_CHUNK;
  const weights = chunkWeights.subarray(0, Math.min(MASS_CHUNK, logits.length - start));
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp((logits[start + i]! - max) / temperature);
  return start + drawIndex(weights, chunk.within).index;
}

function drawFromTop(
  row: TokenLogits,
  { temperature, topK, topP = 1 }: SamplingOptions,
  weight: (id: number) => number,
  uniform: number,
): number {
  const { logits } = row;
  const total = sum(row.masses);
  const limit = Math.min(topK ?? Number.POSITIVE_INFINITY, row.logits.length);
  let margin = 4 * temperature;
  let ids: number[];
  let enough: boolean;
  do {
    // Most tokens are far below the largest: look only at those near it, further down when they are too few.
    const threshold = row.max - margin;
    ids = [];
    for (let id = 0; id < logits.length; id++) if (logits[id]! >= threshold) ids.push(id);
    enough = ids.length >= limit || (topK === undefined && sum(ids.map(weight)) >= topP * total);
    // Small steps first: too deep a cut is sorted for nothing.
    margin *= margin < 40 * temperature ? 1.25 : 2;
  } while (!enough);
  ids.sort((a, b) => row.logits[b]! - row.logits[a]! || a - b);
  const top = ids.slice(0, limit);
  const weights = top.map(weight);
  const wanted = topP * (topK === undefined ? total : sum(weights));
  let count = 0;
  for (let mass = 0; count < top.length && mass < wanted; count++) mass += weights[count]!;
  return top[drawIndex(weights.slice(0, Math.max(count, 1)), uniform).index]!;
}

/** The entry at `uniform` of the cumulative sum, and how far into it, in [0, 1). */
function drawIndex(weights: ArrayLike<number>, uniform: number): { index: number; within: number } {
  let rest = uniform * sum(weights);
  let last = 0;
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index]!;
    if (rest < weight) return { index, within: rest / weight };
    rest -= weight;
    if (weight > 0) last = index;
  }
  return { index: last, within: 1 - 2 ** -53 }; // rounding ran past the end
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
