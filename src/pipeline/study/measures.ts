/** Figures of students in a study: gold reward, GRA, differences with one correction over all that a study compares. */
import type { Rng } from "../../core/rng.ts";
import { promptMeans } from "../../evaluate/arm.ts";
import type { Difference, ReportTable } from "../../report/data.ts";
import { differenceSentence } from "../../report/headline.ts";
import { bootstrapMean } from "../../stats/bootstrap.ts";
import type { Interval } from "../../stats/check.ts";
import { mean } from "../../stats/describe.ts";
import { holm, pairedPermutationTest, winTieLose } from "../../stats/hypothesis.ts";
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

/** Rewards of two arms on the prompts that both answered. */
export function paired(a: ArmOutcome, b: ArmOutcome, gold?: string): { a: number[]; b: number[] } {
  const [first, second] = [rewards(a, gold), rewards(b, gold)];
  const ids = [...first.keys()].filter((id) => second.has(id));
  return { a: ids.map((id) => first.get(id)!), b: ids.map((id) => second.get(id)!) };
}

/** GRA of CW-PO: share of prompts whose reward is strictly above the baseline's. */
export function gra(arm: ArmOutcome, baseline: ArmOutcome, { rng, resamples }: Intervals): Interval | null {
  const { a, b } = paired(arm, baseline);
  const above = a.map((value, i) => (value > b[i]! ? 1 : 0));
  return bootstrapMean(above, { rng: rng.fork("gra", arm.name, baseline.name), resamples });
}

/** Two arms that are compared, under the names they have in the table; by the leading scorer unless `gold` names one. */
export type Compared = {
  readonly a: ArmOutcome;
  readonly b: ArmOutcome;
  readonly names: readonly [string, string];
  readonly gold?: string;
};

/** Mean gold reward of `a` minus `b`, paired by prompt, corrected over all that are given. */
export function compareAll(pairs: readonly Compared[], { rng, resamples }: Intervals): Difference[] {
  const raw = pairs.flatMap(({ a, b, names, gold }): (Difference & { pValue: number })[] => {
    const values = paired(a, b, gold);
    const differences = values.a.map((value, i) => value - values.b[i]!);
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

/** The table of differences. */
export function differenceTable(differences: readonly Difference[], title = "Differences"): ReportTable {
  return {
    title,
    columns: [
      { title: "comparison", format: "text" },
      { title: "difference in gold reward", signed: true },
      { title: "p", digits: 3 },
      { title: "p, Holm", digits: 3 },
    ],
    rows: differences.map(({ a, b, value, pValue, pAdjusted }) => [
      `${a} - ${b}`,
      value,
      pValue ?? null,
      pAdjusted ?? null,
    ]),
  };
}

/** What differences say, by rule: one sentence each up to three, else a count of what is shown. */
export function findingOf(differences: readonly Difference[]): string | undefined {
  if (differences.length === 0) return undefined;
  if (differences.length <= 3) return differences.map((one) => differenceSentence(one)).join(" ");
  const shown = differences.filter(
    ({ value, pAdjusted }) => (value.low > 0 || value.high < 0) && pAdjusted! < 0.05,
  );
  const named = shown.map(({ a, b, value }) => `${a} ${value.estimate > 0 ? "above" : "below"} ${b}`);
  const rest = differences.length - shown.length;
  return `Of ${differences.length} comparisons of gold reward, ${shown.length} ${shown.length === 1 ? "is" : "are"} significant after Holm's correction${
    named.length === 0 ? "" : ` (${named.join("; ")})`
  }${rest === 0 ? "" : `; ${rest} show${rest === 1 ? "s" : ""} none`}.`;
}

/** Notes that every table of many cells carries. */
export function multiplicityNote(intervals: number, comparisons: number): string {
  const expected = intervals * 0.05;
  return (
    `${intervals} intervals at 95 %: about ${expected < 1 ? "one at most" : expected.toFixed(0)} would miss its value by chance alone. ` +
    `${comparisons} comparisons are corrected together (Holm).`
  );
}

/** Prompts won, tied and lost by `a` against `b`, with the sign test. */
export function standings(a: ArmOutcome, b: ArmOutcome, gold?: string) {
  const values = paired(a, b, gold);
  return winTieLose(values.a, values.b);
}
