/**
 * Are two ways of labelling as good as each other? Shown by two one-sided tests (Schuirmann 1987), never by a difference that was not found.
 *
 * The margin is a share m of what the better-known way gains over the start: |own - other| < m (other - start). That gain is measured on the same
 * runs, so it is not put in as if it were known: both sides are linear contrasts of the three, each tested by itself (Fieller's idea;
 * Hauschke et al. 1999, Statistics in Medicine 18, for a ratio against an active control):
 *
 *   (own - other) + m (other - start) > 0   and   -(own - other) + m (other - start) > 0
 *
 * Each at the one-sided level; both must hold, so that the size is at most that level. Their sum is 2m (other - start): where both hold the gain is above 0.
 */
import { checkFraction } from "./check.ts";
import { type SeedMean, seedInterval, seedPValue } from "./over-seeds.ts";

/** A linear contrast of three arms: `difference` (own - other) + `gain` (other - start). */
export type Contrast = { readonly difference: number; readonly gain: number };

/** What counts as equal: a share of the gain of `other` over `start`, or a fixed difference in the figure's unit. */
export type Margin =
  | { readonly kind: "share"; readonly share: number }
  | { readonly kind: "fixed"; readonly margin: number };

/** What the test says. */
export type Equivalence = {
  readonly margin: Margin;
  /** The margin in the figure's unit; for a share at the estimated gain, to be read and not to test with. Null for a share where nothing is gained. */
  readonly size: number | null;
  readonly shown: boolean;
  /** The larger of the two one-sided p-values. */
  readonly pValue: number;
  /** Smallest share of the gain with which it would hold; null where none up to 100 does. */
  readonly smallestShare: number | null;
  /** Smallest fixed difference with which it would hold. */
  readonly smallestMargin: number;
};

/**
 * Two one-sided tests.
 * @param meanOf - mean over seeds of a contrast; null where the three do not exist or share nothing
 * @param level - one minus the size of the test, default 0.95
 * @returns null where the variance between seeds is not known
 */
export function equivalence(
  meanOf: (contrast: Contrast) => SeedMean | null,
  margin: Margin,
  level = 0.95,
): Equivalence | null {
  checkFraction("equivalence", "level", level);
  // The two-sided interval at 90 % has both one-sided bounds at 95 %.
  const twoSided = 2 * level - 1;
  const difference = meanOf({ difference: 1, gain: 0 });
  const interval = difference && seedInterval(difference, { level: twoSided });
  if (difference === null || interval === null) return null;
  const smallestMargin = Math.max(Math.abs(interval.low), Math.abs(interval.high));
  const sides = (share: number) => [1, -1].map((side) => meanOf({ difference: side, gain: share }));
  const holds = (share: number) =>
    sides(share).every((side) => side !== null && (seedInterval(side, { level: twoSided })?.low ?? -1) > 0);
  const gain = meanOf({ difference: 0, gain: 1 });
  const smallestShare = gain === null ? null : smallest(holds);
  if (margin.kind === "fixed") {
    const { estimate } = difference;
    const shifted = [margin.margin - estimate, margin.margin + estimate].map((value) => ({
      ...difference,
      estimate: value,
    }));
    return {
      ...{ margin, size: margin.margin, smallestShare, smallestMargin },
      shown: smallestMargin < margin.margin,
      pValue: Math.max(...shifted.map(above0)),
    };
  }
  if (gain === null) return null;
  const size = margin.share * gain.estimate;
  return {
    ...{ margin, size: size > 0 ? size : null, smallestShare, smallestMargin },
    shown: holds(margin.share),
    pValue: Math.max(...sides(margin.share).map((side) => (side === null ? 1 : above0(side)))),
  };
}

/** One-sided p-value of "at most 0". */
function above0(figure: SeedMean): number {
  const p = seedPValue(figure) ?? 1;
  return figure.estimate > 0 ? p / 2 : 1 - p / 2;
}

/** Largest share looked at, and the step of the search, which ends in a bisection. */
const LARGEST = 100;
const STEP = 1.1;

function smallest(holds: (share: number) => boolean): number | null {
  let fails = 0;
  for (let share = 0.001; share <= LARGEST; share *= STEP) {
    if (!holds(share)) {
      fails = share;
      continue;
    }
    let [low, high] = [fails, share];
    for (let i = 0; i < 30; i++) {
      const middle = (low + high) / 2;
      if (holds(middle)) high = middle;
      else low = middle;
    }
    return high;
  }
  return null;
}
