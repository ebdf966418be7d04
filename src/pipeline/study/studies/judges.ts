/** Judges beside gold: votes that are repeated, win rates, other gold scorers. */

import { createRng } from "../../../core/rng.ts";
import { meanByPrompt } from "../../../evaluate/label-analysis/judged-pair.ts";
import { correlateEvaluators } from "../../../evaluate/rank-evaluators.ts";
import type { Cell as TableCell } from "../../../report/data.ts";
import { wilson } from "../../../stats/binomial.ts";
import { majorityChanceFloor, majorityShare } from "../../../stats/kappa.ts";
import { logistic } from "../../../stats/special.ts";
import { HUMAN, LOSSES, RANDOM, SFT, WEAK, WEIGHTED, withLoss } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import { compareAll, differenceTable, findingOf, multiplicityNote, standings } from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf, judgedPairs } from "../outcomes.ts";
import { SMALL_SCORERS } from "../small-scorers.ts";
import type { StudyDefinition } from "../study.ts";
import { baseBeta } from "./training.ts";

const VOTES = 10;

/** Votes for a among ten fresh simulated people: P(a) = σ((gold a - gold b) / tau), as when the world was made. */
export function votesOf(
  outcome: CellOutcome,
  { id, goldA, goldB }: { id: string; goldA: number; goldB: number },
): number {
  const { data, seed } = outcome.job;
  if (data.kind !== "world") throw new Error("internal: votes without a world");
  const rng = createRng(seed).fork("study-votes", id);
  const p = logistic((goldA - goldB) / data.tau);
  return Array.from({ length: VOTES }, () => rng.next() < p).filter(Boolean).length;
}

/** Why a study that resamples people cannot run. */
export const needsWorld = ({ recipe }: StudyContext): string | undefined =>
  recipe.data.world === undefined
    ? "asks simulated people again, so it needs a recipe with data.world"
    : undefined;

/** W Table 4. */
export const votes: StudyDefinition = {
  name: "votes",
  title: "A6: does a judge stand by what it said?",
  question:
    "Asked ten times, how large a majority has the judge's answer, where teacher and person agree and where not?",
  paperItem: "WDPO Table 4 (.84 and .66 by GPT-4)",
  paper: "tao-li-2025",
  lacks: needsWorld,
  cells: () => [{ id: "base", settings: {}, arms: [], poolGold: true }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const intervals = intervalsOf(outcome, "votes");
    const pairs = judgedPairs(outcome);
    const row = (name: string, differ: boolean, paper: number): TableCell[] => {
      const these = pairs.filter(({ weak, human }) => (weak !== human) === differ);
      const share = meanByPrompt(
        these,
        (pair) => majorityShare(votesOf(outcome, pair), VOTES)!,
        `votes-${differ}`,
        intervals,
      );
      return [name, these.length, share, majorityChanceFloor(VOTES), paper];
    };
    return {
      tables: [
        {
          title: `Consistency of ${VOTES} votes`,
          columns: [
            { title: "pairs", format: "text" },
            { title: "n", format: "count" },
            { title: "share of the majority", digits: 3 },
            { title: "of a coin", digits: 3 },
            { title: "there", source: "paper" },
          ],
          rows: [row("match", false, 0.84), row("mismatch", true, 0.66)],
          paperItem: "WDPO Table 4",
          notes: [
            `A fair coin has a majority of ${majorityChanceFloor(VOTES).toFixed(3)} on average: the paper's .66 is close to it.`,
          ],
        },
      ],
      notes: ["The judge here is the world's simulated people, drawn afresh; the paper asked GPT-4."],
    };
  },
};

/** W Fig. 3b, C Table 17. */
export const winRate: StudyDefinition = {
  name: "win-rate",
  title: "Win rates",
  question: "Prompt by prompt, how often does the student on weak labels beat the one on human labels?",
  paperItem: "WDPO Fig. 3b; CW-PO Table 17",
  paper: "tao-li-2025",
  cells: (context) => [
    {
      id: "base",
      settings: {},
      arms: [
        SFT,
        RANDOM,
        WEAK,
        HUMAN,
        WEIGHTED,
        ...LOSSES.flatMap((type) => [
          withLoss(type, "weak", false, baseBeta(context)),
          withLoss(type, "human", false, baseBeta(context)),
        ]),
      ],
    },
  ],
  report: ({ cell }) => {
    const { arms } = cell("base");
    const row = (name: string, a: string, b: string, paper: string | null): TableCell[] => {
      const { wins, ties, losses, n, pValue } = standings(arms.get(a)!, arms.get(b)!);
      return [name, wins, ties, losses, wilson(wins, wins + losses) ?? null, n, pValue, paper];
    };
    return {
      tables: [
        {
          title: "Prompts won, tied, lost, by gold reward",
          columns: [
            { title: "student against student", format: "text" },
            { title: "won", format: "count" },
            { title: "tied", format: "count" },
            { title: "lost", format: "count" },
            { title: "won of the decided", format: "percent" },
            { title: "prompts", format: "count" },
            { title: "p, sign test", digits: 3 },
            { title: "won/tied/lost there, %", source: "paper" },
          ],
          rows: [
            row("weak - human", "weak", "human", "49/2/49 (OPT-1.3B) to 57/2/41 (Mistral-7B)"),
            row("weak weighted - human", "weak-cw", "human", null),
            row("weak weighted - weak", "weak-cw", "weak", null),
            row("weak - human, IPO", "weak-ipo", "human-ipo", null),
            row("weak - human, rDPO", "weak-rdpo", "human-rdpo", null),
            row("weak - sft", "weak", "sft", null),
            row("weak - random", "weak", "random", null),
          ],
          paperItem: "WDPO Fig. 3b",
          notes: [
            "The paper's cells are 100 prompts each, ±10 points: pooled, 261 against 230 (p about .16). Its judge saw one order only.",
          ],
        },
      ],
      notes: [
        "The judge is the recipe's leading gold scorer. Seven tests are made: one below p = .05 is no surprise.",
      ],
    };
  },
};

/** The recipe's scorers; at the small scale two more word counts, so that there are several. */
function scored(outcome: CellOutcome, context: StudyContext): { arms: ArmOutcome[]; names: string[] } {
  const all = [...outcome.arms.values()];
  const extra =
    context.recipe.eval.gold.length > 1 || context.recipe.data.world === undefined ? {} : SMALL_SCORERS;
  const arms = all.map((arm) => ({
    ...arm,
    records: arm.records.map((record) => ({
      ...record,
      gold: {
        ...record.gold,
        ...Object.fromEntries(Object.entries(extra).map(([name, score]) => [name, score(record.response)])),
      },
    })),
  }));
  return { arms, names: Object.keys(arms[0]!.records[0]!.gold) };
}

/** W Fig. 5. */
export const goldModels: StudyDefinition = {
  name: "gold-models",
  title: "Other gold scorers",
  question: "Does the conclusion depend on the scorer?",
  paperItem: "WDPO Fig. 5",
  paper: "tao-li-2025",
  lacks: ({ recipe }) =>
    recipe.data.world === undefined && recipe.eval.gold.length < 2
      ? "name at least two gold scorers with --set eval.gold"
      : undefined,
  cells: () => [{ id: "base", settings: {}, arms: [SFT, WEAK, HUMAN, RANDOM] }],
  report: ({ context, cell }) => {
    const outcome = cell("base");
    const intervals = intervalsOf(outcome, "gold-models");
    const { arms, names } = scored(outcome, context);
    const of = (name: string) => arms.find((arm) => arm.name === name)!;
    const against = (gold: string, b: string) => ({
      a: of("weak"),
      b: of(b),
      names: [`${gold}: weak`, b] as const,
      gold,
    });
    const differences = compareAll(
      names.flatMap((gold) => [against(gold, "human"), against(gold, "sft")]),
      intervals,
    );
    const verdicts = differences.filter(({ b }) => b === "human");
    const apart = verdicts.filter(({ value }) => value.low > 0 || value.high < 0).length;
    const said = findingOf(differences);
    return {
      finding: `Weak and human are told apart by ${apart} of ${names.length} scorers.${said === undefined ? "" : ` ${said}`}`,
      tables: [
        differenceTable(differences, "Differences by scorer, each in its own unit"),
        {
          title: "Do scorers rank alike?",
          columns: [
            { title: "scorer", format: "text" },
            { title: "scorer", format: "text" },
            { title: "ρ over arms", digits: 2 },
            { title: "ρ over prompts and arms", digits: 2 },
            { title: "Kendall's τ", digits: 2 },
            { title: "n", format: "count" },
          ],
          rows: correlateEvaluators(arms, names).map(({ a, b, arms: byArm, responses }) => [
            a,
            b,
            byArm,
            responses.spearman,
            responses.kendall,
            responses.n,
          ]),
        },
        {
          title: "The paper's numbers: weak and human, students of four sizes",
          columns: [
            { title: "gold model", format: "text" },
            ...["1.3B", "2.7B", "6.7B", "13B"].map((title) => ({ title, source: "paper" as const })),
          ],
          rows: [
            ["DeBERTa-v3", ".30/.31", ".54/.47", ".73/.71", ".79/.76"],
            ["RM-Mistral-7B", "9.63/8.67", "10.38/9.68", "11.01/10.42", "11.24/10.65"],
          ],
          paperItem: "WDPO Fig. 5",
        },
      ],
      notes: [
        multiplicityNote(differences.length, differences.length),
        ...(Object.keys(SMALL_SCORERS).some((name) => names.includes(name))
          ? ["Word counts stand in for further gold models here; their lists come with the package."]
          : []),
      ],
    };
  },
};
