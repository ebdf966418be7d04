/** Makes values to feed from plain numbers. */
import type { Value } from "./protocol.ts";

/** An int tensor; a vector by default. */
export function ints(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Value {
  return { data: Int32Array.from(data), shape };
}

/** A float32 tensor; a vector by default. */
export function floats(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Value {
  return { data: Float32Array.from(data), shape };
}

/** A float64 tensor, for programs written in float64. */
export function doubles(data: ArrayLike<number>, shape: readonly number[] = [data.length]): Value {
  return { data: Float64Array.from(data), shape };
}
