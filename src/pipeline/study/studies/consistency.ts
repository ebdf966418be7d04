/** Would another teacher, or the same one again, give the same labels? Asked for by reviewers of WDPO. */

import { cohenKappa, fleissKappa } from "../../../base/stats/kappa.ts";
import { flipsByMargin } from "../../../method/evaluate/label-analysis/flips.ts";
import { type JudgedPair, shareByPrompt } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import type { ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs } from "../../results/regime.ts";
import { isSmall, type StudyContext } from "../context.ts";
import { type Intervals, ofPairs } from "../measures.ts";
import { type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { Cell, StudyDefinition, StudyInput } from "../study.ts";
import { hasTeachers, teachers } from "./models.ts";

const draws = (context: StudyContext) =>
  Array.from({ length: isSmall(context) ? 3 : 5 }, (_, i) => context.recipe.seed + 1 + i);

/** The base teacher, others that learnt from 80 % of its pairs each, and the teachers of the size sweep. */
function raters(context: StudyContext): Cell[] {
  const drawn = draws(context).map((seed) => ({
    id: `draw ${seed}`,
    settings: { "labelled.size": 0.8, "labelled.seed": seed },
    arms: [],
  }));
  const sized = hasTeachers(context) ? teachers(context).filter(({ base }) => !base) : [];
  return [
    { id: "base", settings: {}, arms: [], rescored: true },
    ...drawn,
    ...sized.map(({ id, settings }) => ({ id, settings, arms: [] })),
  ];
}

type Rater = { readonly id: string; readonly says: ReadonlyMap<string, "a" | "b"> };

const saysOf = (outcome: CellOutcome) => new Map(judgedPairs(outcome).map(({ id, weak }) => [id, weak]));

/** K seeds and families: κ, flips by margin and inside W≠H, and whether scoring is the same every time. */
export const consistency: StudyDefinition = {
  name: "consistency",
  title: "Consistency of teachers",
  question: "Do teachers of other seeds and sizes give the same labels, and where not?",
  paperItem: "asked for by reviewers of WDPO",
  paper: "tao-li-2025",
  cells: raters,
  report: (input) => {
    const { context, cell } = input;
    const base = cell("base");
    const intervals = intervalsOf(base, "consistency");
    const all = raters(context).map(({ id }): Rater => ({ id, says: saysOf(cell(id)) }));
    const [first, ...others] = all;
    const pairs = judgedPairs(base).filter(({ id }) => others.every(({ says }) => says.has(id)));
    const flipShare = (pair: JudgedPair) =>
      others.filter(({ says }) => says.get(pair.id) !== pair.weak).length / others.length;
    const inside = (differ: boolean) =>
      shareByPrompt(
        pairs.filter(({ weak, human }) => (weak !== human) === differ),
        flipShare,
        `flips-${differ}`,
        intervals,
      );
    const votes = pairs.map(({ id, group }) => {
      const a = all.filter(({ says }) => says.get(id) === "a").length;
      return { group, counts: [a, all.length - a] };
    });
    const fleiss = ofPairs(
      votes,
      (sample) => fleissKappa(sample.map(({ counts }) => counts)),
      "fleiss",
      intervals,
    );
    const majority = shareByPrompt(
      pairs,
      ({ id, human }) => Number(majorityOf(all, id) === human),
      "majority",
      intervals,
    );
    const bins = flipsByMargin(
      pairs.map((pair) => ({
        ...pair,
        human:
          others.filter(({ says }) => says.get(pair.id) === pair.weak).length * 2 >= others.length
            ? pair.weak
            : other(pair.weak),
      })),
      intervals,
    );
    return {
      finding: `${all.length} teachers on ${pairs.length} pairs: Fleiss' κ ${fleiss === null ? "undefined" : formatInterval(fleiss, { digits: 2 })}; 0 is chance, 1 is full agreement.`,
      tables: [
        {
          title: "All together",
          columns: [
            { title: "teachers", format: "count" },
            { title: "pairs", format: "count" },
            { title: "Fleiss' κ", digits: 3 },
            { title: "others that flip the base's label", format: "percent" },
            { title: "where the base is the person's", format: "percent" },
            { title: "where it is not (W≠H)", format: "percent" },
            { title: "majority label is the person's", format: "percent" },
          ],
          rows: [
            [
              all.length,
              pairs.length,
              fleiss,
              shareByPrompt(pairs, flipShare, "flips", intervals),
              inside(false),
              inside(true),
              majority,
            ],
          ],
        },
        pairTable(all, pairs, intervals),
        {
          title: "The majority of the others flips the label, by the base's margin",
          columns: [
            { title: "least |margin|" },
            { title: "pairs", format: "count" },
            { title: "flipped", format: "percent" },
          ],
          rows: bins.map(({ low, pairs: n, flipRate }) => [low, n, flipRate]),
        },
        ...rescoredTable(input),
      ],
      notes: [
        `Draws learnt from 80 % of the labelled pairs each, drawn and ordered by their own seed; ${first!.id} learnt from all.`,
      ],
    };
  },
};

const other = (side: "a" | "b") => (side === "a" ? "b" : "a");

function majorityOf(all: readonly Rater[], id: string): "a" | "b" | "tie" {
  const a = all.filter(({ says }) => says.get(id) === "a").length;
  return 2 * a === all.length ? "tie" : 2 * a > all.length ? "a" : "b";
}

function pairTable(all: readonly Rater[], pairs: readonly JudgedPair[], intervals: Intervals): ReportTable {
  const kappa = (a: Rater, b: Rater) =>
    ofPairs(
      pairs,
      (sample) => {
        const labels = ({ says }: Rater) => sample.map(({ id }) => says.get(id)!);
        return cohenKappa(labels(a), labels(b));
      },
      `kappa ${a.id} ${b.id}`,
      intervals,
    );
  const agreement = (a: Rater, b: Rater) =>
    shareByPrompt(
      pairs,
      ({ id }) => Number(a.says.get(id) === b.says.get(id)),
      `agreement ${a.id} ${b.id}`,
      intervals,
    );
  return {
    title: "Two by two: agreement and Cohen's κ",
    columns: [
      { title: "first", format: "text" },
      { title: "second", format: "text" },
      { title: "agreement", format: "percent" },
      { title: "Cohen's κ", digits: 3 },
    ],
    rows: all.flatMap((a, i) =>
      all.slice(i + 1).map((b): TableCell[] => [a.id, b.id, agreement(a, b), kappa(a, b)]),
    ),
  };
}

function rescoredTable({ cell }: StudyInput): ReportTable[] {
  const { rescored } = cell("base");
  if (rescored === undefined) return [];
  return [
    {
      title: "The same teacher again",
      columns: [
        { title: "scored", format: "text" },
        { title: "pairs", format: "count" },
        { title: "labels that change", format: "count" },
        { title: "largest change of a margin" },
      ],
      rows: rescored.map(({ how, pairs, changed, largest }) => [how, pairs, changed, largest]),
      notes: ["Swapped: the candidates in the other order. One by one: every pair in a batch of its own."],
    },
  ];
}
