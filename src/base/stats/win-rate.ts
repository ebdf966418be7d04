/** Win rate with the length of answers held equal, and Burns' performance gap recovered. */
import { checkPaired, checkProbabilities, checkSample, type Interval } from "./check.ts";
import { groupBy, mean, standardDeviation, sum } from "./describe.ts";
import { logisticRegression } from "./logistic-regression.ts";
import { logistic } from "./special.ts";
import { studentQuantile } from "./student.ts";

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
  const rows = designOf(lengths, baselineLengths);
  // Without spread the length term is a constant: it cannot be told from θ, and there is nothing to control for.
  if (rows === null) return { winRate, lengthControlled: winRate, lengthCoefficient: 0, n: wins.length };
  // All wins or all losses have no finite θ, whatever the lengths.
  if (winRate === 0 || winRate === 1)
    return { winRate, lengthControlled: null, lengthCoefficient: null, n: wins.length };
  const [theta, phi] = fitOf(rows, wins, options.ridge);
  return { winRate, lengthControlled: logistic(theta), lengthCoefficient: phi, n: wins.length };
}

/** Weight of the ridge on φ. */
const RIDGE = 0.01;

/** 1 and tanh(gap / sd), per comparison; null where all gaps are one. */
function designOf(
  lengths: readonly number[],
  baselineLengths: readonly number[],
): (readonly [number, number])[] | null {
  const gaps = lengths.map((length, i) => length - baselineLengths[i]!);
  const spread = standardDeviation(gaps);
  return spread === 0 ? null : gaps.map((gap) => [1, Math.tanh(gap / spread)]);
}

const fitOf = (rows: readonly (readonly number[])[], wins: readonly number[], ridge = RIDGE) =>
  logisticRegression(rows, wins, { ridge: [0, ridge] }).coefficients as readonly [number, number];

/**
 * Interval of the length-controlled rate: θ ± t · its standard error when comparisons of one cluster (a prompt) are not independent (Liang & Zeger
 * 1986, G / (G - 1) and Student's quantile with G - 1 degrees for few of them), through σ. The share of simulated intervals that hold the truth
 * stands in the tests; percentiles of resampled fits held it too seldom below some 50 prompts.
 *
 * @param clusters - the cluster name of each comparison
 * @returns null where the rate is, and where nothing varies: no lengths to control for, or no noise in the fit
 * @throws NumericsError as `lengthControlledWinRate`
 */
export function lengthControlledInterval(
  wins: readonly number[],
  lengths: readonly number[],
  baselineLengths: readonly number[],
  { clusters, level = 0.95 }: { readonly clusters: readonly string[]; readonly level?: number | undefined },
): Interval | null {
  const { lengthControlled } = lengthControlledWinRate(wins, lengths, baselineLengths);
  const rows = designOf(lengths, baselineLengths);
  const groups = groupBy(
    wins.map((_, i) => i),
    (i) => clusters[i]!,
  );
  if (lengthControlled === null || rows === null || groups.length < 2) return null;
  const [theta, phi] = fitOf(rows, wins);
  const chances = rows.map(([, length]) => logistic(theta + phi * length));
  const weights = chances.map((p) => p * (1 - p));
  const moment = (power: number) => sum(rows.map(([, length], i) => weights[i]! * length ** power));
  const [zero, one, two] = [moment(0), moment(1), moment(2) + RIDGE];
  // The first row of the inverse information: how much θ moves with a residual and with its length's share.
  const [own, other] = [two, -one].map((entry) => entry / (zero * two - one * one)) as [number, number];
  const pulls = groups.map((group) =>
    sum(group.map((i) => (wins[i]! - chances[i]!) * (own + other * rows[i]![1]))),
  );
  const g = groups.length;
  const error = Math.sqrt((sum(pulls.map((pull) => pull * pull)) * g) / (g - 1));
  if (error < 1e-12) return null;
  const half = studentQuantile(level, g - 1) * error;
  return {
    ...{ estimate: lengthControlled, low: logistic(theta - half), high: logistic(theta + half) },
    ...{ n: g, level },
  };
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
