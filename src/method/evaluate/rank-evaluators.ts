/** Do several evaluators tell the same story? Rank correlations between them, and under how many a conclusion holds. */
import { AlignError } from "../../base/core/errors.ts";
import { checkPaired, type Interval } from "../../base/stats/check.ts";
import { kendall, spearman } from "../../base/stats/correlation.ts";
import { type EvaluatedArm, promptMeans } from "./arm.ts";
import { type ArmTable, holmOver } from "./compare-arms.ts";
import type { GoldScorer } from "./gold.ts";

/** How two evaluators agree. */
export type EvaluatorPair = {
  readonly a: string;
  readonly b: string;
  /** Spearman's ρ of the arms' mean rewards; null below three arms, where it can only be ±1, or without spread. */
  readonly arms: number | null;
  readonly armsN: number;
  /** Spearman's ρ and Kendall's τ-b of the rewards of single prompts under single arms. */
  readonly responses: {
    readonly spearman: number | null;
    readonly kendall: number | null;
    readonly n: number;
  };
};

/**
 * Rank correlation of every two evaluators that scored the same arms.
 * @throws AlignError with code "data" when an arm was not scored by one of them
 */
export function correlateEvaluators(
  arms: readonly EvaluatedArm[],
  evaluators: readonly string[],
): EvaluatorPair[] {
  const scores = evaluators.map((evaluator) => {
    const byArm = arms.map((arm) => [...promptMeans(arm, evaluator).values()].map(({ gold }) => gold));
    const means = byArm.map((values) => values.reduce((total, value) => total + value, 0) / values.length);
    return { evaluator, means, all: byArm.flat() };
  });
  return scores.flatMap((a, i) =>
    scores.slice(i + 1).map((b): EvaluatorPair => {
      checkPaired("correlateEvaluators", a.all, b.all);
      return {
        a: a.evaluator,
        b: b.evaluator,
        arms: arms.length < 3 ? null : spearman(a.means, b.means),
        armsN: arms.length,
        responses: { spearman: spearman(a.all, b.all), kendall: kendall(a.all, b.all), n: a.all.length },
      };
    }),
  );
}

/** What one evaluator says of a conclusion. */
export type Verdict = {
  readonly evaluator: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /**
   * `holds`: the interval lies above 0 and the test, corrected for all that were made, says so too; `fails`: below 0; `open`: neither, or
   * fewer than two prompts.
   */
  readonly verdict: "holds" | "open" | "fails";
  /** The evaluator was itself trained on the data that is evaluated on. */
  readonly contaminated: boolean;
};

/** A conclusion under several evaluators. */
export type Robustness = {
  readonly conclusion: string;
  readonly verdicts: readonly Verdict[];
  readonly holds: number;
  readonly n: number;
  /** The same without contaminated evaluators. */
  readonly holdsClean: number;
  readonly nClean: number;
  /** Such as "holds under 2 of 3 evaluators (1 of 2 that were not trained on this data)". */
  readonly sentence: string;
};

/**
 * Under how many evaluators an arm is above a baseline in mean reward.
 * @param tables - one comparison per evaluator
 * @param contaminated - names of evaluators that were trained on the data (`contaminatedScorers`)
 * @throws AlignError with code "data" when a table lacks the arm or its comparison
 */
export function conclusionHolds(
  tables: readonly ArmTable[],
  arm: string,
  baseline: "sft" | "human",
  contaminated: readonly string[] = [],
): Robustness {
  const { adjusted } = holmOver(tables);
  const verdicts = tables.map(({ gold, arms }): Verdict => {
    const figures = arms.find(({ name }) => name === arm);
    const comparison = baseline === "sft" ? figures?.vsSft : figures?.vsHuman;
    if (!comparison)
      throw new AlignError(
        "data",
        `evaluators: ${gold} has no comparison of arm ${arm} with the ${baseline} student.`,
      );
    const { difference } = comparison;
    return verdictOf(gold, difference, adjusted(comparison), contaminated.includes(gold));
  });
  return robustness(
    `the model ${arm} is above the ${baseline === "sft" ? "SFT" : "human-label"} student`,
    verdicts,
  );
}

/**
 * What an interval of a difference says; above 0 is for the conclusion.
 * @param p - corrected for all tests it was made with
 */
export function verdictOf(
  evaluator: string,
  { estimate: difference, low, high, n, level = 0.95 }: Interval,
  p: number,
  contaminated = false,
): Verdict {
  const shown = n >= 2 && p < 1 - level;
  const verdict = shown && low > 0 ? "holds" : shown && high < 0 ? "fails" : "open";
  return { evaluator, difference, low, high, verdict, contaminated };
}

/** Counts verdicts of any evaluators on one conclusion. */
export function robustness(conclusion: string, verdicts: readonly Verdict[]): Robustness {
  const clean = verdicts.filter((verdict) => !verdict.contaminated);
  const count = (list: readonly Verdict[]) => list.filter(({ verdict }) => verdict === "holds").length;
  const besides =
    clean.length === verdicts.length
      ? ""
      : ` (${count(clean)} of ${clean.length} that were not trained on this data)`;
  return {
    conclusion,
    verdicts,
    holds: count(verdicts),
    n: verdicts.length,
    holdsClean: count(clean),
    nClean: clean.length,
    sentence: `holds under ${count(verdicts)} of ${verdicts.length} evaluators${besides}`,
  };
}

/** Names of scorers that were trained on one of the datasets; names compare without case and without the owner before a slash. */
export function contaminatedScorers(
  scorers: readonly Pick<GoldScorer, "name" | "trainedOn">[],
  datasets: readonly string[],
): string[] {
  const bare = (dataset: string) => dataset.toLowerCase().split("/").at(-1)!;
  const used = new Set(datasets.map(bare));
  return scorers
    .filter(({ trainedOn }) => trainedOn.some((dataset) => used.has(bare(dataset))))
    .map(({ name }) => name);
}
