/** Takes the length out of a score: r - α · length, with the one α at which longer answers win no more than shorter ones. */
import { checkPaired, checkSample } from "./check.ts";
import { mean, sum } from "./describe.ts";

/** `alpha` in score units per unit of length; gaps are mean (length of the preferred - length of the other). */
export type LengthPenalty = {
  readonly alpha: number;
  readonly n: number;
  readonly meanGapBefore: number;
  readonly meanGapAfter: number;
};

/**
 * The α at which the mean length gap of preferred and rejected is nearest to zero (DICE: Chen et al. 2024, arXiv 2406.09760,
 * which searches a grid). Solved exactly: pair i changes its preferred side at α = margin_i / gap_i, and the gap it adds
 * falls there from +|gap_i| to -|gap_i|, so the answer is the weighted median of these points. α is 0 if no correction is
 * needed, else the middle between two neighbouring points, where no pair is tied.
 *
 * @param margins - score of a minus score of b, `[n]`
 * @param lengthGaps - length of a minus length of b, `[n]`
 * @throws NumericsError when lengths of the lists differ or a value is not finite
 */
export function fitLengthPenalty(margins: readonly number[], lengthGaps: readonly number[]): LengthPenalty {
  checkPaired("fitLengthPenalty", margins, lengthGaps);
  checkSample("fitLengthPenalty", margins, 0);
  checkSample("fitLengthPenalty", lengthGaps, 0);
  const alpha = balancedAlpha(margins, lengthGaps);
  return {
    alpha,
    n: margins.length,
    meanGapBefore: meanGap(margins, lengthGaps, 0),
    meanGapAfter: meanGap(margins, lengthGaps, alpha),
  };
}

function meanGap(margins: readonly number[], gaps: readonly number[], alpha: number): number {
  return margins.length === 0 ? 0 : mean(margins.map((m, i) => Math.sign(m - alpha * gaps[i]!) * gaps[i]!));
}

function balancedAlpha(margins: readonly number[], gaps: readonly number[]): number {
  const points = margins
    .flatMap((m, i) => (gaps[i] === 0 ? [] : [{ at: m / gaps[i]!, weight: Math.abs(gaps[i]!) }]))
    .sort((x, y) => x.at - y.at);
  const total = sum(points.map((point) => point.weight));
  let best = { alpha: 0, gap: Number.POSITIVE_INFINITY };
  let passed = 0;
  points.forEach(({ at, weight }, i) => {
    passed += weight;
    const next = points[i + 1];
    if (next === undefined || next.at === at) return;
    const gap = Math.abs(total - 2 * passed);
    const alpha = at < 0 && next.at > 0 ? 0 : (at + next.at) / 2;
    // Rounding of the sums must not decide between two equally good places: the smaller correction does.
    const slack = 1e-12 * total;
    if (gap < best.gap - slack || (gap <= best.gap + slack && Math.abs(alpha) < Math.abs(best.alpha)))
      best = { alpha, gap };
  });
  return best.alpha;
}
