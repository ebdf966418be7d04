/**
 * Students of a study over several seeds: means, differences and parity that hold for further seeds and prompts. A difference takes its variance between
 * runs from all cells in which the same two kinds of students are compared and no student stands twice; alone, from its own seeds.
 */

import type { Interval } from "../../base/stats/check.ts";
import { type Contrast, equivalence, type Margin } from "../../base/stats/equivalence.ts";
import {
  type Between,
  meanOverSeeds,
  pooledBetween,
  type Replicate,
  type SeedIntervalOptions,
  type SeedMean,
  seedInterval,
  seedPValue,
} from "../../base/stats/over-seeds.ts";
import type { Difference, Parity } from "../../report/data.ts";
import type { ArmOutcome, CellOutcome } from "./outcomes.ts";

/** Two arms that are compared, under the names they have in the table; by the leading scorer unless `gold` names one. */
export type Compared = {
  readonly a: ArmOutcome;
  readonly b: ArmOutcome;
  readonly names: readonly [string, string];
  /** Two more arms: `a` is then what it is above the first of them, `b` what it is above the second. */
  readonly over?: readonly [ArmOutcome, ArmOutcome];
  /** Default: the scorer that leads. */
  readonly gold?: string;
  /** What is compared, in words; default gold reward. */
  readonly metric?: string;
  /** What both start from: over seeds `a` is then also tested for being as good as `b`. */
  readonly start?: ArmOutcome;
  /** Comparisons of one kind have one variance between runs, where they are runs of their own. */
  readonly kind?: string;
};

/** A value of each prompt by its id. */
type ByPrompt = (arm: ArmOutcome) => ReadonlyMap<string, number>;

/** One cell of several seeds: what the first has, its students with those of all seeds, and the cells of all. */
export function overSeeds(outcomes: readonly CellOutcome[]): CellOutcome {
  const [first, ...more] = outcomes;
  if (more.length === 0) return first!;
  const withAll = (arm: ArmOutcome, of: (cell: CellOutcome) => ArmOutcome | undefined): ArmOutcome => ({
    ...arm,
    replicates: outcomes.map((cell) => of(cell)!),
  });
  const { teacher } = first!;
  return {
    ...first!,
    replicates: outcomes,
    arms: new Map([...first!.arms].map(([name, arm]) => [name, withAll(arm, ({ arms }) => arms.get(name))])),
    teacher: teacher && withAll(teacher, (cell) => cell.teacher),
  };
}

/** Applies what is done to a student to those of all seeds. */
export function everySeed(arm: ArmOutcome, change: (one: ArmOutcome) => ArmOutcome): ArmOutcome {
  const { replicates } = arm;
  const changed = change(arm);
  return replicates === undefined ? changed : { ...changed, replicates: replicates.map(change) };
}

/** True where all students have several seeds. */
export const haveSeeds = (arms: readonly ArmOutcome[]): boolean =>
  arms.length > 0 && arms.every(({ replicates }) => replicates !== undefined);

/** By seed the prompts that all students answered, with a value made of theirs. */
function replicates(
  arms: readonly ArmOutcome[],
  by: ByPrompt,
  of: (values: readonly number[]) => number,
): Replicate[] {
  return arms[0]!.replicates!.map((_, seed) => {
    const maps = arms.map((arm) => by(arm.replicates![seed]!));
    return [...maps[0]!.keys()].flatMap((cluster) => {
      const values = maps.map((map) => map.get(cluster));
      return values.some((value) => value === undefined) ? [] : [{ cluster, value: of(values as number[]) }];
    });
  });
}

/** Interval of a figure of one or more students over their seeds; n counts seeds. */
export function intervalOverSeeds(
  arms: readonly ArmOutcome[],
  by: ByPrompt,
  of: (values: readonly number[]) => number,
  options: SeedIntervalOptions,
): Interval | null {
  const found = meanOverSeeds(replicates(arms, by, of));
  return found && seedInterval(found, options);
}

/** A comparison's students, in the order in which `differenceOf` takes them. */
const armsOf = ({ a, b, over }: Compared): ArmOutcome[] => [a, b, ...(over ?? [])];

const differenceOf = ([a, b, below = 0, under = 0]: readonly number[]): number => a! - below - (b! - under);

/** Differences over seeds; `names`, metric and correction are the caller's. */
export type SeedDifference = Required<Pick<Difference, "scope" | "value" | "unit" | "pValue">> &
  Pick<Difference, "parity"> & { readonly pooled: boolean };

/** Each comparison over its seeds; null where its students share no prompt. */
export function differencesOverSeeds(
  pairs: readonly Compared[],
  by: (pair: Compared) => ByPrompt,
  margin: Margin,
): (SeedDifference | null)[] {
  const groups = new Map<string, Compared[]>();
  for (const pair of pairs)
    if (pair.kind !== undefined) groups.set(pair.kind, [...(groups.get(pair.kind) ?? []), pair]);
  return pairs.map((pair) => {
    const cells = pair.kind === undefined ? [] : groups.get(pair.kind)!;
    const shares = cells.length > 1 && areApart(cells);
    const pooled = (of: (values: readonly number[]) => number, arms: (pair: Compared) => ArmOutcome[]) =>
      shares ? betweenCells(cells.map((cell) => replicates(arms(cell), by(cell), of))) : undefined;
    const mean = meanOverSeeds(
      replicates(armsOf(pair), by(pair), differenceOf),
      pooled(differenceOf, armsOf),
    );
    const value = mean && seedInterval(mean);
    if (mean === null || value === null) return null;
    const parity = pair.start === undefined ? {} : parityOf(pair, by, margin, pooled);
    return {
      ...{ scope: "methods", value, unit: `seeds, ${mean.clusters} prompts`, pooled: shares },
      pValue: seedPValue(mean)!,
      ...parity,
    };
  });
}

/** No student stands in two of the cells: then they are runs of their own. */
function areApart(cells: readonly Compared[]): boolean {
  const all = cells.flatMap((cell) => [...armsOf(cell), ...(cell.start === undefined ? [] : [cell.start])]);
  const seeds = new Set(cells.map(({ a }) => a.replicates!.length));
  return new Set(all).size === all.length && seeds.size === 1;
}

function betweenCells(cells: readonly (readonly Replicate[])[]): Between | undefined {
  const means = cells.map((cell) => meanOverSeeds(cell)?.means);
  return means.some((one) => one === undefined)
    ? undefined
    : (pooledBetween(means as (readonly number[])[]) ?? undefined);
}

function parityOf(
  pair: Compared,
  by: (pair: Compared) => ByPrompt,
  margin: Margin,
  pooled: (
    of: (values: readonly number[]) => number,
    arms: (pair: Compared) => ArmOutcome[],
  ) => Between | undefined,
): { parity?: Parity | undefined } {
  const three = ({ a, b, start }: Compared) => [a, b, start!];
  const meanOf = ({ difference, gain }: Contrast): SeedMean | null => {
    const of = ([own, other, start]: readonly number[]) =>
      difference * (own! - other!) + gain * (other! - start!);
    return meanOverSeeds(replicates(three(pair), by(pair), of), pooled(of, three));
  };
  const found = equivalence(meanOf, margin);
  if (found === null) return {};
  const { shown, size, pValue, smallestShare, smallestMargin } = found;
  return {
    parity: {
      ...{ shown, size, pValue, smallestShare, smallestMargin, over: pair.names[1], start: pair.start!.name },
      ...(margin.kind === "share" ? { share: margin.share } : {}),
    },
  };
}
