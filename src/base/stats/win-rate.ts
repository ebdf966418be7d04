/** Win rate with the length of answers held equal, and Burns' performance gap recovered. */
import { checkPaired, checkProbabilities, checkSample } from "./check.ts";
import { mean, standardDeviation } from "./describe.ts";
import { logisticRegression } from "./logistic-regression.ts";
import { logistic } from "./special.ts";

/**
 * `winRate` and `lengthControlled` in [0, 1]; `lengthCoefficient` above 0 when the judge likes longer answers. The last two are
 * null when every comparison goes one way.
 */
export type LengthControlledWinRate = {
  readonly winRate: number;
  readonly lengthControlled: number | null;
  readonly lengthCoefficient: number | null;
  readonly n: number;
};

/**
 * Length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475, eq. 2, without the instruction-difficulty term,
 * which needs many models per prompt: AlpacaEval's `length_controlled_minimal`).
 *
 *   P(win) = σ(θ + φ tanh((length - baselineLength) / sd)),   result σ(θ): the length term set to zero
 *
 * Swapping the two models gives exactly one minus the result.
 *
 * @param wins - 1 win, 0 loss, 0.5 tie, or the judge's probability, per prompt
 * @param options.ridge - on φ only, default 0.01: keeps φ finite when length alone decides
 * @throws NumericsError below two prompts or when lengths differ in number
 */
export function lengthControlledWinRate(
  wins: readonly number[],
  lengths: readonly number[],
  baselineLengths: readonly number[],
  options: { readonly ridge?: number } = {},
): LengthControlledWinRate {
  checkPaired("lengthControlledWinRate", wins, lengths);
  checkPaired("lengthControlledWinRate", wins, baselineLengths);
  checkProbabilities("lengthControlledWinRate", wins);
  checkSample("lengthControlledWinRate", wins, 2);
  const winRate = mean(wins);
  const gaps = lengths.map((length, i) => length - baselineLengths[i]!);
  const spread = standardDeviation(gaps);
  // Without spread the length term is a constant: it cannot be told from θ, and there is nothing to control for.
  if (spread === 0) return { winRate, lengthControlled: winRate, lengthCoefficient: 0, n: wins.length };
  // All wins or all losses have no finite θ, whatever the lengths.
  if (winRate === 0 || winRate === 1)
    return { winRate, lengthControlled: null, lengthCoefficient: null, n: wins.length };
  const fit = logisticRegression(
    gaps.map((gap) => [1, Math.tanh(gap / spread)]),
    wins,
    { ridge: [0, options.ridge ?? 0.01] },
  );
  const [theta, phi] = fit.coefficients;
  return { winRate, lengthControlled: logistic(theta!), lengthCoefficient: phi!, n: wins.length };
}

/**
 * Performance gap recovered: (weak-to-strong - weak) / (ceiling - weak) (Burns et al. 2023, arXiv 2312.09390, section 3).
 * Outside [0, 1] when the student falls below its teacher or passes the ceiling. Null when there is no gap to recover
 * (ceiling at or below weak).
 */
export function performanceGapRecovered(weak: number, weakToStrong: number, ceiling: number): number | null {
  checkSample("performanceGapRecovered", [weak, weakToStrong, ceiling]);
  return ceiling <= weak ? null : (weakToStrong - weak) / (ceiling - weak);
}
