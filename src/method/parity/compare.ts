/**
 * Compares numbers with a fixture's, one line per quantity with its largest error.
 *
 * Limits: 1e-4 relative in float32, on the scale of the quantity. Reason: unmodified Hugging Face code in float32 differs
 * from the float64 expectations by up to 1.4e-5 (logits) and 1.7e-5 of a tensor's largest entry (gradients), while the
 * smallest real mistake tried (exact GELU for tanh GELU) moves logits by 1.1e-3 and scores by 1.5e-4. Entries of a gradient are
 * judged on the scale of its largest entry, with a floor for gradients that are exactly zero.
 */
import type { GradientSummary } from "./fixture.ts";

/** The largest error found of one quantity, as a share of its limit: above 1 is off. */
export type Finding = {
  readonly quantity: string;
  readonly numbers: number;
  readonly largestError: number;
  readonly shareOfLimit: number;
};

/** Absolute and relative limits: |got - expected| <= absolute + relative · |expected|. */
export type Limit = { readonly absolute: number; readonly relative: number };

/** Relative limit of everything computed in float32. */
const RELATIVE = 1e-4;

/** Limits by kind of quantity; the absolute parts are 1e-4 of the quantity's usual size. */
export const LIMITS = {
  logits: { absolute: 1e-4, relative: RELATIVE },
  logps: { absolute: 1e-4, relative: RELATIVE },
  summedLogps: { absolute: 2e-4, relative: RELATIVE },
  loss: { absolute: 3e-5, relative: RELATIVE },
  score: { absolute: 5e-5, relative: RELATIVE },
  exact: { absolute: 0, relative: 0 },
  // Five AdamW steps amplify rounding where a gradient is near zero (Adam divides by its size).
  training: { absolute: 2e-4, relative: 5e-4 },
} as const satisfies Record<string, Limit>;

/** Collects comparisons and sums them up per quantity. */
export class Comparison {
  readonly #found = new Map<string, { numbers: number; error: number; share: number }>();

  /** Compares numbers in order; a missing or non-finite one is off. */
  add(quantity: string, got: ArrayLike<number>, expected: ArrayLike<number>, limit: Limit): void {
    for (let i = 0; i < Math.max(got.length, expected.length); i++)
      this.one(quantity, got[i], expected[i], limit);
  }

  /** Compares one number. */
  one(quantity: string, got: number | undefined, expected: number | undefined, limit: Limit): void {
    const error = Math.abs((got ?? Number.NaN) - (expected ?? Number.NaN));
    const allowed = limit.absolute + limit.relative * Math.abs(expected ?? 0);
    const share = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error === 0 ? 0 : error / allowed;
    const known = this.#found.get(quantity) ?? { numbers: 0, error: 0, share: 0 };
    this.#found.set(quantity, {
      numbers: known.numbers + 1,
      error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(known.error, error),
      share: Math.max(known.share, share),
    });
  }

  /** Compares a gradient's norm, sum and the entries given. */
  gradient(quantity: string, got: Float32Array | undefined, expected: GradientSummary): void {
    const scale = Math.abs(expected.absmax.value);
    const entry = { absolute: RELATIVE * scale + 2e-6, relative: RELATIVE };
    const count = expected.shape.reduce((product, size) => product * size, 1);
    this.one(`${quantity} size`, got?.length, count, LIMITS.exact);
    if (got === undefined) return;
    let squares = 0;
    let total = 0;
    for (const value of got) {
      squares += value * value;
      total += value;
    }
    this.one(`${quantity} norm`, Math.sqrt(squares), expected.l2, { absolute: 2e-6, relative: 3 * RELATIVE });
    const root = Math.sqrt(count);
    this.one(`${quantity} sum`, total, expected.sum, {
      absolute: (3 * RELATIVE * scale + 2e-6) * root,
      relative: 0,
    });
    this.add(`${quantity} entries`, got.subarray(0, expected.first8.length), expected.first8, entry);
    this.one(`${quantity} entries`, got[expected.absmax.index], expected.absmax.value, entry);
    const probed = expected.probe.index.map((at) => got[at] ?? Number.NaN);
    this.add(`${quantity} entries`, probed, expected.probe.value, entry);
  }

  /** All quantities, in the order they were first compared. */
  findings(): Finding[] {
    return [...this.#found].map(([quantity, { numbers, error, share }]) => ({
      quantity,
      numbers,
      largestError: error,
      shareOfLimit: share,
    }));
  }
}
