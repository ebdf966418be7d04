/** Guards of the numeric functions: a wrong argument stops here, by name, and never becomes a quiet NaN. */
import { z } from "zod";
import { NumericsError } from "../core/errors.ts";

/** An interval as it is read back from a file. */
export const intervalSchema = z.object({
  estimate: z.number(),
  low: z.number(),
  high: z.number(),
  /** Independent units: values, pairs, or clusters when clusters were resampled. */
  n: z.number(),
  level: z.number(),
});

/** An estimate with its two-sided interval, the number of units behind it and the nominal level in (0, 1). */
export type Interval = Readonly<z.output<typeof intervalSchema>>;

/** @throws NumericsError unless there are at least `least` values and all of them are finite */
export function checkSample(where: string, values: readonly number[], least = 1): void {
  if (values.length < least)
    throw new NumericsError(where, `too few values, expected at least ${least}, got ${values.length}.`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new NumericsError(where, `value ${bad} is not finite, expected a number, got ${values[bad]}.`);
}

/** @throws NumericsError unless both lists have the same length */
export function checkPaired(where: string, a: readonly unknown[], b: readonly unknown[]): void {
  if (a.length !== b.length)
    throw new NumericsError(where, `the lists differ in length, expected ${a.length}, got ${b.length}.`);
}

/** @throws NumericsError unless 0 < value < 1 */
export function checkFraction(where: string, name: string, value: number): void {
  if (!(value > 0 && value < 1))
    throw new NumericsError(where, `${name} is out of range, expected a number in (0, 1), got ${value}.`);
}

/** @throws NumericsError unless every value lies in [0, 1] */
export function checkProbabilities(where: string, values: readonly number[]): void {
  const bad = values.findIndex((value) => !(value >= 0 && value <= 1));
  if (bad >= 0)
    throw new NumericsError(where, `value ${bad} is no probability, expected [0, 1], got ${values[bad]}.`);
}

/** @throws NumericsError unless 0 <= k <= n, both integers */
export function checkCounts(where: string, k: number, n: number): void {
  if (!(Number.isInteger(k) && Number.isInteger(n) && k >= 0 && k <= n))
    throw new NumericsError(where, `counts do not fit, expected integers 0 <= k <= n, got k ${k}, n ${n}.`);
}
