/** Weak labels parted by whether they are the person's, and the same with random noise: WDPO's A2 and A3. */
import { BASE, HUMAN, MATCH, MISMATCH, NOISE, WEAK } from "../arms.ts";
import { gridContent } from "../grid.ts";
import { type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";

type Row = readonly [label: string, arm: string, paper: number | null];

function parts(
  outcome: CellOutcome,
  study: string,
  rows: readonly Row[],
  against: readonly (readonly [string, string])[],
  notes: string[],
) {
  return gridContent(
    {
      title: "Students",
      axis: "labels",
      columns: ["gold reward"],
      rows: rows.map(([label, arm, paper]) => ({
        label,
        arms: { "gold reward": outcome.arms.get(arm)! },
        paper: [paper],
      })),
      paper: ["OPT-125M to OPT-1.3B"],
      compare: [],
      compareRows: against,
      notes,
    },
    intervalsOf(outcome, study),
  );
}

const NOTES = [
  "match and mismatch have fewer pairs than the whole: part of a difference to it is a difference in size.",
  "Every student starts from SFT on the responses that its own rows prefer: arms differ in their start as well as in their labels.",
  "The paper prints no number for the base: its 2.22 follows from the gains in brackets.",
];

/** W Table 1. */
export const purify: StudyDefinition = {
  name: "purify",
  title: "A2: only the weak labels that are right, or only the wrong ones",
  question: "Would leaving out the labels that people disagree with make a better student?",
  paperItem: "WDPO Table 1",
  paper: "tao-li-2025",
  cells: () => [{ id: "base", settings: {}, arms: [BASE, WEAK, HUMAN, MATCH, MISMATCH] }],
  report: ({ cell }) =>
    parts(
      cell("base"),
      "purify",
      [
        ["all", "weak", 4.84],
        ["match", "weak-match", 4.78],
        ["mismatch", "weak-mismatch", 4.01],
        ["human", "human", 4.63],
        ["the base", "base", 2.22],
      ],
      [
        ["all", "match"],
        ["all", "mismatch"],
        ["mismatch", "the base"],
      ],
      [
        ...NOTES,
        "The students of match and mismatch were chosen by looking at hidden labels: no labeller could do that.",
      ],
    ),
};

/** W Table 12. */
export const noiseControl: StudyDefinition = {
  name: "noise-control",
  title: "A3: as many errors, but random ones",
  question: "Are the teacher's errors the same as random noise of their number?",
  paperItem: "WDPO Table 12",
  paper: "tao-li-2025",
  cells: () => [{ id: "base", settings: {}, arms: [BASE, WEAK, MATCH, MISMATCH, ...NOISE] }],
  report: ({ cell }) =>
    parts(
      cell("base"),
      "noise-control",
      [
        ["weak (all)", "weak", 4.84],
        ["random (all)", "noise", 3.91],
        ["weak (match)", "weak-match", 4.78],
        ["random (untouched)", "noise-match", 4.57],
        ["weak (mismatch)", "weak-mismatch", 4.01],
        ["random (turned round)", "noise-mismatch", 1.53],
        ["the base", "base", 2.22],
      ],
      [
        ["weak (all)", "random (all)"],
        ["weak (mismatch)", "random (turned round)"],
        ["random (turned round)", "the base"],
      ],
      [
        ...NOTES,
        "Turned round at random: people's labels, as many as the teacher gets wrong, drawn with the seed.",
      ],
    ),
};
