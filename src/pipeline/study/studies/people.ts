/**
 * Real people: whose labels a teacher's agree with, how well it knows when, and what students make of them beside people's own, on labelled pairs
 * that nobody learnt from. No gold: what people said is the yardstick, and students are compared by test accuracy.
 */

import { SHARE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { mean } from "../../../base/stats/describe.ts";
import { meanOverSeeds, seedInterval } from "../../../base/stats/over-seeds.ts";
import type { Choice } from "../../../method/evaluate/agreement.ts";
import { meanByPrompt } from "../../../method/evaluate/label-analysis/judged-pair.ts";
import { longerPreferred } from "../../../method/evaluate/length-bias.ts";
import type { ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs } from "../../results/regime.ts";
import { HUMAN, RANDOM, SFT, WEAK } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import {
  type Compared,
  compareAll,
  differenceTable,
  findingOf,
  goldReward,
  type Intervals,
  multiplicityNote,
} from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf, lengthsOf } from "../outcomes.ts";
import { everySeed } from "../over-seeds.ts";
import type { Cell, StudyDefinition } from "../study.ts";
import { settingsOf } from "./annotators.ts";
import { students } from "./models.ts";

const KINDS = [
  { name: "implicit reward", kind: "implicit-reward", score: "sum" },
  { name: "implicit reward, length-corrected", kind: "implicit-reward", score: "length-corrected" },
  { name: "reward head", kind: "reward-head", score: "sum" },
] as const;

/** The teacher of other students than the base's: one kind, since each costs two students. */
const FIRST = KINDS[0];

/** Students named by --student beside the base's own. */
const others = (context: StudyContext) =>
  context.student.length === 0 ? [] : students(context).filter(({ base }) => !base);

const cellsOf = (context: StudyContext): Cell[] => [
  ...KINDS.map((kind) => ({
    id: kind.name,
    settings: settingsOf(context, kind),
    arms: kind === FIRST ? [SFT, WEAK, HUMAN, RANDOM] : [WEAK],
  })),
  ...others(context).map(({ id, settings }) => ({
    id: `student ${id}`,
    settings: { ...settingsOf(context, FIRST), ...settings },
    arms: [WEAK, HUMAN],
  })),
];

const METRIC = "test accuracy";

/** A student with its verdicts on the test pairs in the place of rewards: 1 where its implicit reward sides with the person, else 0. */
const judged = (arm: ArmOutcome): ArmOutcome =>
  everySeed(arm, (one) => withVerdicts(one, (margin) => Number(margin > 0)));

/** The start of both: its implicit reward is measured against itself, so that it is right on half by definition. */
const startOf = (arm: ArmOutcome): ArmOutcome => ({
  ...everySeed(arm, (one) => withVerdicts(one, () => 0.5)),
  name: "the start (one half)",
});

function withVerdicts(arm: ArmOutcome, of: (margin: number) => number): ArmOutcome {
  const decided = (arm.margins ?? []).filter(({ implicit }) => implicit !== null && implicit !== 0);
  const records = decided.map(({ promptId, implicit }, sample) => ({
    ...{ promptId, sample, prompt: "", response: "", gold: { [METRIC]: of(implicit!) }, tokens: 0 },
    ...{ finish: "eos" as const, promptTruncated: false, logp: 0, sftLogp: null },
  }));
  return { ...arm, records };
}

/** A figure of the pairs of each seed: over seeds, or over the prompts of one. */
function figure(
  outcome: CellOutcome,
  of: (one: CellOutcome) => readonly { readonly group: string; readonly value: number }[],
  name: string,
  intervals: Intervals,
): Interval | null {
  const seeds = (outcome.replicates ?? [outcome]).map(of);
  if (outcome.replicates === undefined)
    return meanByPrompt(seeds[0]!, ({ value }) => value, name, { ...intervals, range: SHARE });
  const found = meanOverSeeds(
    seeds.map((pairs) => pairs.map(({ group, value }) => ({ cluster: group, value }))),
  );
  return found && seedInterval(found, { range: SHARE });
}

/** Labels that are the person's among the surest share of the pairs. */
const agreementOf = (share: number) => (one: CellOutcome) => {
  const pairs = judgedPairs(one).toSorted(
    (a, b) => Math.abs(b.margin) - Math.abs(a.margin) || (a.id < b.id ? -1 : 1),
  );
  return pairs
    .slice(0, Math.ceil(share * pairs.length))
    .map(({ group, weak, human }) => ({ group, value: Number(weak === human) }));
};

/** Mean over seeds of a figure that each has by itself; null where one has none. */
function meanOfSeeds(
  outcome: CellOutcome,
  of: (one: CellOutcome) => number | null | undefined,
): number | null {
  const values = (outcome.replicates ?? [outcome]).map(of);
  return values.some((value) => value == null) ? null : mean(values as number[]);
}

const longer = (one: CellOutcome, choices: readonly Choice[]) =>
  longerPreferred(choices, lengthsOf(one))?.estimate;

const SURE = [0.1, 0.2, 0.5] as const;

function teacherTable(cell: (id: string) => CellOutcome, intervals: Intervals): ReportTable {
  const rows = KINDS.map(({ name }): TableCell[] => {
    const outcome = cell(name);
    const agreement = (share: number) => figure(outcome, agreementOf(share), `${name} ${share}`, intervals);
    return [
      name,
      agreement(1),
      ...SURE.map(agreement),
      meanOfSeeds(outcome, ({ facts }) => facts.calibration?.before.ece?.estimate),
      meanOfSeeds(outcome, ({ facts }) => facts.calibration?.after.ece?.estimate),
      meanOfSeeds(outcome, (one) => longer(one, one.labels)),
      meanOfSeeds(outcome, (one) => longer(one, one.human)),
    ];
  });
  return {
    title: "Teachers beside people, on the pool",
    columns: [
      { title: "teacher", format: "text" },
      { title: "agrees with people", format: "percent" },
      ...SURE.map((share) => ({ title: `on the surest ${100 * share} %`, format: "percent" as const })),
      { title: "calibration error before", format: "percent", digits: 1 },
      { title: "after", format: "percent", digits: 1 },
      { title: "prefers the longer", format: "percent" },
      { title: "people do", format: "percent" },
    ],
    rows,
    notes: [
      "Figures without an interval are means over seeds. Calibration error: on half of the held-out prompts, with a calibrator fitted on the other half.",
    ],
  };
}

type Row = { readonly student: string; readonly labels: string; readonly arm: ArmOutcome };

function rowsOf(context: StudyContext, cell: (id: string) => CellOutcome): Row[] {
  const of = (id: string, arm: string) => judged(cell(id).arms.get(arm)!);
  return [
    ...KINDS.map(({ name }) => ({ student: "the recipe's", labels: `weak: ${name}`, arm: of(name, "weak") })),
    ...["human", "random"].map((arm) => ({ student: "the recipe's", labels: arm, arm: of(FIRST.name, arm) })),
    ...others(context).flatMap(({ id }) => [
      { student: id, labels: `weak: ${FIRST.name}`, arm: of(`student ${id}`, "weak") },
      { student: id, labels: "human", arm: of(`student ${id}`, "human") },
    ]),
  ];
}

/** Within a student: weak labels of each teacher, and random ones, against people's. */
function comparisons(rows: readonly Row[]): Compared[] {
  return rows.flatMap(({ student, labels, arm: a }): Compared[] => {
    if (labels === "human") return [];
    const b = rows.find((one) => one.student === student && one.labels === "human")!.arm;
    const of = student === "the recipe's" ? "" : `${student}: `;
    return [{ a, b, names: [`${of}${labels}`, "human"], start: startOf(b), metric: METRIC }];
  });
}

/** Real pairs, real people: W Table 1 and C Table 6 with what students make of it. */
export const people: StudyDefinition = {
  name: "people",
  title: "Real people: teachers and students beside people's own labels",
  question:
    "How far do teachers agree with people, do they know when, and is a student on their labels as good as one on people's?",
  paperItem: "WDPO Table 1, Fig. 2a; CW-PO Tables 6, 12, 13",
  paper: "tao-li-2025",
  byTestAccuracy: true,
  lacks: ({ recipe }) =>
    recipe.data.world !== undefined
      ? "is about pairs that people judged: name a recipe on such pairs with --recipe (ethics-smollm2.yaml, hh-smollm2.yaml)"
      : undefined,
  cells: cellsOf,
  report: ({ context, cell }) => {
    const intervals = intervalsOf(cell(FIRST.name), "people");
    const rows = rowsOf(context, cell);
    const differences = compareAll(comparisons(rows), intervals);
    const agreement = figure(cell(FIRST.name), agreementOf(1), "finding", intervals);
    const teacher =
      agreement === null
        ? "No pair was judged by people and the teacher."
        : `The implicit reward agrees with people on ${formatInterval(agreement, { format: "percent" })} of the pool.`;
    return {
      finding: [teacher, findingOf(differences)].filter(Boolean).join(" "),
      tables: [
        teacherTable(cell, intervals),
        {
          title: "Students: test pairs on which the implicit reward sides with the person",
          columns: [
            { title: "student", format: "text" },
            { title: "labels", format: "text" },
            { title: "test accuracy", format: "percent" },
          ],
          rows: rows.map(({ student, labels, arm }): TableCell[] => [
            student,
            labels,
            goldReward(arm, { ...intervals, range: SHARE }),
          ]),
        },
        differenceTable(differences),
      ],
      notes: [
        multiplicityNote(rows.length + KINDS.length * (1 + SURE.length), differences.length),
        "Test accuracy weighs prompts (groups of connected ones) equally; margins of exactly 0 are no opinion. Before preference training it is one half by definition, the start of all parity tests.",
        "Texts are not generated and nothing but people's labels judges them: no pair is left over for a reward head that no arm has seen.",
      ],
    };
  },
};
