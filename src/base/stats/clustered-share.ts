/** The interval of a share when items come in clusters (the pairs of one prompt), which count as the units. */
import { z } from "zod";
import { scoreInterval, wilson } from "./binomial.ts";
import { checkFraction, checkPaired, type Interval, intervalSchema } from "./check.ts";
import { groupBy, sum } from "./describe.ts";
import { normalQuantile } from "./special.ts";
import { studentQuantile } from "./student.ts";

/** A share as a file holds it. */
export const agreementShareSchema = z.object({
  agree: z.number(),
  n: z.number(),
  share: intervalSchema.nullable(),
});

/** Pairs of which two said something, those of them on which they agree, and that share, whose `n` counts units (prompts or groups); null without pairs. */
export type AgreementShare = Readonly<z.output<typeof agreementShareSchema>>;

/**
 * Share of items for which something is so, with Wilson's interval of as many independent items as the clusters are worth: the share's
 * variance between clusters is that of a ratio (Cochran 1977, section 2.11), it gives the effective number of items (at most their number),
 * and a few clusters are taken off it by Student's factor (Korn & Graubard 1998). With one item in each cluster this is
 * Wilson's interval itself; where all items are alike each cluster counts as one.
 *
 * @param items - whether it is so, or how far: a number from 0 to 1 (a tie counts one half)
 * @returns null without items; `n` is the number of clusters
 */
export function clusteredShare(
  items: readonly (boolean | number)[],
  clusters: readonly string[],
  level = 0.95,
): Interval | null {
  checkPaired("clusteredShare", items, clusters);
  checkFraction("clusteredShare", "level", level);
  const groups = groupBy(items, (_, i) => clusters[i]!);
  return clusteredCounts(
    groups.map(hitsOf),
    groups.map((group) => group.length),
    level,
  );
}

/**
 * The same of clusters that are counted already.
 * @param hits - how many items of each cluster it is so of, each at most its size
 * @param sizes - items of each cluster, one at least
 */
export function clusteredCounts(
  hits: readonly number[],
  sizes: readonly number[],
  level = 0.95,
): Interval | null {
  checkPaired("clusteredCounts", hits, sizes);
  checkFraction("clusteredCounts", "level", level);
  const [all, items] = [sum(hits), sum(sizes)];
  if (sizes.length === items) return wilson(all, items, level);
  return { ...scoreInterval(all / items, effectiveItems(hits, sizes, level), level), n: sizes.length };
}

const hitsOf = (items: readonly (boolean | number)[]) => sum(items.map(Number));

/** How many independent items tell as much. There are two items in a cluster somewhere. */
function effectiveItems(hits: readonly number[], sizes: readonly number[], level: number): number {
  const k = sizes.length;
  const items = sum(sizes);
  const p = sum(hits) / items;
  if (k === 1 || p === 0 || p === 1) return k;
  const squares = sum(hits.map((count, i) => (count - p * sizes[i]!) ** 2));
  const variance = ((k / (k - 1)) * squares) / items ** 2;
  const independent = Math.min(items, (p * (1 - p)) / variance);
  return independent * (normalQuantile((1 + level) / 2) / studentQuantile(level, k - 1)) ** 2;
}
