/** Figures of students in a study: gold reward, GRA, differences with one correction over all that a study compares. */
import type { Rng } from "../../core/rng.ts";
import { promptMeans } from "../../evaluate/arm.ts";
import { type Standing, standingOf } from "../../evaluate/sample-pairs.ts";
import type { Difference, ReportTable } from "../../report/data.ts";
import { differenceSentence, readDifference } from "../../report/headline.ts";
import { bootstrapMean, clusterBootstrap, SHARE } from "../../stats/bootstrap.ts";
import type { Interval } from "../../stats/check.ts";
import { mean } from "../../stats/describe.ts";
import { holm, pairedPermutationTest } from "../../stats/hypothesis.ts";
import type { ArmOutcome } from "./outcomes.ts";

/** How a study makes its intervals. */
export type Intervals = { readonly rng: Rng; readonly resamples: number };

/** Name of the scorer that leads, the first of the recipe. */
export const leadingGold = (arm: ArmOutcome): string | undefined =>
  Object.keys(arm.records[0]?.gold ?? {})[0];

/** Gold reward of each prompt by its id, the mean over its samples. */
export function rewards(arm: ArmOutcome, gold = leadingGold(arm)): Map<string, number> {
  if (gold === undefined) return new Map();
  return new Map([...promptMeans(arm, gold)].map(([id, means]) => [id, means.gold]));
}

/** Mean gold reward over prompts; null without records. */
export function goldReward(arm: ArmOutcome, { rng, resamples }: Intervals, gold?: string): Interval | null {
  return bootstrapMean([...rewards(arm, gold).values()], { rng: rng.fork("gold", arm.name), resamples });
}

/** Mean length of the answers, tokens. */
export function answerLength({ name, records }: ArmOutcome, { rng, resamples }: Intervals): Interval | null {
  const byPrompt = new Map<string, number[]>();
  for (const { promptId, tokens } of records)
    byPrompt.set(promptId, [...(byPrompt.get(promptId) ?? []), tokens]);
  const means = [...byPrompt.values()].map((values) => mean(values));
  return bootstrapMean(means, { rng: rng.fork("length", name), resamples });
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
  const { above } = standings(arm, baseline);
  return bootstrapMean(above, { rng: rng.fork("gra", arm.name, baseline.name), resamples, range: SHARE });
}

/** Two arms that are compared, under the names they have in the table; by the leading scorer unless `gold` names one. */
export type Compared = {
  readonly a: ArmOutcome;
  readonly b: ArmOutcome;
  readonly names: readonly [string, string];
  /** Two more arms: `a` is then what it is above the first of them, `b` what it is above the second. */
  readonly over?: readonly [ArmOutcome, ArmOutcome];
  /** Default: the scorer that leads. */
  readonly gold?: string;
};

/** By prompt: a - b, or (a - its baseline) - (b - its baseline). */
function differencesOf({ a, b, over, gold }: Compared): number[] {
  const [first, second, below, under] = shared([a, b, ...(over ?? [])], gold);
  return first!.map((value, i) => value - (below?.[i] ?? 0) - (second![i]! - (under?.[i] ?? 0)));
}

/** Mean gold reward of `a` minus `b`, paired by prompt, corrected over all that are given. */
export function compareAll(pairs: readonly Compared[], { rng, resamples }: Intervals): Difference[] {
  const raw = pairs.flatMap((pair): (Difference & { pValue: number })[] => {
    const { names } = pair;
    const differences = differencesOf(pair);
    if (differences.length === 0) return [];
    const stream = rng.fork("difference", ...names);
    return [
      {
        a: names[0],
        b: names[1],
        metric: "gold reward",
        value: bootstrapMean(differences, { rng: stream, resamples })!,
        unit: "prompts",
        paired: true,
        test: "two-sided permutation test",
        pValue: pairedPermutationTest(differences, { rng: stream }),
      },
    ];
  });
  const adjusted = holm(raw.map(({ pValue }) => pValue));
  return raw.map((difference, i) => ({ ...difference, pAdjusted: adjusted[i]!, correction: "Holm" }));
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

/** The table of differences. */
export function differenceTable(differences: readonly Difference[], title = "Differences"): ReportTable {
  return {
    title,
    columns: [
      { title: "comparison", format: "text" },
      { title: "difference in gold reward", signed: true },
      { title: "p", format: "p" },
      { title: "p, Holm", format: "p" },
    ],
    rows: differences.map(({ a, b, value, pValue, pAdjusted }) => [
      `${a} - ${b}`,
      value,
      pValue ?? null,
      pAdjusted ?? null,
    ]),
  };
}

/** What differences say, by rule: one sentence each up to three, else those that are shown and a count of the others. */
export function findingOf(differences: readonly Difference[]): string | undefined {
  if (differences.length === 0) return undefined;
  if (differences.length <= 3) return differences.map((one) => differenceSentence(one)).join(" ");
  const shown = differences.filter((one) => ["above", "below"].includes(readDifference(one)));
  const named = shown.map((one) => `${one.a} ${readDifference(one)} ${one.b}`);
  const rest = differences.length - shown.length;
  if (shown.length === 0)
    return `Of ${differences.length} comparisons of gold reward none is significant after Holm's correction: nothing is shown, which is not the same as no difference.`;
  return `Of ${differences.length} comparisons of gold reward, ${shown.length} ${shown.length === 1 ? "is" : "are"} significant after Holm's correction: ${named.join(
    "; ",
  )}.${rest === 0 ? "" : ` The other ${rest} stay${rest === 1 ? "s" : ""} open.`}`;
}

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
  if (gold === undefined) return standingOf([]);
  const [own, other] = [promptMeans(a, gold), promptMeans(b, gold)];
  return standingOf(
    [...own].flatMap(([id, { samples }]) => (other.has(id) ? [[samples, other.get(id)!.samples]] : [])),
  );
}
