/** The regime of a study's cells beside the paper's, over their seeds where they have several. */

import { SHARE, SHARE_DIFFERENCE } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import { meanOverSeeds, seedInterval } from "../../base/stats/over-seeds.ts";
import { goldChoice, type JudgedPair } from "../../method/evaluate/label-analysis/judged-pair.ts";
import { type Regime, regimeOf } from "../../method/evaluate/label-analysis/regime.ts";
import type { ReportTable, Cell as TableCell } from "../../report/data.ts";
import { judgedPairs, paperRegime, REGIME_ROWS, REGIME_TITLE } from "../results/regime.ts";
import type { Intervals } from "./measures.ts";
import type { CellOutcome } from "./outcomes.ts";

/** A figure of pairs: 0, 1 or -1 for each of those that it is over. */
type Figure = {
  readonly of: (pair: JudgedPair) => boolean;
  readonly value: (pair: JudgedPair) => number;
  readonly range?: readonly [low: number, high: number];
};

const right = (pair: JudgedPair, side: "weak" | "human") => Number(pair[side] === goldChoice(pair));
const all = () => true;
const FIGURES: Readonly<Record<keyof typeof REGIME_ROWS, Figure>> = {
  peopleGold: { of: all, value: (pair) => right(pair, "human") },
  teacherPeople: { of: all, value: ({ weak, human }) => Number(weak === human) },
  goldWithTeacher: { of: ({ weak, human }) => weak !== human, value: (pair) => right(pair, "weak") },
  teacherGold: { of: all, value: (pair) => right(pair, "weak") },
  gap: { of: all, value: (pair) => right(pair, "human") - right(pair, "weak"), range: SHARE_DIFFERENCE },
};

/**
 * The numbers of one cell: over its seeds (n counts them), or of its one seed (n counts prompts). Null where none can be had.
 * @param pairsOf - which pairs of it, default the pool's
 */
export function regimeOfCell(
  outcome: CellOutcome,
  intervals: Intervals,
  pairsOf: (one: CellOutcome) => readonly JudgedPair[] = judgedPairs,
): Partial<Record<keyof typeof FIGURES, Interval | null>> {
  const { replicates } = outcome;
  if (replicates === undefined) {
    const own: Partial<Regime> = regimeOf(pairsOf(outcome), intervals) ?? {};
    return own;
  }
  const seeds = replicates.map((one) => pairsOf(one).filter((pair) => goldChoice(pair) !== "tie"));
  const over = ({ of, value, range = SHARE }: Figure): Interval | null => {
    const found = meanOverSeeds(
      seeds.map((pairs) => pairs.filter(of).map((pair) => ({ cluster: pair.group, value: value(pair) }))),
    );
    return found && seedInterval(found, { range });
  };
  return Object.fromEntries(Object.entries(FIGURES).map(([name, figure]) => [name, over(figure)]));
}

/** A column for each cell, the paper's numbers last. */
export function regimeTable(
  cells: readonly { readonly name: string; readonly outcome: CellOutcome }[],
  intervals: Intervals,
): ReportTable {
  const own = cells.map(({ outcome }) => regimeOfCell(outcome, intervals));
  const paper = paperRegime();
  return {
    title: REGIME_TITLE,
    columns: [
      { title: paper.title, format: "text" },
      ...cells.map(({ name }) => ({ title: name, format: "percent" as const })),
      { title: "there, %", source: "paper" },
      { title: "there", source: "paper", format: "text" },
    ],
    rows: Object.entries(REGIME_ROWS).map(([key, name]): TableCell[] => [
      name,
      ...own.map((numbers) => numbers[key as keyof typeof REGIME_ROWS] ?? null),
      ...paper.of(name),
    ]),
    paperItem: paper.item,
    notes: ["On the pool's pairs that teacher, people and gold all decide.", ...paper.notes],
  };
}
