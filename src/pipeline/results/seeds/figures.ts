/**
 * What was measured of arms over several seeds, item by item: gold rewards by prompt and test pairs, as replicates for `stats/over-seeds`.
 * Arms are compared on the items that all of them have in a run; every run is one seed.
 */

import { SHARE } from "../../../base/stats/bootstrap.ts";
import type { Contrast } from "../../../base/stats/equivalence.ts";
import { meanOverSeeds, type Replicate, type SeedMean } from "../../../base/stats/over-seeds.ts";
import { type EvaluatedArm, promptMeans } from "../../../method/evaluate/arm.ts";
import { hasImplicit, verdictsOf } from "../../../method/evaluate/gap.ts";
import { standingOf } from "../../../method/evaluate/sample-pairs.ts";
import type { NumberFormat } from "../../../report/charts/spec.ts";
import type { ComparedRun } from "../compare/run-folder.ts";

/** A value of one item, and the prompt it belongs to. */
type Item = { readonly cluster: string; readonly value: number };
type Items = ReadonlyMap<string, Item>;

/** A figure that arms have in every run. */
export type SeedFigure = {
  readonly metric: string;
  readonly format?: NumberFormat | undefined;
  /** Arms that have it in all runs, in their order. */
  readonly arms: readonly string[];
  /** Arms that start at a value by definition: an SFT student is its own reference, so its implicit reward decides nothing. */
  readonly startsAt?: number;
  /** What a mean of it can be, where that is known. */
  readonly range?: readonly [low: number, high: number];
  /** Items of an arm, one map a run. */
  items(arm: string): readonly Items[];
  /** Share of responses of `a` that beat `b`'s to the same prompt, ties counting half; only where responses are scored. */
  wins?(a: string, b: string): SeedMean | null;
};

/** Names of arms in the order of the first run, those that every run has. */
export const commonArms = (runs: readonly ComparedRun[]): string[] =>
  runs[0]!.arms
    .map(({ name }) => name)
    .filter((name) => runs.every(({ arms }) => arms.some((arm) => arm.name === name)));

const answersOf = (run: ComparedRun, arm: string): EvaluatedArm | undefined =>
  run.answers.find(({ name }) => name === arm);

/** Gold scorers that all answers of all runs were scored by, in the order of the recipe. */
export function commonGolds(runs: readonly ComparedRun[]): string[] {
  const all = runs.flatMap(({ answers }) =>
    answers.map(({ records }) => Object.keys(records[0]?.gold ?? {})),
  );
  return (all[0] ?? []).filter((gold) => all.every((names) => names.includes(gold)));
}

/** Everything that is compared over seeds; what leads comes first. */
export function seedFigures(runs: readonly ComparedRun[]): SeedFigure[] {
  const arms = commonArms(runs);
  const answered = arms.filter((arm) => runs.every((run) => answersOf(run, arm) !== undefined));
  const golds = answered.length === 0 ? [] : commonGolds(runs);
  const rewards = golds.map(
    (gold): SeedFigure => ({
      metric: golds.length === 1 ? "gold reward" : `gold reward (${gold})`,
      arms: answered,
      items: remembered((arm) => runs.map((run) => rewardItems(answersOf(run, arm)!, gold))),
      wins: (a, b) =>
        meanOverSeeds(runs.map((run) => winItems(answersOf(run, a)!, answersOf(run, b)!, gold))),
    }),
  );
  return [...rewards, testAccuracyFigure(runs, arms)].filter((figure) => figure.arms.length > 0);
}

/** A map is made once for each arm, however many contrasts it is in. */
function remembered(make: (arm: string) => Items[]): SeedFigure["items"] {
  const known = new Map<string, Items[]>();
  return (arm) => {
    const before = known.get(arm);
    if (before !== undefined) return before;
    const made = make(arm);
    known.set(arm, made);
    return made;
  };
}

const rewardItems = (arm: EvaluatedArm, gold: string): Items =>
  new Map([...promptMeans(arm, gold)].map(([id, { gold: value }]) => [id, { cluster: id, value }]));

function winItems(a: EvaluatedArm, b: EvaluatedArm, gold: string): Replicate {
  const [own, other] = [promptMeans(a, gold), promptMeans(b, gold)];
  return [...own].flatMap(([cluster, { samples }]) => {
    const against = other.get(cluster)?.samples;
    return against === undefined
      ? []
      : standingOf([[samples, against]]).points.map((value) => ({ cluster, value }));
  });
}

/** Arms with an implicit reward: 1 for a pair on which it sides with the person, else 0. */
function testAccuracyFigure(runs: readonly ComparedRun[], arms: readonly string[]): SeedFigure {
  const pairsOf = (run: ComparedRun, arm: string) => run.testMargins.get(arm) ?? [];
  return {
    metric: "test accuracy",
    format: "percent",
    startsAt: 0.5,
    range: SHARE,
    arms: arms.filter((arm) => runs.every((run) => hasImplicit(pairsOf(run, arm)))),
    items: remembered((arm) =>
      runs.map(
        (run) =>
          new Map(
            [...verdictsOf(pairsOf(run, arm))].map(([id, { right, promptId }]) => [
              id,
              { cluster: promptId, value: right ? 1 : 0 },
            ]),
          ),
      ),
    ),
  };
}

/** The mean of one arm. */
export function meanOfArm(figure: SeedFigure, arm: string): SeedMean | null {
  return meanOverSeeds(figure.items(arm).map((items) => [...items.values()]));
}

/** The mean of a function of two arms, item by item. */
export function meanOfTwo(
  figure: SeedFigure,
  [a, b]: readonly [string, string],
  of: (a: number, b: number) => number,
): SeedMean | null {
  return meanOverSeeds(joined([figure.items(a), figure.items(b)], ([x, y]) => of(x!, y!)));
}

/** Contrasts of an arm, another and the start of both; the start is an arm, or a value by definition. */
export function contrastsOf(
  figure: SeedFigure,
  { own, other, start }: { readonly own: string; readonly other: string; readonly start: string | undefined },
): ((contrast: Contrast) => SeedMean | null) | undefined {
  const hasStart = start !== undefined && figure.arms.includes(start);
  if (!hasStart && figure.startsAt === undefined) return undefined;
  const arms = [own, other, ...(hasStart ? [start] : [])].map((arm) => figure.items(arm));
  const base = figure.startsAt ?? 0;
  return ({ difference, gain }) =>
    meanOverSeeds(
      joined(
        arms,
        ([first, second, third]) => difference * (first! - second!) + gain * (second! - (third ?? base)),
      ),
    );
}

/** Per run the items that all arms have, with a value made of theirs. */
function joined(arms: readonly (readonly Items[])[], of: (values: readonly number[]) => number): Replicate[] {
  return arms[0]!.map((first, run) =>
    [...first].flatMap(([id, { cluster }]) => {
      const values = arms.map((items) => items[run]!.get(id)?.value);
      return values.some((value) => value === undefined) ? [] : [{ cluster, value: of(values as number[]) }];
    }),
  );
}
