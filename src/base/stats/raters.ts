/** Agreement of several people who each judged some of the items: each pair of them, and all at once. */
import { type BootstrapOptions, bootstrap, SHARE } from "./bootstrap.ts";
import { checkPaired, type Interval } from "./check.ts";
import { groupBy } from "./describe.ts";

/** What each person said of one item, in the order of the people; null where one said nothing. */
export type Ratings = readonly (string | null)[];

const categoriesOf = (items: readonly Ratings[]): readonly string[] => [
  ...new Set(items.flat().filter((answer) => answer !== null)),
];

/** What items add to alpha: coincidences of equal answers, then how often each answer was given, `[1 + categories]`. */
function coincidencesOf(items: readonly Ratings[], categories: readonly string[]): Float64Array {
  const sums = new Float64Array(1 + categories.length);
  for (const item of items) {
    const given = item.filter((answer) => answer !== null);
    if (given.length < 2) continue;
    categories.forEach((category, c) => {
      const k = given.filter((answer) => answer === category).length;
      sums[0]! += (k * (k - 1)) / (given.length - 1);
      sums[1 + c]! += k;
    });
  }
  return sums;
}

function alphaOf(clusters: readonly Float64Array[]): number | null {
  const [coincident = 0, ...answers] = added(clusters);
  const total = answers.reduce((sum, n) => sum + n, 0);
  const byChance = total * total - answers.reduce((sum, n) => sum + n * n, 0);
  return byChance === 0 ? null : 1 - ((total - 1) * (total - coincident)) / byChance;
}

/** Sums of lists of one length, number by number. */
function added(lists: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(lists[0]?.length ?? 0);
  for (const list of lists) for (let i = 0; i < sums.length; i++) sums[i]! += list[i]!;
  return sums;
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
 * What a cluster adds to each figure is counted once, so that a resample costs the clusters and not the items.
 *
 * @param items - `[items][people]`, as many people in each
 * @param clusters - the name of what each item depends on with others (its prompt)
 * @param options.paired - false leaves out the pairs of people, whose number grows with the square of theirs
 */
export function raterAgreement(
  items: readonly Ratings[],
  clusters: readonly string[],
  { paired = true, ...options }: BootstrapOptions & { readonly paired?: boolean },
): RaterAgreement {
  checkPaired("raterAgreement", items, clusters);
  for (const item of items) checkPaired("raterAgreement", items[0]!, item);
  const groups = groupBy(items, (_, i) => clusters[i]!);
  const categories = categoriesOf(items);
  const people = paired ? (items[0]?.length ?? 0) : 0;
  return {
    pairs: Array.from({ length: people }, (_, a) =>
      Array.from({ length: people - a - 1 }, (_, k) =>
        ratersAgree(groups, categories, [a, a + k + 1], options),
      ),
    ).flat(),
    alpha: bootstrap(
      groups.map((group) => coincidencesOf(group, categories)),
      alphaOf,
      options,
    ),
  };
}

function ratersAgree(
  groups: readonly (readonly Ratings[])[],
  categories: readonly string[],
  raters: readonly [number, number],
  options: BootstrapOptions,
): RaterPair {
  const tables = groups
    .map((group) => crossTable(group, categories, raters))
    .filter((table) => table.some((count) => count > 0));
  return {
    raters,
    items: added(tables).reduce((sum, count) => sum + count, 0),
    agreement: bootstrap(tables, (sample) => marginsOf(sample, categories.length).observed, {
      ...options,
      range: SHARE,
    }),
    kappa: bootstrap(tables, (sample) => kappaOf(sample, categories.length), options),
  };
}

/** How often one person said this while the other said that, `[categories * categories]`; items that both judged. */
function crossTable(
  group: readonly Ratings[],
  categories: readonly string[],
  [a, b]: readonly [number, number],
): Float64Array {
  const counts = new Float64Array(categories.length ** 2);
  for (const item of group) {
    const [first, second] = [item[a]!, item[b]!];
    if (first === null || second === null) continue;
    counts[categories.indexOf(first) * categories.length + categories.indexOf(second)]!++;
  }
  return counts;
}

/** Shares of equal answers, as they are and as chance would have them. There is an item. */
function marginsOf(tables: readonly Float64Array[], size: number): { observed: number; expected: number } {
  const counts = added(tables);
  const n = counts.reduce((sum, count) => sum + count, 0);
  let [same, chance] = [0, 0];
  for (let c = 0; c < size; c++) {
    let [row, column] = [0, 0];
    for (let d = 0; d < size; d++) {
      row += counts[c * size + d]!;
      column += counts[d * size + c]!;
    }
    same += counts[c * size + c]!;
    chance += row * column;
  }
  return { observed: same / n, expected: chance / (n * n) };
}

/** Cohen's kappa, as `cohenKappa` has it of the answers themselves. */
function kappaOf(tables: readonly Float64Array[], size: number): number | null {
  const { observed, expected } = marginsOf(tables, size);
  return expected === 1 ? null : (observed - expected) / (1 - expected);
}
