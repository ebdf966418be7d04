/** What weak labels are worth beside people's and gold's: WDPO's A1, A4, A5. */

import type { Interval } from "../../../base/stats/check.ts";
import { cohenKappa } from "../../../base/stats/kappa.ts";
import { agreementRate } from "../../../method/evaluate/label-analysis/agreement-rate.ts";
import { disputedPairs } from "../../../method/evaluate/label-analysis/disputed.ts";
import { flipsByMargin } from "../../../method/evaluate/label-analysis/flips.ts";
import { goldGapTable } from "../../../method/evaluate/label-analysis/gold-gap.ts";
import { threeWayTable } from "../../../method/evaluate/label-analysis/three-way.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs, regimeTables } from "../../results/regime.ts";
import { ofPairs } from "../measures.ts";
import { intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";

const BASE_CELL = [{ id: "base", settings: {}, arms: [], poolGold: true }] as const;
const percent = (value: Interval | null) =>
  value === null ? "not measured" : formatInterval(value, { format: "percent" });

/** W Table 1, first row. */
export const agreement: StudyDefinition = {
  name: "agreement",
  title: "A1: do weak labels agree with people's?",
  question:
    "On which share of the unlabelled pairs does the teacher prefer what the person preferred, and where not?",
  paperItem: "WDPO Table 1 (60.6 %, OPT-125M on HH-RLHF)",
  paper: "tao-li-2025",
  cells: () => BASE_CELL,
  report: ({ cell }) => {
    const outcome = cell("base");
    const intervals = intervalsOf(outcome, "agreement");
    const pairs = judgedPairs(outcome);
    const rate = agreementRate(pairs, intervals);
    const kappa = ofPairs(
      pairs,
      (sample) =>
        cohenKappa(
          sample.map(({ weak }) => weak),
          sample.map(({ human }) => human),
        ),
      "kappa",
      intervals,
    );
    const bins = flipsByMargin(pairs, intervals);
    return {
      finding: `The teacher prefers what the person preferred on ${percent(rate)} of ${pairs.length} pairs; chance is 50 %.`,
      tables: [
        {
          title: "Agreement on the pool",
          columns: [
            { title: "pairs", format: "count" },
            { title: "agreement", format: "percent" },
            { title: "Cohen's κ", digits: 3 },
            { title: "agreement there, %", source: "paper" },
          ],
          rows: [[pairs.length, rate, kappa, 60.6]],
          paperItem: "WDPO Table 1",
        },
        {
          title: "Disagreement by the teacher's margin, in bins of equal numbers",
          columns: [
            { title: "least |margin|" },
            { title: "pairs", format: "count" },
            { title: "disagreement", format: "percent" },
            { title: "gold gap of the pair" },
          ],
          rows: bins.map(({ low, pairs: n, flipRate, goldGap }) => [
            low,
            n,
            flipRate,
            outcome.gold.length === 0 ? null : goldGap,
          ]),
        },
      ],
      figures: [
        {
          chart: {
            kind: "line",
            title: "Disagreement by margin",
            xLabel: "bin of |margin|, from unsure to sure",
            yLabel: "disagreement",
            yFormat: "percent",
            series: [
              {
                name: "teacher",
                points: bins.map(({ flipRate: { estimate: y, low, high, n } }, i) => ({
                  x: i + 1,
                  y,
                  low,
                  high,
                  n,
                })),
              },
            ],
            references: [{ value: 0.5, label: "chance" }],
          },
        },
      ],
      notes: [
        `Intervals resample prompts. Of the pool's ${outcome.labels.length} pairs, ${outcome.labels.length - pairs.length} had no decided label on one side and are left out.`,
      ],
    };
  },
};

const PAPER_GAP: Readonly<Record<string, readonly number[]>> = {
  human: [5.77, 4.23, 1.52],
  weak: [5.63, 4.39, 1.23],
  match: [5.93, 3.66, 2.27],
  mismatch: [5.17, 5.53, -0.36],
};

const WORDS_OF_SET: Readonly<Record<string, string>> = {
  human: "under people's labels",
  weak: "under weak labels",
  match: "where both agree",
  mismatch: "where they differ (the teacher's choice)",
};

/** W Table 2. */
export const goldGap: StudyDefinition = {
  name: "gold-gap",
  title: "A4: gold reward of what is preferred and what is not",
  question: "By how much does gold prefer the preferred response, under people's labels and under weak ones?",
  paperItem: "WDPO Table 2",
  paper: "tao-li-2025",
  lacks: goldOfPool,
  cells: () => BASE_CELL,
  report: ({ cell }) => {
    const outcome = cell("base");
    const rows = goldGapTable(judgedPairs(outcome), intervalsOf(outcome, "gold-gap"));
    return {
      finding: `Gold reward of the preferred response minus the other's: ${rows
        .flatMap(({ set, difference }) =>
          difference === null ? [] : [`${WORDS_OF_SET[set]} ${formatInterval(difference, { signed: true })}`],
        )
        .join("; ")}.`,
      tables: [
        {
          title: "Mean gold reward",
          columns: [
            { title: "pairs labelled by", format: "text" },
            { title: "pairs", format: "count" },
            { title: "preferred" },
            { title: "other" },
            { title: "difference", signed: true },
            { title: "preferred, there", source: "paper" },
            { title: "other, there", source: "paper" },
            { title: "difference, there", source: "paper" },
          ],
          rows: rows.map(({ set, pairs, chosen, rejected, difference }) => [
            set,
            pairs,
            chosen,
            rejected,
            difference,
            ...PAPER_GAP[set]!,
          ]),
          paperItem: "WDPO Table 2",
          notes: [
            "match and mismatch are the pairs on which the weak label is, or is not, the person's; they mix to the row weak.",
          ],
        },
      ],
    };
  },
};

/** W section 4, "W≠H". */
export const disagreement: StudyDefinition = {
  name: "disagreement",
  title: "A5: where teacher and person differ, whom does gold side with?",
  question: "Is a weak label that is not the person's an error?",
  paperItem: "WDPO section 4 (44.3 % with the weak label, hence 55.7 % with the person)",
  paper: "tao-li-2025",
  lacks: goldOfPool,
  cells: () => BASE_CELL,
  report: ({ cell }) => {
    const outcome = cell("base");
    const intervals = intervalsOf(outcome, "disagreement");
    const pairs = judgedPairs(outcome);
    const { disputed, goldTies, withWeak, withHuman, gap } = disputedPairs(pairs, intervals);
    const standing = threeWayTable(pairs, intervals);
    return {
      finding: `Of ${disputed} pairs on which they differ, gold sides with the teacher on ${percent(withWeak)} and with the person on ${percent(withHuman)}.`,
      tables: [
        {
          title: "W≠H",
          columns: [
            { title: "pairs", format: "count" },
            { title: "gold ties", format: "count" },
            { title: "gold with the teacher", format: "percent" },
            { title: "gold with the person", format: "percent" },
            { title: "gold gap, teacher's choice - person's", signed: true },
            { title: "with the teacher there, %", source: "paper" },
          ],
          rows: [[disputed, goldTies, withWeak, withHuman, gap?.mean ?? null, 44.3]],
          paperItem: "WDPO section 4",
        },
        ...(gap === null
          ? []
          : [
              {
                title: "Gold gap, teacher's choice minus the person's: its distribution",
                columns: ["least", "lower quartile", "median", "upper quartile", "largest"].map((title) => ({
                  title,
                  digits: 2,
                  signed: true,
                })),
                rows: [[gap.min, gap.q25, gap.median, gap.q75, gap.max]],
              },
            ]),
        ...regimeTables(outcome, intervals),
        {
          title: "Three judges",
          columns: [
            { title: "standing", format: "text" },
            { title: "pairs", format: "count" },
            { title: "share", format: "percent" },
          ],
          rows: standing.rows.map(({ standing: name, pairs: n, share }) => [name, n, share]),
        },
      ],
      ...(gap === null ? {} : { figures: [gapFigure(gap.values)] }),
      notes: [
        "Gold is a scorer, not the truth; in a made-up world it is what simulated people see with noise, so that it must side with people more often than not.",
      ],
    };
  },
};

/** Why a study cannot run where nothing scores the pool. */
export function goldOfPool({
  recipe,
}: {
  readonly recipe: {
    readonly data: { readonly world?: unknown };
    readonly eval: { readonly gold: readonly unknown[] };
  };
}): string | undefined {
  return recipe.data.world === undefined && recipe.eval.gold.length === 0
    ? "name a gold scorer with --set eval.gold"
    : undefined;
}

const BINS = 12;

function gapFigure(values: readonly number[]) {
  const [low, high] = [Math.min(...values, -1e-9), Math.max(...values, 1e-9)];
  const edges = Array.from({ length: BINS + 1 }, (_, i) => low + ((high - low) * i) / BINS);
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values)
    counts[Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS))]!++;
  return {
    chart: {
      kind: "histogram" as const,
      title: "Gold reward of the teacher's choice minus the person's, where they differ",
      xLabel: "gold gap",
      edges,
      series: [{ name: "pairs", counts }],
      references: [{ value: 0, label: "equal" }],
    },
  };
}
