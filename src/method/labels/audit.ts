/**
 * Audit of human labels: which of them are likely wrong, judged by teachers that never saw them. A labelled set is cut into K
 * folds by prompt; K teachers are each trained without one fold and score it. Here, those out-of-fold scores become a ranking,
 * an estimate of the noise rate and, where the flips are known, figures of how well they were found.
 */
import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { createRng, type Rng } from "../../base/core/rng.ts";
import { clusterBootstrap, type Statistic } from "../../base/stats/bootstrap.ts";
import { checkFraction, type Interval, intervalSchema } from "../../base/stats/check.ts";
import { auroc, precisionAtK } from "../../base/stats/ranking.ts";
import { type CalibrationMethod, crossFitCalibrator } from "./calibration.ts";

/** A labelled pair and what a teacher that never saw its label says. */
export type AuditedPair = {
  readonly id: string;
  /** Pairs of one group (one prompt) stay in one fold. */
  readonly group: string;
  /** Score of a minus score of b, by a teacher trained without the pair's fold. */
  readonly margin: number;
  readonly human: "a" | "b";
};

/** A label under suspicion. */
export type Suspect = {
  readonly id: string;
  readonly group: string;
  readonly human: "a" | "b";
  readonly margin: number;
  /** Calibrated probability that a human prefers the other side, in [0, 1]; the pair's own label had no part in it. */
  readonly probabilityWrong: number;
};

/** What an audit finds. */
export type AuditReport = {
  readonly n: number;
  /** All pairs, the likeliest errors first; equal ones by id. */
  readonly ranked: readonly Suspect[];
  /** Share of the labels that the out-of-fold teacher disagrees with. */
  readonly disagreement: Interval | null;
  /**
   * What confident learning counts as wrong, as a share, with its interval over resampled prompts. It assumes that errors depend on the
   * class alone; errors of the teacher count as errors of the labels, and those it shares with people do not. No bound of the share of
   * wrong labels on either side.
   */
  readonly noiseRate: Interval | null;
  /**
   * Disagreement among the fifth of the pairs that the teacher is surest of. If labels were wrong at one rate e below ½ everywhere it
   * would be e + (1 - 2e) · (the teacher's own errors there) (the anchor points of Patrini et al. 2017, arXiv 1609.03683). They are not:
   * people err where a pair is close, and there a teacher is unsure. Under a perfect teacher it can be 0 whatever the share of wrong labels.
   */
  readonly disagreementAmongSure: Interval | null;
  /** Mean of `probabilityWrong`: what is expected of a second person's labels, this teacher's doubt included. */
  readonly meanProbabilityWrong: number;
};

/** `resamples` for intervals, default 1000; `method` default platt, cross-fitted over 5 folds of groups. */
export type AuditOptions = {
  readonly rng: Rng;
  readonly method?: CalibrationMethod;
  readonly resamples?: number;
};

/**
 * Cuts groups into K folds of nearly equal numbers of groups, by a seed; whole groups stay together.
 * @returns the fold of each pair, 0 … K - 1
 * @throws DataError with fewer groups than folds
 */
export function auditFolds(groups: readonly string[], folds: number, seed: number | string): number[] {
  const names = createRng(seed)
    .fork("audit-folds")
    .shuffle([...new Set(groups)].sort());
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= names.length))
    throw new DataError(
      "audit",
      0,
      `cannot be cut into folds, expected from 2 to ${names.length} (one per prompt), got ${folds}.`,
    );
  const foldOf = new Map(names.map((name, i) => [name, i % folds]));
  return groups.map((group) => foldOf.get(group)!);
}

/**
 * Ranks the labels of a set by how likely they are wrong. The margins are calibrated against the labels themselves, cross-fitted
 * so that no pair's label calibrates its own probability; planted or real noise pulls probabilities towards ½, never past it, so
 * the order stays right.
 *
 * @throws DataError when there are no pairs; NumericsError when a margin is not finite
 */
export function auditLabels(pairs: readonly AuditedPair[], options: AuditOptions): AuditReport {
  if (pairs.length === 0) throw new DataError("audit", 0, "has no pairs, expected labelled pairs.");
  const { rng, method = "platt", resamples = 1000 } = options;
  const { probabilities } = crossFitCalibrator(
    method,
    pairs.map(({ margin }) => margin),
    pairs.map(({ human }) => human === "a"),
    { groups: pairs.map(({ group }) => group), rng: rng.fork("calibration") },
  );
  const suspects = pairs.map(({ id, group, human, margin }, i): Suspect => {
    const p = probabilities[i]!;
    return { id, group, human, margin, probabilityWrong: human === "a" ? 1 - p : p };
  });
  const groups = pairs.map(({ group }) => group);
  const over = (name: string, values: readonly number[], statistic: Statistic<number>) =>
    clusterBootstrap(values, groups, statistic, { rng: rng.fork(name), resamples });
  const wrong = suspects.map(({ probabilityWrong }) => probabilityWrong);
  const disagrees = suspects.map(({ human, margin }) =>
    margin === 0 ? 0.5 : Number(margin > 0 !== (human === "a")),
  );
  const meanOf = (values: readonly number[]) => values.reduce((total, x) => total + x, 0) / values.length;
  return {
    n: pairs.length,
    ranked: suspects.toSorted(
      (x, y) => y.probabilityWrong - x.probabilityWrong || (x.id < y.id ? -1 : x.id > y.id ? 1 : 0),
    ),
    disagreement: over("disagreement", disagrees, meanOf),
    noiseRate: over("noise", wrong, confidentNoise),
    disagreementAmongSure: over("sure", wrong, disagreementOfSurest),
    meanProbabilityWrong: meanOf(wrong),
  };
}

/** Share of the surest pairs that count as sure. */
const SURE = 0.2;

/** Share of labels that are likelier wrong than right, among those whose probability is farthest from ½ (ties enter together). */
function disagreementOfSurest(wrong: readonly number[]): number | null {
  const distance = wrong.map((p) => Math.abs(p - 0.5)).sort((x, y) => y - x);
  const least = distance[Math.ceil(SURE * wrong.length) - 1];
  if (least === undefined || least === 0) return null;
  const sure = wrong.filter((p) => Math.abs(p - 0.5) >= least);
  return sure.filter((p) => p > 0.5).length / sure.length;
}

/**
 * Confident learning (Northcutt, Jiang & Chuang 2021, arXiv 1911.00068) for two mirrored classes: the threshold is the mean
 * self-confidence of all labels; counted are labels whose other side reaches it, among those of which either side does.
 */
function confidentNoise(wrong: readonly number[]): number | null {
  const threshold = wrong.reduce((total, p) => total + (1 - p), 0) / wrong.length;
  let [flipped, kept] = [0, 0];
  for (const p of wrong) {
    if (p >= threshold && p > 0.5) flipped++;
    else if (1 - p >= threshold) kept++;
  }
  return flipped + kept === 0 ? null : flipped / (flipped + kept);
}

/** How well planted errors were found; intervals over resampled prompts. */
export const auditScoreSchema = z.object({
  n: z.number(),
  planted: z.number(),
  /** Area under the ROC curve of `probabilityWrong` against what was planted. */
  auroc: intervalSchema.nullable(),
  /** Share of planted errors among the first k, for each k asked that there are pairs for. */
  precisionAt: z.array(z.object({ k: z.number(), precision: intervalSchema.nullable() })).readonly(),
  /** The same for a random order: the share of planted errors. */
  chance: z.number(),
});

/** The same as a value. */
export type AuditScore = z.output<typeof auditScoreSchema>;

/** Flips a share of labels at random and says which. @param rate - in (0, 1) */
export function plantFlips<T extends { readonly id: string; readonly human: "a" | "b" }>(
  labels: readonly T[],
  rate: number,
  rng: Rng,
): { readonly labels: T[]; readonly flipped: ReadonlySet<string> } {
  checkFraction("plantFlips", "rate", rate);
  const order = rng.fork("plant-flips").shuffle([...labels].sort((x, y) => (x.id < y.id ? -1 : 1)));
  const flipped = new Set(order.slice(0, Math.round(rate * labels.length)).map(({ id }) => id));
  return {
    labels: labels.map((label) =>
      flipped.has(label.id) ? { ...label, human: label.human === "a" ? "b" : "a" } : label,
    ),
    flipped,
  };
}

/** Measures a ranking against the errors that were planted. @param ks - default: as many as were planted */
export function scoreAudit(
  ranked: readonly Suspect[],
  flipped: ReadonlySet<string>,
  options: { readonly rng: Rng; readonly ks?: readonly number[]; readonly resamples?: number },
): AuditScore {
  const points = ranked.map(({ id, probabilityWrong }) => ({ p: probabilityWrong, bad: flipped.has(id) }));
  const planted = points.filter(({ bad }) => bad).length;
  const groups = ranked.map(({ group }) => group);
  const over = (
    name: string,
    figure: (scores: readonly number[], bad: readonly boolean[]) => number | null,
  ) =>
    clusterBootstrap(
      points,
      groups,
      (sample) =>
        figure(
          sample.map(({ p }) => p),
          sample.map(({ bad }) => bad),
        ),
      { rng: options.rng.fork(name), resamples: options.resamples ?? 1000 },
    );
  const ks = [...new Set(options.ks ?? [planted])].filter((k) => k <= points.length);
  return {
    n: points.length,
    planted,
    auroc: over("auroc", auroc),
    precisionAt: ks.map((k) => ({
      k,
      precision: over(`precision-${k}`, (scores, bad) => precisionAtK(scores, bad, k)),
    })),
    chance: planted / Math.max(1, points.length),
  };
}
