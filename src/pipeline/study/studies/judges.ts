/** Judges beside gold: votes that are repeated, win rates, other gold scorers. */

import { createRng } from "../../../base/core/rng.ts";
import { bootstrapMean, SHARE } from "../../../base/stats/bootstrap.ts";
import { holm } from "../../../base/stats/hypothesis.ts";
import { majorityChanceFloor, majorityShare } from "../../../base/stats/kappa.ts";
import { logistic } from "../../../base/stats/special.ts";
import { shareByPrompt } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import { correlateEvaluators } from "../../../method/evaluate/rank-evaluators.ts";
import type { Difference, Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { readDifference } from "../../../report/headline.ts";
import { judgedPairs } from "../../results/regime.ts";
import { HUMAN, LOSSES, RANDOM, SFT, WEAK, WEIGHTED, withLoss } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import {
  type Compared,
  compareAll,
  differenceTable,
  findingOf,
  multiplicityNote,
  standings,
} from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf } from "../outcomes.ts";
import { everySeed } from "../over-seeds.ts";
import { SMALL_SCORERS } from "../small-scorers.ts";
import type { StudyDefinition } from "../study.ts";
import { baseBeta } from "./training.ts";

const VOTES = 10;

const interval = (cell: TableCell | undefined) =>
  typeof cell === "object" && cell !== null ? formatInterval(cell, { digits: 2 }) : "not measured";

/** Votes for a among ten fresh simulated people: P(a) = σ((gold a - gold b) / tau), as when the world was made. */
export function votesOf(
  outcome: CellOutcome,
  { id, goldA, goldB }: { id: string; goldA: number; goldB: number },
): number {
  const { job, simulated } = outcome;
  if (simulated === undefined) throw new Error("internal: votes without a world");
  const rng = createRng(job.seed).fork("study-votes", id);
  const p = logistic((goldA - goldB) / simulated.tau);
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
      const share = shareByPrompt(
        these,
        (pair) => majorityShare(votesOf(outcome, pair), VOTES)!,
        `votes-${differ}`,
        intervals,
      );
      return [name, these.length, share, majorityChanceFloor(VOTES), paper];
    };
    const rows = [row("match", false, 0.84), row("mismatch", true, 0.66)];
    const said = rows.map(([name, , share]) => `${name} ${interval(share)}`).join(", ");
    const floor = majorityChanceFloor(VOTES).toFixed(3);
    return {
      finding: `Share of the majority: ${said}; a coin has ${floor}.`,
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
          rows,
          paperItem: "WDPO Table 4",
          notes: [`A fair coin has a majority of ${floor} on average: the paper's .66 is close to it.`],
        },
      ],
      notes: [
        "The judge here is the world's simulated people, drawn afresh; the paper asked GPT-4. As the labels were drawn from these very people, mismatches are close calls to them by construction.",
      ],
    };
  },
};

/** Rows of the table: who against whom. */
const WINS = [
  ["weak - human", "weak", "human"],
  ["weak weighted - human", "weak-cw", "human"],
  ["weak weighted - weak", "weak-cw", "weak"],
  ["weak - human, IPO", "weak-ipo", "human-ipo"],
  ["weak - human, rDPO", "weak-rdpo", "human-rdpo"],
  ["weak - sft", "weak", "sft"],
  ["weak - random", "weak", "random"],
] as const;

/** W Fig. 3b, C Table 17, Fig. 5. */
export const winRate: StudyDefinition = {
  name: "win-rate",
  title: "Win rates",
  question: "Prompt by prompt, how often does the student on weak labels beat the one on human labels?",
  paperItem: "WDPO Fig. 3b; CW-PO Table 17, Fig. 5",
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
    const outcome = cell("base");
    const { arms } = outcome;
    const { rng, resamples } = intervalsOf(outcome, "win-rate");
    const rows = WINS.map(([name, a, b]) => ({ name, ...standings(arms.get(a)!, arms.get(b)!) }));
    const adjusted = holm(rows.map(({ signTest }) => signTest));
    const shown = rows.filter((_, i) => adjusted[i]! < 0.05);
    const said = shown.map(
      ({ name, wins, losses }) =>
        `${name} (${wins} won, ${losses} lost: ${wins > losses ? "above" : "below"})`,
    );
    return {
      finding: `Of ${rows.length} sign tests between two models each, ${shown.length === 0 ? "none" : shown.length} ${shown.length > 1 ? "are" : "is"} significant after Holm's correction${said.length === 0 ? "" : `: ${said.join("; ")}`}.`,
      tables: [
        {
          title: "Responses that won, tied, lost against the other's to the same prompt, by gold reward",
          columns: [
            { title: "student against student", format: "text" },
            { title: "won", format: "count" },
            { title: "tied", format: "count" },
            { title: "lost", format: "count" },
            { title: "won, ties half", format: "percent" },
            { title: "prompts", format: "count" },
            { title: "p, sign test", format: "p" },
            { title: "p, Holm", format: "p" },
          ],
          rows: rows.map(({ name, wins, ties, losses, points, signTest }, i): TableCell[] => [
            ...[name, wins, ties, losses],
            bootstrapMean(points, { rng: rng.fork(name), resamples, range: SHARE }),
            ...[points.length, signTest, adjusted[i]!],
          ]),
          notes: [
            "Samples of equal number are paired. Intervals and the test take the prompt as the unit: prompts of which more responses won than lost against those of which fewer did.",
          ],
        },
      ],
      notes: [
        `The judge is the recipe's leading gold scorer; the papers asked GPT-4. The ${rows.length} tests are corrected together.`,
      ],
    };
  },
};

/** Students under the recipe's scorers, the leading one first; at the small scale under two more word counts, so that there are several. */
export function scored(outcome: CellOutcome, context: StudyContext): { arms: ArmOutcome[]; names: string[] } {
  const all = [...outcome.arms.values()];
  const extra =
    context.recipe.eval.gold.length > 1 || context.recipe.data.world === undefined ? {} : SMALL_SCORERS;
  const arms = all.map((arm) =>
    everySeed(arm, (one) => ({
      ...one,
      records: one.records.map((record) => ({
        ...record,
        gold: {
          ...record.gold,
          ...Object.fromEntries(Object.entries(extra).map(([name, score]) => [name, score(record.response)])),
        },
      })),
    })),
  );
  return { arms, names: Object.keys(arms[0]!.records[0]!.gold) };
}

/** Under how many scorers weak is above human, and below. */
function scorersInWords(differences: readonly Difference[]): string {
  const readings = differences.filter(({ b }) => b === "human").map((one) => readDifference(one));
  const count = (reading: string) => readings.filter((one) => one === reading).length;
  const [above, below] = [count("above"), count("below")];
  const two = differences.every(({ scope }) => scope === "methods")
    ? "weak above human"
    : "this weak student above this human one";
  return `Of ${readings.length} scorers, ${above} put${above === 1 ? "s" : ""} ${two}, ${below} below, and ${readings.length - above - below} leave${readings.length - above - below === 1 ? "s" : ""} it open.`;
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
    // One family over all scorers: each is another chance to find something.
    const differences = compareAll(
      names.flatMap((gold): Compared[] => [
        { a: of("weak"), b: of("human"), names: [`${gold}: weak`, "human"], gold },
        { a: of("weak"), b: of("sft"), names: [`${gold}: weak`, "sft"], gold },
      ]),
      intervals,
    );
    return {
      finding: [scorersInWords(differences), findingOf(differences)].filter(Boolean).join(" "),
      tables: [
        differenceTable(differences, "Differences by scorer, each in its own unit"),
        {
          title: "Do scorers rank alike?",
          columns: [
            { title: "scorer", format: "text" },
            { title: "scorer", format: "text" },
            { title: "ρ over arms", digits: 2 },
            { title: "arms", format: "count" },
            { title: "ρ over prompts and arms", digits: 2 },
            { title: "Kendall's τ", digits: 2 },
            { title: "prompts and arms", format: "count" },
          ],
          rows: correlateEvaluators(arms, names).map(({ a, b, arms: byArm, armsN, responses }) => [
            a,
            b,
            byArm,
            armsN,
            responses.spearman,
            responses.kendall,
            responses.n,
          ]),
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
