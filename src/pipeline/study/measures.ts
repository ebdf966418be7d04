/** Figures of students in a study: gold reward, GRA, differences with one correction over all that a study compares. */
import type { Rng } from "../../base/core/rng.ts";
import { bootstrapMean, clusterBootstrap, SHARE } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import type { Margin } from "../../base/stats/equivalence.ts";
import { holm, pairedPermutationTest } from "../../base/stats/hypothesis.ts";
import { meanOverSeeds, seedInterval } from "../../base/stats/over-seeds.ts";
import { promptMeans } from "../../method/evaluate/arm.ts";
import { type Samples, type Standing, standingOf } from "../../method/evaluate/sample-pairs.ts";
import type { Cell, Difference, ReportTable } from "../../report/data.ts";
import { differenceSentence, marginInWords, readDifference, verdictOf } from "../../report/headline.ts";
import type { ArmOutcome } from "./outcomes.ts";
import { type Compared, differencesOverSeeds, haveSeeds, intervalOverSeeds } from "./over-seeds.ts";

export type { Compared } from "./over-seeds.ts";

/** How a study makes its intervals. */
export type Intervals = {
  readonly rng: Rng;
  readonly resamples: number;
  /** What counts as equal over seeds; default half of the gain. */
  readonly parity?: Margin | undefined;
  /** What a mean can be, where that is known, as of a share. */
  readonly range?: readonly [low: number, high: number] | undefined;
};

/** Name of the scorer that leads, the first of the recipe. */
export const leadingGold = (arm: ArmOutcome): string | undefined =>
  Object.keys(arm.records[0]?.gold ?? {})[0];

/** Gold reward of each prompt by its id, the mean over its samples. */
export function rewards(arm: ArmOutcome, gold = leadingGold(arm)): Map<string, number> {
  if (gold === undefined) return new Map();
  return new Map([...promptMeans(arm, gold)].map(([id, means]) => [id, means.gold]));
}

/** Mean gold reward over prompts; null without records. */
export function goldReward(arm: ArmOutcome, intervals: Intervals, gold?: string): Interval | null {
  const { rng, resamples, range } = intervals;
  if (haveSeeds([arm]))
    return intervalOverSeeds(
      [arm],
      (one) => rewards(one, gold),
      ([value]) => value!,
      { range },
    );
  return bootstrapMean([...rewards(arm, gold).values()], {
    ...{ rng: rng.fork("gold", arm.name), resamples, range },
  });
}

/** Rewards of arms, one list each, on the prompts that all of them answered. */
export function shared(arms: readonly ArmOutcome[], gold?: string): number[][] {
  const maps = arms.map((arm) => rewards(arm, gold));
  const ids = [...(maps[0]?.keys() ?? [])].filter((id) => maps.every((map) => map.has(id)));
  return maps.map((map) => ids.map((id) => map.get(id)!));
}

/** Rewards of two arms on the prompts that both answered. */
export function paired(a: ArmOutcome, b: ArmOutcome, gold?: string): { a: number[]; b: number[] } {
  const [first, second] = shared([a, b], gold);
  return { a: first!, b: second! };
}

/** GRA of CW-PO: share of responses whose reward is strictly above the baseline's to the same prompt, over pairs of samples. */
export function gra(arm: ArmOutcome, baseline: ArmOutcome, { rng, resamples }: Intervals): Interval | null {
  if (haveSeeds([arm, baseline])) return graOverSeeds(arm, baseline);
  const { above } = standings(arm, baseline);
  return bootstrapMean(above, { rng: rng.fork("gra", arm.name, baseline.name), resamples, range: SHARE });
}

function graOverSeeds(arm: ArmOutcome, baseline: ArmOutcome): Interval | null {
  const seeds = arm.replicates!.map((own, seed) =>
    samplesOfBoth(own, baseline.replicates![seed]!).flatMap(([cluster, samples]) =>
      standingOf([samples]).above.map((value) => ({ cluster, value })),
    ),
  );
  const found = meanOverSeeds(seeds);
  return found && seedInterval(found, { range: SHARE });
}

/** By prompt: a - b, or (a - its baseline) - (b - its baseline). */
function differencesOf({ a, b, over, gold }: Compared): number[] {
  const [first, second, below, under] = shared([a, b, ...(over ?? [])], gold);
  return first!.map((value, i) => value - (below?.[i] ?? 0) - (second![i]! - (under?.[i] ?? 0)));
}

/** Mean gold reward of `a` minus `b`, paired by prompt, corrected over all that are given; over seeds where the students have several. */
export function compareAll(pairs: readonly Compared[], intervals: Intervals): Difference[] {
  const several = pairs.length > 0 && pairs.every(({ a, b, over = [] }) => haveSeeds([a, b, ...over]));
  const raw = several ? comparedOverSeeds(pairs, intervals) : comparedModels(pairs, intervals);
  const adjusted = holm(raw.map(({ pValue }) => pValue));
  return raw.map((difference, i) => ({ ...difference, pAdjusted: adjusted[i]!, correction: "Holm" }));
}

type Tested = Difference & { readonly pValue: number };

const namesOf = ({ names: [a, b], metric = "gold reward" }: Compared) => ({ a, b, metric, paired: true });

function comparedModels(pairs: readonly Compared[], { rng, resamples }: Intervals): Tested[] {
  return pairs.flatMap((pair): Tested[] => {
    const differences = differencesOf(pair);
    if (differences.length === 0) return [];
    const stream = rng.fork("difference", ...pair.names);
    return [
      {
        ...namesOf(pair),
        value: bootstrapMean(differences, { rng: stream, resamples })!,
        unit: "prompts",
        test: "two-sided permutation test",
        pValue: pairedPermutationTest(differences, { rng: stream }),
      },
    ];
  });
}

/** Rewards of an arm, made once, however many contrasts it is in. */
function rememberRewards(): (gold: string | undefined) => (arm: ArmOutcome) => Map<string, number> {
  const known = new Map<string | undefined, Map<ArmOutcome, Map<string, number>>>();
  return (gold) => (arm) => {
    const arms = known.get(gold) ?? new Map<ArmOutcome, Map<string, number>>();
    known.set(gold, arms);
    const made = arms.get(arm) ?? rewards(arm, gold ?? leadingGold(arm));
    arms.set(arm, made);
    return made;
  };
}

function comparedOverSeeds(pairs: readonly Compared[], { parity }: Intervals): Tested[] {
  const remembered = rememberRewards();
  const by = ({ gold }: Compared) => remembered(gold);
  const found = differencesOverSeeds(pairs, by, parity ?? { kind: "share", share: 0.5 });
  return found.flatMap((one, i): Tested[] => {
    if (one === null) return [];
    const { pooled, ...difference } = one;
    const how = pooled ? ", the variance between runs from all cells of this kind" : "";
    return [{ ...namesOf(pairs[i]!), ...difference, test: `two-sided, over seeds and prompts${how}` }];
  });
}

/** A figure of pairs, with an interval over their prompts. @param name - forks the random numbers */
export function ofPairs<P extends { readonly group: string }>(
  pairs: readonly P[],
  statistic: (sample: readonly P[]) => number | null,
  name: string,
  { rng, resamples }: Intervals,
): Interval | null {
  const groups = pairs.map(({ group }) => group);
  return clusterBootstrap(pairs, groups, statistic, { rng: rng.fork(name), resamples });
}

const EQUALITY_NOTE =
  '"matches" is a test at 5 % for each comparison by itself; Holm\'s correction is of the differences.';

/** The table of differences; over seeds with what they say of methods. */
export function differenceTable(differences: readonly Difference[], title = "Differences"): ReportTable {
  const several = differences.some(({ scope }) => scope === "methods");
  const tests = differences.flatMap(({ test }) => (several && test ? [`Test: ${test}.`] : []));
  const notes = [...new Set(tests), ...(differences.some(({ parity }) => parity) ? [EQUALITY_NOTE] : [])];
  return {
    title,
    columns: [
      { title: "comparison", format: "text" },
      { title: `difference in ${differences[0]?.metric ?? "gold reward"}`, signed: true },
      { title: "p", format: "p" },
      { title: "p, Holm", format: "p" },
      ...(several
        ? [
            { title: "verdict", format: "text" as const },
            { title: "margin", format: "text" as const },
            { title: "equivalent, p", format: "p" as const },
            { title: "smallest share that would do", format: "percent" as const, digits: 0 },
            { title: "smallest difference", digits: 3 },
          ]
        : []),
    ],
    rows: differences.map((one): Cell[] => [
      `${one.a} - ${one.b}`,
      one.value,
      one.pValue ?? null,
      one.pAdjusted ?? null,
      ...(several ? parityCells(one) : []),
    ]),
    ...(notes.length === 0 ? {} : { notes }),
  };
}

const parityCells = (one: Difference): Cell[] => [
  verdictOf(one),
  ...(one.parity === undefined
    ? [null, null, null, null]
    : [marginInWords(one.parity), one.parity.pValue, one.parity.smallestShare, one.parity.smallestMargin]),
];

/** What differences say, by rule: one sentence each up to three, else those that are shown and a count of the others. */
export function findingOf(differences: readonly Difference[]): string | undefined {
  if (differences.length === 0) return undefined;
  if (differences.length <= 3) return differences.map((one) => differenceSentence(one)).join(" ");
  return differences.every(({ scope }) => scope === "methods")
    ? ofMethods(differences)
    : ofModels(differences);
}

/** Of two runs each: of these models, and no more. */
function ofModels(differences: readonly Difference[]): string {
  const shown = differences.filter((one) => ["above", "below"].includes(readDifference(one)));
  const named = shown.map((one) => `${one.a} ${readDifference(one)} ${one.b}`);
  const all = `Of ${differences.length} comparisons of two models each, by ${differences[0]!.metric},`;
  if (shown.length === 0)
    return `${all} none is significant after Holm's correction: nothing is shown, which is not the same as no difference.`;
  return `${all} ${shown.length} ${isAre(shown.length)} significant after Holm's correction: ${named.join("; ")}.${restOf(differences.length - shown.length)}`;
}

function ofMethods(differences: readonly Difference[]): string {
  const said = differences.map((one) => ({ one, verdict: verdictOf(one) }));
  const told = said.filter(({ verdict }) => verdict !== "cannot tell");
  const named = told.map(({ one: { a, b }, verdict }) =>
    verdict === "matches" ? `${a} matches ${b}` : `${a} is ${verdict} than ${b}`,
  );
  const all = `Of ${differences.length} comparisons by ${differences[0]!.metric} over ${differences[0]!.value.n} seeds`;
  if (told.length === 0) return `${all} none can be told: neither a difference nor parity is shown.`;
  return `${all}, ${told.length} can be told (differences after Holm's correction, equality by a test of its own each): ${named.join("; ")}.${restOf(differences.length - told.length)}`;
}

const isAre = (count: number): string => (count === 1 ? "is" : "are");

const restOf = (rest: number): string =>
  rest === 0 ? "" : ` The other ${rest} stay${rest === 1 ? "s" : ""} open.`;

/** Notes that every table of many cells carries. */
export function multiplicityNote(intervals: number, comparisons: number): string {
  const expected = intervals * 0.05;
  return (
    `${intervals} intervals at 95 %: about ${expected < 1 ? "one at most" : expected.toFixed(0)} would miss its value by chance alone. ` +
    `${comparisons} comparisons are corrected together (Holm).`
  );
}

/** Pairs of samples won, tied and lost by `a` against `b` on the prompts that both answered, with the sign test over prompts. */
export function standings(a: ArmOutcome, b: ArmOutcome, gold = leadingGold(a)): Standing {
  return standingOf(samplesOfBoth(a, b, gold).map(([, samples]) => samples));
}

/** Samples of two students on each prompt that both answered. */
function samplesOfBoth(
  a: ArmOutcome,
  b: ArmOutcome,
  gold = leadingGold(a),
): (readonly [string, readonly [Samples, Samples]])[] {
  if (gold === undefined) return [];
  const [own, other] = [promptMeans(a, gold), promptMeans(b, gold)];
  return [...own].flatMap(([id, { samples }]) =>
    other.has(id) ? [[id, [samples, other.get(id)!.samples]] as const] : [],
  );
}
