/**
 * ggml's storage types, decoded to float32: blocks of 32 numbers with a scale (and an offset) in half precision, and "K" blocks of
 * 256 in which each run of 16 or 32 has a small integer scale of its own. Each value is one exact product, or a product and a sum
 * rounded once, so the results equal those of ggml's own float32 code bit for bit.
 *
 * Layouts: ggml/src/ggml-common.h (`block_q4_0` … `block_q6_K`) and ggml/src/ggml-quants.c (`dequantize_row_*`) of llama.cpp.
 */
import { decodeFloats } from "../dtypes.ts";

/** ggml's names of its storage types, by number; those without a decoder below are only named in refusals. */
export const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
};

/** Decodes one block at byte `at` of `bytes` into `out` from index `to`. */
type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

type Format = { readonly blockBytes: number; readonly blockSize: number; readonly decode: BlockDecoder };

/** Quantised formats by ggml's number of the type. */
const FORMATS: Readonly<Record<number, Format>> = {
  2: { blockBytes: 18, blockSize: 32, decode: q4_0 },
  3: { blockBytes: 20, blockSize: 32, decode: q4_1 },
  6: { blockBytes: 22, blockSize: 32, decode: q5_0 },
  7: { blockBytes: 24, blockSize: 32, decode: q5_1 },
  8: { blockBytes: 34, blockSize: 32, decode: q8_0 },
  12: { blockBytes: 144, blockSize: 256, decode: q4_k },
  13: { blockBytes: 176, blockSize: 256, decode: q5_k },
  14: { blockBytes: 210, blockSize: 256, decode: q6_k },
};

/** Plain floats by ggml's number of the type. */
const FLOATS: Readonly<Record<number, "F32" | "F16" | "BF16">> = { 0: "F32", 1: "F16", 30: "BF16" };

/** True for the types `decodeBlocks` reads. */
export function isReadable(type: number): boolean {
  return type in FORMATS || type in FLOATS;
}

/** Bytes and numbers of one block; a float is a block of one. `type` must be readable. */
export function typeSizes(type: number): { blockBytes: number; blockSize: number } {
  const format = FORMATS[type];
  return format ?? { blockBytes: FLOATS[type] === "F32" ? 4 : 2, blockSize: 1 };
}

/**
 * Decodes whole blocks into `out` from index `to`.
 * @param type - ggml's number of the type, one that `isReadable`
 */
export function decodeBlocks(type: number, bytes: Uint8Array, out: Float32Array, to: number): void {
  const float = FLOATS[type];
  if (float !== undefined) {
    decodeFloats(bytes, float, out, to);
    return;
  }
  const { blockBytes, blockSize, decode } = FORMATS[type]!;
  for (let at = 0; at < bytes.length; at += blockBytes, to += blockSize) decode(bytes, at, out, to);
}

/** Every half-precision number by its bits: a table is faster than decoding two scales per block. */
const HALVES = allHalves();

function allHalves(): Float32Array {
  const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const values = new Float32Array(2 ** 16);
  decodeFloats(new Uint8Array(bits.buffer), "F16", values, 0);
  return values;
}

/** The half-precision number at a byte. */
const halfAt = (bytes: Uint8Array, at: number) => HALVES[bytes[at]! | (bytes[at + 1]! << 8)]!;

/** d · (q − 8); the low nibbles are the first 16 numbers, the high ones the last 16. */
function q4_0(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 2 + i]!;
    out[to + i] = d * ((q & 15) - 8);
    out[to + 16 + i] = d * ((q >> 4) - 8);
  }
}

/** d · q + m. */
function q4_1(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  const m = halfAt(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 4 + i]!;
    out[to + i] = d * (q & 15) + m;
    out[to + 16 + i] = d * (q >> 4) + m;
  }
}

/** The fifth bit of number `i` of a block of 32, as 16 or 0; the bits stand in four bytes from `at`. */
const fifthBit = (bytes: Uint8Array, at: number, i: number) => ((bytes[at + (i >> 3)]! >> (i & 7)) & 1) << 4;

/** d · (q − 16), q of five bits. */
function q5_0(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 6 + i]!;
    out[to + i] = d * (((q & 15) | fifthBit(bytes, at + 2, i)) - 16);
    out[to + 16 + i] = d * (((q >> 4) | fifthBit(bytes, at + 2, i + 16)) - 16);
  }
}

/** d · q + m, q of five bits. */
function q5_1(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  const m = halfAt(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 8 + i]!;
    out[to + i] = d * ((q & 15) | fifthBit(bytes, at + 4, i)) + m;
    out[to + 16 + i] = d * ((q >> 4) | fifthBit(bytes, at + 4, i + 16)) + m;
  }
}

/** A signed byte. */
const int8 = (byte: number) => (byte << 24) >> 24;

/** d · q, q a signed byte. */
function q8_0(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  for (let i = 0; i < 32; i++) out[to + i] = d * int8(bytes[at + 2 + i]!);
}

/** Six-bit scale and six-bit offset of run `j` (of 8) of a K block, packed into twelve bytes from `at`. */
function scaleAndMin(bytes: Uint8Array, at: number, j: number): [scale: number, min: number] {
  if (j < 4) return [bytes[at + j]! & 63, bytes[at + j + 4]! & 63];
  const low = bytes[at + j + 4]!;
  return [(low & 15) | ((bytes[at + j - 4]! >> 6) << 4), (low >> 4) | ((bytes[at + j]! >> 6) << 4)];
}

/** d · scale · q − dmin · min in runs of 32; two runs share 32 bytes, the low nibbles being the first. */
function q4_k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  const dmin = halfAt(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const [scale, min] = scaleAndMin(bytes, at + 4, run);
    const [dl, ml] = [d * scale, dmin * min];
    const from = at + 16 + (run >> 1) * 32;
    for (let i = 0; i < 32; i++)
      out[to + run * 32 + i] = dl * ((bytes[from + i]! >> (4 * (run & 1))) & 15) - ml;
  }
}

/** As Q4_K, with a fifth bit: bit `run` of 32 further bytes. */
function q5_k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at);
  const dmin = halfAt(bytes, at + 2);
  for (let run = 0; run < 8; run++) {
    const [scale, min] = scaleAndMin(bytes, at + 4, run);
    const [dl, ml] = [d * scale, dmin * min];
    const from = at + 48 + (run >> 1) * 32;
    for (let i = 0; i < 32; i++) {
      const low = (bytes[from + i]! >> (4 * (run & 1))) & 15;
      const high = ((bytes[at + 16 + i]! >> run) & 1) << 4;
      out[to + run * 32 + i] = dl * (low | high) - ml;
    }
  }
}

/** d · scale · (q − 32): four low bits, two high bits, and a signed scale for each 16 numbers, then d. */
function q6_k(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = halfAt(bytes, at + 208);
  for (let n = 0; n < 256; n++) {
    const [part, run, i] = [n >> 7, (n >> 5) & 3, n & 31];
    const low = (bytes[at + part * 64 + (run & 1) * 32 + i]! >> (4 * (run >> 1))) & 15;
    const high = (bytes[at + 128 + part * 32 + i]! >> (2 * run)) & 3;
    out[to + n] = d * int8(bytes[at + 192 + (n >> 4)]!) * ((low | (high << 4)) - 32);
  }
}
