/** Small dense linear algebra: just what a regression with a handful of columns needs. */
import { NumericsError } from "../core/errors.ts";

/**
 * Lower Cholesky factor L of a symmetric positive definite matrix, A = L Lᵀ.
 *
 * @param a - `[D, D]`
 * @throws NumericsError when A is not positive definite (columns of a regression depend on each other)
 */
export function cholesky(a: readonly (readonly number[])[], where = "cholesky"): number[][] {
  const factor = a.map((row) => row.map(() => 0));
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j <= i; j++) {
      let value = a[i]![j]!;
      for (let k = 0; k < j; k++) value -= factor[i]![k]! * factor[j]![k]!;
      if (i !== j) factor[i]![j] = value / factor[j]![j]!;
      else if (value > 1e-13 * Math.abs(a[i]![i]!)) factor[i]![i] = Math.sqrt(value);
      else
        throw new NumericsError(
          where,
          `column ${i} depends on the others (pivot ${value}), expected independent columns. Add a ridge or drop it.`,
        );
    }
  }
  return factor;
}

/** Solves L Lᵀ x = b by forward and backward substitution. */
export function choleskySolve(factor: readonly (readonly number[])[], b: readonly number[]): number[] {
  const x = [...b];
  for (let i = 0; i < x.length; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i]![k]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  for (let i = x.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < x.length; k++) x[i]! -= factor[k]![i]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  return x;
}
