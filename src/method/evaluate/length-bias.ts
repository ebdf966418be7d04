/** Does a labeller like length? Pure functions of label records and the lengths of the two answers (tokens or characters). */
import { AlignError } from "../../base/core/errors.ts";
import type { Rng } from "../../base/core/rng.ts";
import { clusterBootstrap } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import { ranks } from "../../base/stats/correlation.ts";
import type { Label } from "../labels/label.ts";
import { isBlocked } from "../teacher/teacher.ts";
import {
  type AgreementBin,
  type AgreementOptions,
  agreementBy,
  agreementWith,
  type Choice,
  shareOf,
} from "./agreement.ts";

/** Lengths of the answers of one pair, in one unit throughout. */
export type Lengths = { readonly lengthA: number; readonly lengthB: number };

/** Lengths of each pair by its id. */
export type LengthTable = ReadonlyMap<string, Lengths>;

function gapOf(lengths: LengthTable, id: string): number {
  const found = lengths.get(id);
  if (!found)
    throw new AlignError(
      "data",
      `length bias: pair ${JSON.stringify(id)} has no lengths, expected them for every label.`,
    );
  return found.lengthA - found.lengthB;
}

/**
 * Agreement with the reference by how much longer its preferred answer is than the other (negative: the shorter one is
 * preferred), in bins of equal numbers, default deciles. A labeller that likes length is good on the right and bad on the left.
 *
 * @throws AlignError when a pair has no lengths
 */
export function accuracyByLengthGap(
  labels: readonly Choice[],
  references: readonly Choice[],
  lengths: LengthTable,
  options: AgreementOptions & { readonly bins?: number } = {},
): AgreementBin[] {
  return agreementBy(labels, references, (_, reference) => preferredGap(lengths, reference), options);
}

/** Length of the preferred answer minus that of the other; of a choice that prefers none, 0. */
function preferredGap(lengths: LengthTable, { id, preferred }: Choice): number {
  const gap = gapOf(lengths, id);
  return preferred === "a" ? gap : preferred === "b" ? -gap : 0;
}

/**
 * Agreement with the reference where its preferred answer is the shorter one, and where it is the longer one; null without such pairs.
 *
 * @throws AlignError when a pair has no lengths
 */
export function accuracyByLonger(
  labels: readonly Choice[],
  references: readonly Choice[],
  lengths: LengthTable,
  options: AgreementOptions = {},
): { readonly shorter: Interval | null; readonly longer: Interval | null } {
  const where = (side: 1 | -1) => {
    const these = references.filter((reference) => side * preferredGap(lengths, reference) > 0);
    return agreementWith(labels, these, options).agreement;
  };
  return { shorter: where(-1), longer: where(1) };
}

/**
 * P(the longer answer is preferred) among decided labels of pairs that differ in length; null when there are none.
 * Ask it of the human labels too: 0.5 is not what unbiased means when people like longer answers.
 *
 * @throws AlignError when a pair has no lengths
 */
export function longerPreferred(
  labels: readonly Choice[],
  lengths: LengthTable,
  options: AgreementOptions = {},
): Interval | null {
  const choices = labels.flatMap((label) => {
    const gap = preferredGap(lengths, label);
    return gap === 0 ? [] : [{ id: label.id, is: gap > 0 }];
  });
  return shareOf(choices, options);
}

/** Correlations of margin and length gap, null where undefined; `n` pairs. */
export type LengthCorrelation = {
  readonly n: number;
  readonly pearson: Interval | null;
  readonly spearman: Interval | null;
};

/**
 * Correlation of the margin with length of a - length of b, over pairs and their mirrors, so that it does not depend on
 * which answer is called a. Abstentions for a blocking flag are left out.
 *
 * @param options.clusterOf - the cluster (prompt) of a pair by its id: clusters are resampled then, and each interval's n counts them
 * @throws AlignError when a pair has no lengths
 */
export function marginLengthCorrelation(
  labels: readonly Label[],
  lengths: LengthTable,
  options: {
    readonly rng: Rng;
    readonly resamples?: number | undefined;
    readonly level?: number | undefined;
    readonly clusterOf?: (id: string) => string;
  },
): LengthCorrelation {
  const points = usable(labels).map(({ id, margin }): Point => ({ id, margin, gap: gapOf(lengths, id) }));
  const { clusterOf = (id: string) => id, ...given } = options;
  const interval = (ranked: (values: number[]) => number[]) =>
    clusterBootstrap(
      points,
      points.map(({ id }) => clusterOf(id)),
      (sample) =>
        mirroredCorrelation(ranked(sample.map(({ margin }) => margin)), ranked(sample.map(({ gap }) => gap))),
      { resamples: 1000, ...given },
    );
  return { n: points.length, pearson: interval((values) => values), spearman: interval(signedRanks) };
}

type Point = { readonly id: string; readonly margin: number; readonly gap: number };

/** Pearson's r of the points (x, y) and (-x, -y) together: their means are 0, so no centring; null without spread. */
function mirroredCorrelation(x: readonly number[], y: readonly number[]): number | null {
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += x[i]! * x[i]!;
    yy += y[i]! * y[i]!;
    xy += x[i]! * y[i]!;
  }
  return xx === 0 || yy === 0 ? null : Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Centred mid-ranks of the values among themselves and their negatives: the sign times (mid-rank of |x| - 1/2). */
function signedRanks(values: readonly number[]): number[] {
  return ranks(values.map(Math.abs)).map((rank, i) => Math.sign(values[i]!) * (rank - 0.5));
}

const usable = (labels: readonly Label[]) => labels.filter((label) => !isBlocked(label.flags));
