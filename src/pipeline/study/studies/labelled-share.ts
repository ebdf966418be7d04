/** How much has to be labelled, and what stronger human controls give: WDPO Fig. 4b, CW-PO Fig. 3 and Table 3. */
import { agreementRate } from "../../../method/evaluate/label-analysis/agreement-rate.ts";
import { judgedPairs } from "../../results/regime.ts";
import { BOTH, FEW, HUMAN, LABELLED, SFT, WEAK, WEAK_BOTH, WEIGHTED } from "../arms.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";

/** Parts of the labelled pairs that the teacher learns from; 1 is the base. With half of all data labelled: 1/16 to 1/2 of them. */
const SHARES = [0.125, 0.25, 0.5, 1] as const;

/** Settings of a share: fewer pairs, and as many steps of the teacher's training as with all, as WDPO's Fig. 4b has it. Nothing for all. */
export const partOfLabelled = (share: number): Readonly<Record<string, unknown>> =>
  share === 1 ? {} : { "labelled.size": share, "labelled.same_steps": true };

/** What a report says of it. */
export const SAME_STEPS =
  "Teachers take the same number of optimiser steps at every share, as in WDPO's Fig. 4b: with fewer pairs they pass over them more often.";

const nameOf = (share: number) => (share === 1 ? "all" : `1/${Math.round(1 / share)}`);

/** W Fig. 4b, C Fig. 3. */
export const labelledFraction: StudyDefinition = {
  name: "labelled-fraction",
  title: "How much is labelled",
  question:
    "How do students on weak labels change when the teacher learns from fewer labelled pairs, against two readings of the human bar and against using the labelled pairs directly?",
  paperItem: "WDPO Fig. 4b; CW-PO Fig. 3",
  paper: "tao-li-2025",
  cells: () =>
    SHARES.map((share) => ({
      id: nameOf(share),
      settings: partOfLabelled(share),
      arms: [WEAK, LABELLED, FEW, ...(share === 1 ? [HUMAN] : [])],
    })),
  report: ({ cell }) => {
    const base = cell("all");
    const intervals = intervalsOf(base, "labelled-fraction");
    const all = base.taught.length + base.pool.size;
    const rows = SHARES.map((share): GridRow => {
      const outcome = cell(nameOf(share));
      const name = nameOf(share);
      return {
        label: name,
        arms: {
          weak: outcome.arms.get("weak")!,
          "human, whole pool": base.arms.get("human")!,
          "human, as few pairs": outcome.arms.get("human-few")!,
          "human, labelled pairs only": outcome.arms.get("human-labelled")!,
        },
        more: [
          outcome.taught.length,
          outcome.taught.length / all,
          agreementRate(judgedPairs(outcome), { ...intervals, rng: intervals.rng.fork(name) }),
        ],
      };
    });
    return gridContent(
      {
        title: "Students by labelled share",
        axis: "share of the labelled pairs",
        columns: ["weak", "human, whole pool", "human, as few pairs", "human, labelled pairs only"],
        rows,
        more: [
          { title: "pairs the teacher learns from", format: "count" },
          { title: "of all pairs", format: "percent" },
          { title: "labels that are the person's", format: "percent" },
        ],
        compare: [
          ["weak", "human, whole pool"],
          ["weak", "human, as few pairs"],
          ["weak", "human, labelled pairs only"],
        ],
        compareRows: [["all", nameOf(SHARES[0])]],
        notes: [
          SAME_STEPS,
          "All pairs: those the teacher could learn from and the pool. The paper's shares are of all data, those of the rows here are of the labelled part.",
          "The pool is the same in all rows, as in CW-PO's Fig. 3 (left); in WDPO's Fig. 4b it is what is not labelled, so that people's labels there grow as the share falls.",
          "WDPO's human bar falls from 4.63 with half of the data to 4.37 with 15/16 of it, which people's labels on the whole pool should not do: hence the second reading, people's labels on as few pairs as are labelled (all of the pool where it is smaller).",
        ],
      },
      intervals,
    );
  },
};

/** C Table 3 and the controls that reviewers asked for. */
export const humanAll: StudyDefinition = {
  name: "human-all",
  title: "All human labels against a part of them with a weak teacher",
  question: "Is a labelled part with a weak teacher as good as people's labels on everything?",
  paperItem: "CW-PO Table 3; stronger human controls asked for by reviewers",
  paper: "cwpo-2026",
  cells: () => [{ id: "base", settings: {}, arms: [SFT, WEAK, WEIGHTED, HUMAN, LABELLED, BOTH, WEAK_BOTH] }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const of = (name: string) => outcome.arms.get(name)!;
    const row = (label: string, arm: string, paper: number | null = null): GridRow => ({
      label,
      arms: { student: of(arm) },
      paper: [paper],
    });
    return gridContent(
      {
        title: "Students by what was labelled",
        axis: "labels",
        columns: ["student"],
        rows: [
          row("human (labelled and pool)", "human-both", 66.4),
          row("human (pool)", "human"),
          row("human (labelled)", "human-labelled"),
          row("weak (pool)", "weak"),
          row("weak weighted (pool)", "weak-cw", 68.8),
          row("human (labelled) and weak (pool)", "weak-both"),
        ],
        paper: ["GRA %, mean of four, OPT-1.3B"],
        compare: [],
        compareRows: [
          ["weak weighted (pool)", "human (labelled and pool)"],
          ["weak (pool)", "human (labelled)"],
          ["human (labelled) and weak (pool)", "human (labelled and pool)"],
        ],
        baseline: () => of("sft"),
        paperItem: "CW-PO Table 3",
        notes: [
          "GRA is against the SFT student on weak labels. Arms differ in their SFT start as in their labels, and in how many pairs they see: labelled and pool together are the most.",
        ],
      },
      intervalsOf(outcome, "human-all"),
    );
  },
};
