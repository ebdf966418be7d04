/**
 * Number formats of weight files and their conversion to and from float32.
 * Little-endian throughout, as every machine ONNX Runtime is built for is.
 */

/** Bytes per element of every dtype the safetensors format names with whole bytes. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

/** A dtype as safetensors spells it. */
export type StoredDtype = keyof typeof DTYPE_BYTES;

/** The dtypes weights are read from; the others are listed only. */
export type FloatDtype = "F64" | "F32" | "F16" | "BF16";

/** The dtypes weights are written in, in Hugging Face's `torch_dtype` spelling. */
export type WeightDtype = "float32" | "float16" | "bfloat16";

/** True for the dtypes that `decodeFloats` reads. */
export function isFloatDtype(dtype: StoredDtype): dtype is FloatDtype {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** safetensors' spelling of a weight dtype. */
export function storedDtype(dtype: WeightDtype): "F32" | "F16" | "BF16" {
  return dtype === "float32" ? "F32" : dtype === "float16" ? "F16" : "BF16";
}

/** Hugging Face's spelling of a stored float dtype; F64 becomes float32, the widest that is written. */
export function weightDtype(dtype: FloatDtype): WeightDtype {
  return dtype === "F16" ? "float16" : dtype === "BF16" ? "bfloat16" : "float32";
}

/**
 * Decodes little-endian floats into `out` from index `at`; exact for F32, F16 and BF16, nearest for F64.
 * `bytes` holds a whole number of elements.
 */
export function decodeFloats(bytes: Uint8Array, dtype: FloatDtype, out: Float32Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === "F64") {
    for (let i = 0, n = bytes.length / 8; i < n; i++) out[at + i] = view.getFloat64(8 * i, true);
    return;
  }
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  if (dtype === "F32") {
    for (let i = 0, n = bytes.length / 4; i < n; i++) bits[at + i] = view.getUint32(4 * i, true);
  } else if (dtype === "BF16") {
    for (let i = 0, n = bytes.length / 2; i < n; i++) bits[at + i] = view.getUint16(2 * i, true) << 16;
  } else {
    for (let i = 0, n = bytes.length / 2; i < n; i++) bits[at + i] = halfToBits(view.getUint16(2 * i, true));
  }
}

/** Encodes float32 as little-endian F32, F16 or BF16, rounding to nearest, ties to even. */
export function encodeFloats(values: Float32Array, dtype: WeightDtype): Uint8Array {
  if (dtype === "float32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  const convert = dtype === "float16" ? bitsToHalf : bitsToBfloat;
  for (let i = 0; i < bits.length; i++) out[i] = convert(bits[i]!);
  return new Uint8Array(out.buffer);
}

/** Index of the first NaN or infinity, -1 when all values are finite. */
export function firstNonFinite(values: Float32Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return i;
  return -1;
}

/** float32 bits of an IEEE 754 half. */
function halfToBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // Subnormal: mantissa * 2^-24, normalised by the position of its highest bit.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 1023) << 13)) >>> 0;
}

/** The half nearest to a float32 given as bits; too large becomes infinity, NaN stays NaN. */
function bitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0);
  // 0x477ff000 is 65520, half-way between the largest half and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  // Below 2^-14: a multiple of 2^-24. At or below 2^-25 the nearest even multiple is zero.
  if (magnitude <= 0x33000000) return sign;
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >>> 23));
}

/** The bfloat16 nearest to a float32 given as bits; NaN stays NaN. */
function bitsToBfloat(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits >>> 16) & 0x8000) | roundShift(bits & 0x7fffffff, 16);
}

/** `value / 2^shift` rounded to nearest, ties to even; a carry moves into the exponent, as it should. */
function roundShift(value: number, shift: number): number {
  const floor = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return floor + (rest > half || (rest === half && (floor & 1) === 1) ? 1 : 0);
}
