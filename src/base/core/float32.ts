/**
 * How far float32 arithmetic may be from the exact result: limits for checks and tests follow from what was summed, not from what one
 * processor happened to give. Each kind of vector unit adds in another order, so the last digits differ between them.
 */

/** Relative error of one float32 operation: 2⁻²⁴. */
export const UNIT_ROUNDOFF = 2 ** -24;

/**
 * Most that a float32 sum (or dot product) of `terms` numbers is off, whose magnitudes add up to `size`, in any order of summation: √terms · u ·
 * size. Rounding errors are as good as independent, so they grow with the root of their number (Higham & Mary 2019, "A new approach to
 * probabilistic rounding error analysis", Theorem 2.4); the certain bound is √terms times larger and is met only by sums made for it.
 * @param terms - how many, at least 1. For results of a chain of dot products: their lengths added up
 * @param size - Σ|x|, in the unit of the result
 */
export function float32Rounding(terms: number, size: number): number {
  return Math.sqrt(terms) * UNIT_ROUNDOFF * Math.abs(size);
}
