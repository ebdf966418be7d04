/**
 * How far stated probabilities are from what happens. An outcome is 1 (it happened) or 0, or between when it
 * is itself uncertain (a tie counts one half).
 */
import { NumericsError } from "../core/errors.ts";
import { wilson } from "./binomial.ts";
import { checkPaired, checkProbabilities, type Interval } from "./check.ts";
import { mean, sum } from "./describe.ts";

/** One bin of a reliability diagram; `outcome` is the observed share with its Wilson interval. */
export type ReliabilityBin = {
  readonly low: number;
  readonly high: number;
  readonly n: number;
  readonly meanProbability: number;
  readonly outcome: Interval;
};

/** `width`: bins of equal width over `range`; `mass`: bins of (nearly) equal numbers, equal probabilities never parted. */
export type BinOptions = {
  readonly bins?: number;
  readonly by?: "width" | "mass";
  readonly range?: readonly [number, number];
  readonly level?: number;
};

/**
 * Bins of a reliability diagram (Murphy & Winkler 1977), empty ones left out. Default 10 bins of equal width over [0, 1].
 *
 * @throws NumericsError when lengths differ or a value is outside [0, 1]
 */
export function reliabilityBins(
  probabilities: readonly number[],
  outcomes: readonly number[],
  options: BinOptions = {},
): ReliabilityBin[] {
  checkBoth("reliabilityBins", probabilities, outcomes);
  const { bins = 10, by = "width", range = [0, 1], level = 0.95 } = options;
  if (!(Number.isInteger(bins) && bins >= 1))
    throw new NumericsError("reliabilityBins", `bins is out of range, expected 1 or more, got ${bins}.`);
  const parts = by === "width" ? byWidth(probabilities, bins, range) : byMass(probabilities, bins);
  return parts.map(({ low, high, items }) => ({
    low,
    high,
    n: items.length,
    meanProbability: mean(items.map((i) => probabilities[i]!)),
    outcome: wilson(sum(items.map((i) => outcomes[i]!)), items.length, level)!,
  }));
}

/**
 * Expected calibration error: Σ (n_bin / n) |mean outcome - mean probability| (Naeini et al. 2015; Guo et al. 2017, eq. 3).
 * Null without data.
 */
export function expectedCalibrationError(
  probabilities: readonly number[],
  outcomes: readonly number[],
  options: BinOptions = {},
): number | null {
  const bins = reliabilityBins(probabilities, outcomes, options);
  if (bins.length === 0) return null;
  const gaps = bins.map((bin) => bin.n * Math.abs(bin.outcome.estimate - bin.meanProbability));
  return sum(gaps) / probabilities.length;
}

/** Mean squared distance of probability and outcome (Brier 1950), in [0, 1]. Null without data. */
export function brierScore(probabilities: readonly number[], outcomes: readonly number[]): number | null {
  checkBoth("brierScore", probabilities, outcomes);
  return probabilities.length === 0 ? null : mean(probabilities.map((p, i) => (p - outcomes[i]!) ** 2));
}

/**
 * Mean of -[y log p + (1 - y) log(1 - p)], nats. Null without data; infinite when something happened that was
 * given probability 0.
 */
export function logLoss(probabilities: readonly number[], outcomes: readonly number[]): number | null {
  checkBoth("logLoss", probabilities, outcomes);
  if (probabilities.length === 0) return null;
  const term = (y: number, p: number) => (y === 0 ? 0 : -y * Math.log(p));
  const terms = probabilities.map((p, i) => term(outcomes[i]!, p) + term(1 - outcomes[i]!, 1 - p));
  return terms.includes(Number.POSITIVE_INFINITY) ? Number.POSITIVE_INFINITY : mean(terms);
}

type Part = { low: number; high: number; items: number[] };

function byWidth(values: readonly number[], bins: number, [from, to]: readonly [number, number]): Part[] {
  const outside = values.find((value) => value < from || value > to);
  if (outside !== undefined)
    throw new NumericsError(
      "reliabilityBins",
      `a probability lies outside [${from}, ${to}], got ${outside}.`,
    );
  const parts = Array.from(
    { length: bins },
    (_, b): Part => ({
      low: from + ((to - from) * b) / bins,
      high: from + ((to - from) * (b + 1)) / bins,
      items: [],
    }),
  );
  values.forEach((value, i) => {
    const at = Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins));
    parts[at]!.items.push(i);
  });
  return parts.filter((part) => part.items.length > 0);
}

function byMass(values: readonly number[], bins: number): Part[] {
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]! || i - j);
  const parts: Part[] = [];
  for (let start = 0; start < order.length; ) {
    // The b-th bin ends where b/bins of all values lie below, moved up past equal values.
    const wanted = Math.ceil((order.length * (Math.floor((start * bins) / order.length) + 1)) / bins);
    let end = Math.max(start + 1, Math.min(order.length, wanted));
    while (end < order.length && values[order[end]!] === values[order[end - 1]!]) end++;
    const items = order.slice(start, end);
    parts.push({ low: values[items[0]!]!, high: values[items.at(-1)!]!, items });
    start = end;
  }
  return parts;
}

function checkBoth(where: string, probabilities: readonly number[], outcomes: readonly number[]): void {
  checkPaired(where, probabilities, outcomes);
  checkProbabilities(where, probabilities);
  checkProbabilities(where, outcomes);
}
