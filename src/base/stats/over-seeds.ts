/**
 * A mean over training runs (seeds) and over clusters (prompts), with an interval that is meant for further seeds and further prompts.
 *
 *   value(s, p) = mean + seed_s + prompt_p + rest_sp
 *   Var(mean over S seeds) = V + C,   V = (variance between the seeds' means) / S,   C = covariance of two seeds' means
 *
 * V holds what training draws anew, and the prompts that only one seed has. It leaves out what all seeds have in common because they answered
 * the same prompts: C, from the products of two seeds' residuals on the prompts both have. So one formula serves seeds that share all test
 * prompts (then V + C is the two-way layout's estimate, Searle, Casella & McCulloch 1992, section 4.5), none (then it is Student's
 * interval over the seeds' means) or some. Half-width² = t²(S - 1) V + t²(prompts - 1) C: each part with its own quantile, after Cochran
 * (1964, Biometrics 20). It is never below the nominal coverage and a little above it between the two ends; the usual approximation of the degrees of
 * freedom (Satterthwaite's) falls below it with three seeds. Simulated in the test.
 */
import { checkSample, type Interval } from "./check.ts";
import { groupBy, mean, sum, variance } from "./describe.ts";
import { studentQuantile } from "./student.ts";

/** What one seed's run measured: a value per item, and the cluster (prompt) that it belongs to. */
export type Replicate = readonly { readonly cluster: string; readonly value: number }[];

/** A mean over seeds, with the two parts of its variance. */
export type SeedMean = {
  /** Mean of the seeds' means: every seed counts the same. */
  readonly estimate: number;
  readonly seeds: number;
  /** Clusters of all seeds, each counted once. */
  readonly clusters: number;
  /** Means of the seeds, in their order. */
  readonly means: readonly number[];
  /** Variance of one seed's mean, and the degrees of freedom it was estimated with; NaN and 0 for one seed alone. */
  readonly between: Between;
  /** Mean of the seeds' own variances of their means, as their clusters alone tell it: what a report of one seed has. */
  readonly within: number;
  /** Variance of the mean due to clusters that seeds have in common, at least 0, and its degrees of freedom. */
  readonly shared: Between;
};

/** An estimated variance with its degrees of freedom. */
export type Between = { readonly variance: number; readonly degrees: number };

/**
 * The mean over seeds. Null without seeds or where one of them has no value.
 * @param pooled - variance of one seed's mean from several cells (`pooledBetween`), in place of this one's own
 * @throws NumericsError when a value is not finite
 */
export function meanOverSeeds(replicates: readonly Replicate[], pooled?: Between): SeedMean | null {
  if (replicates.length === 0 || replicates.some((items) => items.length === 0)) return null;
  for (const items of replicates)
    checkSample(
      "meanOverSeeds",
      items.map(({ value }) => value),
    );
  const seeds = replicates.map(influences);
  const means = seeds.map(({ mean: own }) => own);
  const all = seeds.map(({ parts }) => parts);
  const shared = sharedVariance(all);
  const within = mean(all.map((parts) => sum([...parts.values()].map((part) => part ** 2))));
  return {
    estimate: mean(means),
    seeds: seeds.length,
    clusters: new Set(all.flatMap((parts) => [...parts.keys()])).size,
    means,
    between: pooled ?? betweenOf(means, Math.max(0, within - shared.variance)),
    within,
    shared,
  };
}

/** Mean of all items of a seed, and how much each cluster moves it: residuals summed and divided by the number of items. */
function influences(items: Replicate): { readonly mean: number; readonly parts: Map<string, number> } {
  const own = mean(items.map(({ value }) => value));
  const groups = groupBy(items, ({ cluster }) => cluster);
  // As n - 1 does in a variance.
  const unbiased = groups.length > 1 ? Math.sqrt(groups.length / (groups.length - 1)) : 0;
  const part = (group: Replicate) => (unbiased * sum(group.map(({ value }) => value - own))) / items.length;
  return { mean: own, parts: new Map(groups.map((group) => [group[0]!.cluster, part(group)])) };
}

/** Mean covariance of two seeds' means, over the clusters they share. */
function sharedVariance(seeds: readonly ReadonlyMap<string, number>[]): Between {
  const byCluster = new Map<string, number[]>();
  for (const parts of seeds)
    for (const [cluster, part] of parts) byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), part]);
  const several = [...byCluster.values()].filter((parts) => parts.length > 1);
  if (several.length === 0) return { variance: 0, degrees: 0 };
  const products = several.map((parts) => sum(parts) ** 2 - sum(parts.map((part) => part ** 2)));
  const found = sum(products) / (seeds.length * (seeds.length - 1));
  return { variance: Math.max(0, found), degrees: Math.max(1, several.length - 1) };
}

/**
 * Variance between the seeds' means. Means that are all alike, as coarse figures may be, say nothing of the variance: that of the clusters
 * inside a seed that it does not share stands in for it then (`apart`).
 */
function betweenOf(means: readonly number[], apart: number): Between {
  if (means.length < 2) return { variance: Number.NaN, degrees: 0 };
  const own = variance(means);
  return { variance: own > 0 ? own : apart, degrees: means.length - 1 };
}

/** Half the width of the interval. */
function halfWidth({ between, shared, seeds }: SeedMean, level: number): number {
  const quantile = ({ degrees }: Between) => (degrees < 1 ? 0 : studentQuantile(level, degrees));
  return Math.sqrt(
    (quantile(between) ** 2 * between.variance) / seeds + quantile(shared) ** 2 * shared.variance,
  );
}

/** `level` in (0, 1), default 0.95. `range`: what such a mean can be; with few seeds the interval of a share near 1 passes 1, and is cut there. */
export type SeedIntervalOptions = {
  readonly level?: number | undefined;
  readonly range?: readonly [low: number, high: number] | undefined;
};

/** Two-sided interval; n is the number of seeds. Null where there is no variance between seeds to be had: one seed, nothing pooled. */
export function seedInterval(figure: SeedMean, options: SeedIntervalOptions = {}): Interval | null {
  const { level = 0.95, range: [least, most] = [-Infinity, Infinity] } = options;
  if (figure.between.degrees < 1) return null;
  const { estimate, seeds } = figure;
  const half = halfWidth(figure, level);
  return {
    ...{ estimate, n: seeds, level },
    low: Math.max(least, estimate - half),
    high: Math.min(most, estimate + half),
  };
}

/** Smaller p-values are not told from this one: one minus them has no digits left. */
const LEAST_P = 1e-12;

/**
 * Two-sided p-value of a mean of 0: one minus the level at which the interval just touches 0. Null where there is no interval.
 */
export function seedPValue(figure: SeedMean): number | null {
  if (figure.between.degrees < 1) return null;
  const size = Math.abs(figure.estimate);
  if (size === 0) return 1;
  if (halfWidth(figure, 1 - LEAST_P) <= size) return LEAST_P;
  let [low, high] = [LEAST_P, 1];
  for (let i = 0; i < 60; i++) {
    const p = (low + high) / 2;
    if (p < 1 && halfWidth(figure, 1 - p) > size) low = p;
    else high = p;
  }
  return high;
}

/**
 * Variance between seeds from several cells of one study: the mean of the cells' variances. Cells that share seeds are not independent, so
 * the degrees of freedom are those that match the variance of that mean (Box 1954, theorem 3.1): from those of one cell, where all move
 * together, to those of all cells added, where none do. Chance correlations of a few seeds make them too few rather than too many.
 *
 * @param cells - means of the seeds by cell, the same seeds in the same order
 * @returns null below two seeds
 */
export function pooledBetween(cells: readonly (readonly number[])[]): Between | null {
  const degrees = (cells[0]?.length ?? 0) - 1;
  if (degrees < 1) return null;
  const centred = cells.map((means) => {
    const centre = mean(means);
    return means.map((value) => value - centre);
  });
  const covariance = (a: readonly number[], b: readonly number[]) =>
    sum(a.map((value, i) => value * b[i]!)) / degrees;
  const trace = sum(centred.map((one) => covariance(one, one)));
  const squares = sum(centred.flatMap((a) => centred.map((b) => covariance(a, b) ** 2)));
  const effective = squares > 0 ? (degrees * trace ** 2) / squares : degrees;
  return {
    variance: trace / cells.length,
    degrees: Math.min(Math.max(effective, degrees), degrees * cells.length),
  };
}
