/**
 * Weights in 8 or 4 bits, as ONNX Runtime's MatMulNBits reads them: each row of a matrix in blocks along its inputs, a block with one float32
 * scale and whole numbers about a middle. The kernel also rounds each token's inputs to 8 bits, block by block, so that a token's output
 * depends on that token alone, whatever stands beside it in the batch.
 */

/** Bits of a weight. */
export type PackedBits = 8 | 4;

/** A matrix `[out, inner]` in few bits. */
export type PackedWeight = {
  readonly bits: PackedBits;
  readonly out: number;
  readonly inner: number;
  /** Inputs that share a scale; divides `inner`. */
  readonly block: number;
  /** `[out, inner / block, block · bits / 8]`; of two 4-bit numbers in a byte the first is the lower half. */
  readonly data: Uint8Array;
  /** `[out · inner / block]`. */
  readonly scales: Float32Array;
};

/** The smallest block: a matrix whose inputs are no multiple of it is not packed. */
export const LEAST_BLOCK = 32;

/** Larger blocks are faster (1.3 to 1.7 times float32 with 128, 1.2 to 1.4 with 32), smaller ones nearer the weights; 4 bits need them small. */
const BLOCKS: Readonly<Record<PackedBits, readonly number[]>> = { 8: [128, 64], 4: [] };

/** Stored numbers are the whole ones of [-most, most], `middle` added. */
const RANGE = { 8: { middle: 128, most: 127 }, 4: { middle: 8, most: 7 } } as const;

/** What is packed and how. */
export type PackHow = {
  readonly out: number;
  /** A multiple of `LEAST_BLOCK`. */
  readonly inner: number;
  readonly bits: PackedBits;
  /** The numbers lie `[inner, out]`. */
  readonly inOut: boolean;
};

/** Weights by name, in one array: many small ones leave holes behind when they are freed. */
export type PackedWeights = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly weights: ReadonlyMap<string, PackedWeight>;
};

/** Alignment in that array, bytes: a cache line. */
const ALIGN = 64;

/** Room for weights, zeros as yet. */
export function roomForPacked(options: ReadonlyMap<string, PackHow>): PackedWeights {
  const aligned = (bytes: number) => Math.ceil(bytes / ALIGN) * ALIGN;
  const sizes = [...options.values()].map(({ out, inner, bits }) => {
    const block = BLOCKS[bits].find((size) => inner % size === 0) ?? LEAST_BLOCK;
    return { block, data: (out * inner * bits) / 8, scales: (out * inner) / block };
  });
  const total = sizes.reduce((sum, { data, scales }) => sum + aligned(data) + aligned(4 * scales), 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  const weights = [...options].map(([name, { out, inner, bits }], i) => {
    const { block, ...size } = sizes[i]!;
    const data = bytes.subarray(at, at + size.data);
    at += aligned(size.data);
    const scales = new Float32Array(bytes.buffer, at, size.scales);
    at += aligned(4 * size.scales);
    return [name, { bits, out, inner, block, data, scales }] as const;
  });
  return { bytes, weights: new Map(weights) };
}

/**
 * Rounds a matrix to few bits: of each block the largest number becomes the largest that there is, so that no number is off by more than half
 * the block's scale.
 * @param weight - `[out, inner]`, or `[inner, out]` with `inOut`
 * @param into - where its numbers and scales go
 */
export function packWeight(weight: Float32Array, inOut: boolean, into: PackedWeight): void {
  const { out, inner, bits, block, data, scales } = into;
  const row = new Float32Array(inner);
  for (let o = 0; o < out; o++) {
    if (inOut) for (let k = 0; k < inner; k++) row[k] = weight[k * out + o]!;
    else row.set(weight.subarray(o * inner, (o + 1) * inner));
    for (let from = 0; from < inner; from += block) {
      const at = (o * inner + from) / block;
      scales[at] = packBlock(row, { from, block, bits }, data, (at * block * bits) / 8);
    }
  }
}

/** Packs one block of a row from byte `at` on; gives its scale. */
function packBlock(
  row: Float32Array,
  { from, block, bits }: { readonly from: number; readonly block: number; readonly bits: PackedBits },
  data: Uint8Array,
  at: number,
): number {
  const { middle, most } = RANGE[bits];
  let largest = 0;
  for (let k = from; k < from + block; k++) largest = Math.max(largest, Math.abs(row[k]!));
  const scale = Math.fround(largest / most);
  // Of numbers too small to divide by, and of none, all are the middle.
  const factor = scale > 0 ? 1 / scale : 0;
  const number = (k: number) => middle + Math.max(-most, Math.min(most, Math.round(row[k]! * factor)));
  if (bits === 8) for (let k = 0; k < block; k++) data[at + k] = number(from + k);
  else
    for (let k = 0; k < block; k += 2) data[at + (k >> 1)] = number(from + k) | (number(from + k + 1) << 4);
  return scale;
}
