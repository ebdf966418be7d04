/** Agreement of several people who each judged some of the items: each pair of them, and all at once. */
import { type BootstrapOptions, clusterBootstrap, SHARE } from "./bootstrap.ts";
import { checkPaired, type Interval } from "./check.ts";
import { mean, sum } from "./describe.ts";
import { cohenKappa } from "./kappa.ts";

/** What each person said of one item, in the order of the people; null where one said nothing. */
export type Ratings = readonly (string | null)[];

/**
 * Krippendorff's alpha for nominal answers, any number of people, answers missing anywhere (Krippendorff 2011, "Computing
 * Krippendorff's alpha-reliability", section C): 1 - (N - 1) (N - Σ o_cc) / (N² - Σ n_c²), where an item with m answers adds 1 / (m - 1)
 * for each ordered pair of them to the coincidences o, and items with fewer than two add nothing.
 *
 * @returns null when no item has two answers, or all answers are one and the same
 */
export function krippendorffAlpha(items: readonly Ratings[]): number | null {
  const answers = new Map<string, number>();
  let total = 0;
  let coincident = 0;
  for (const item of items) {
    const given = item.filter((answer) => answer !== null);
    if (given.length < 2) continue;
    const counts = countsOf(given);
    total += given.length;
    coincident += sum([...counts.values()].map((k) => k * (k - 1))) / (given.length - 1);
    for (const [answer, k] of counts) answers.set(answer, (answers.get(answer) ?? 0) + k);
  }
  const byChance = total * total - sum([...answers.values()].map((n) => n * n));
  return byChance === 0 ? null : 1 - ((total - 1) * (total - coincident)) / byChance;
}

function countsOf(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** How two people agree on the items that both judged; intervals over clusters (`n` counts these). */
export type RaterPair = {
  /** Places of the two in the order of the people. */
  readonly raters: readonly [number, number];
  readonly items: number;
  /** Share of items with the same answer; null when they share none. */
  readonly agreement: Interval | null;
  /** Cohen's kappa; null when undefined, as where both always said one thing. */
  readonly kappa: Interval | null;
};

/** Agreement of a group of people. */
export type RaterAgreement = {
  readonly pairs: readonly RaterPair[];
  readonly alpha: Interval | null;
};

/**
 * Raw agreement and Cohen's kappa of each two people, and Krippendorff's alpha of all; percentile bootstrap over clusters of items.
 *
 * @param items - `[items][people]`, as many people in each
 * @param clusters - the name of what each item depends on with others (its prompt)
 */
export function raterAgreement(
  items: readonly Ratings[],
  clusters: readonly string[],
  options: BootstrapOptions,
): RaterAgreement {
  checkPaired("raterAgreement", items, clusters);
  for (const item of items) checkPaired("raterAgreement", items[0]!, item);
  const people = items[0]?.length ?? 0;
  return {
    pairs: Array.from({ length: people }, (_, a) =>
      Array.from({ length: people - a - 1 }, (_, k) => ratersAgree(items, clusters, [a, a + k + 1], options)),
    ).flat(),
    alpha: clusterBootstrap(items, clusters, krippendorffAlpha, options),
  };
}

function ratersAgree(
  items: readonly Ratings[],
  clusters: readonly string[],
  raters: readonly [number, number],
  options: BootstrapOptions,
): RaterPair {
  const [a, b] = raters;
  const both = items.flatMap((item, i) => {
    const [first, second] = [item[a]!, item[b]!];
    return first === null || second === null ? [] : [{ first, second, cluster: clusters[i]! }];
  });
  const names = both.map(({ cluster }) => cluster);
  type Shared = (typeof both)[number];
  const alike = (sample: readonly Shared[]) =>
    mean(sample.map(({ first, second }) => Number(first === second)));
  const kappa = (sample: readonly Shared[]) =>
    cohenKappa(
      sample.map(({ first }) => first),
      sample.map(({ second }) => second),
    );
  return {
    raters,
    items: both.length,
    agreement: clusterBootstrap(both, names, alike, { ...options, range: SHARE }),
    kappa: clusterBootstrap(both, names, kappa, options),
  };
}
