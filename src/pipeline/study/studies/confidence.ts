/** CW-PO's claims: confidence as weight, its forms, only the most confident, and why it may work. */
import {
  FORMS,
  HUMAN,
  HUMAN_WEIGHTED,
  type LOSSES,
  RANDOM,
  SFT,
  topPercent,
  WEAK,
  WEIGHTED,
  withLoss,
} from "../arms.ts";
import { isSmall, type StudyContext } from "../context.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { intervalsOf } from "../outcomes.ts";
import type { StudyContent, StudyDefinition, StudyInput } from "../study.ts";
import { baseBeta } from "./training.ts";

const SHARED_BASELINE =
  "GRA is against the SFT student on weak labels, the same for all arms: the paper does not say which baseline it takes. Weak arms start from that student, arms on human labels from SFT on the responses that people prefer: they differ in their start, too.";

/** GRA % of the paper's Table 1, HH: human, WS, CW for OPT-125M to 13B and Qwen 0.5B to 14B. */
const PAPER_LOSS: Readonly<Record<string, readonly number[]>> = {
  DPO: [56.9, 56.7, 61.3, 78.8, 81.4, 80.6],
  IPO: [58.2, 62.8, 63.5, 83.4, 81.0, 86.8],
  rDPO: [55.9, 57.6, 63.0, 81.2, 82.2, 86.2],
};

const lossArms = (context: StudyContext) => {
  const of = (type: (typeof LOSSES)[number]) => ({
    human: withLoss(type, "human", false, baseBeta(context)),
    weak: withLoss(type, "weak", false, baseBeta(context)),
    cw: withLoss(type, "weak", true, baseBeta(context)),
  });
  return { DPO: { human: HUMAN, weak: WEAK, cw: WEIGHTED }, IPO: of("ipo"), rDPO: of("rdpo") };
};

/** C Table 1. */
export const confidence: StudyDefinition = {
  name: "confidence",
  title: "Confidence as weight",
  question:
    "Are pairs weighted by the teacher's confidence better than unweighted ones, and than people's labels, for three losses?",
  paperItem: "CW-PO Table 1 (DPO by size of student: study student-size, CW-PO Table 2)",
  paper: "cwpo-2026",
  cells: (context) => [
    {
      id: "base",
      settings: {},
      arms: [SFT, RANDOM, ...Object.values(lossArms(context)).flatMap((arms) => Object.values(arms))],
    },
  ],
  report: ({ context, cell }) => {
    const outcome = cell("base");
    const rows = Object.entries(lossArms(context)).map(([label, { human, weak, cw }]): GridRow => {
      const of = (name: string) => outcome.arms.get(name)!;
      return {
        label,
        arms: { human: of(human.name), weak: of(weak.name), "weak, weighted": of(cw.name) },
        paper: [...PAPER_LOSS[label]!],
      };
    });
    return gridContent(
      {
        title: "Students by loss",
        axis: "loss",
        columns: ["human", "weak", "weak, weighted"],
        rows,
        paper: ["human, OPT", "weak, OPT", "weighted, OPT", "human, Qwen", "weak, Qwen", "weighted, Qwen"],
        compare: [
          ["weak, weighted", "weak"],
          ["weak, weighted", "human"],
        ],
        baseline: () => outcome.arms.get("sft"),
        paperItem: "CW-PO Table 1, HH-RLHF, GRA %",
        notes: [
          SHARED_BASELINE,
          "The paper's gains of about 5 % are relative: 3.4 points over unweighted labels on average, 3.3 over human ones.",
        ],
      },
      intervalsOf(outcome, "confidence"),
    );
  },
};

/** Rows that are one arm each. */
function armRows(
  input: StudyInput,
  study: string,
  rows: readonly (readonly [string, string, number | null])[],
  paper: string,
  extra: { axis: string; item: string; against: readonly (readonly [string, string])[]; notes?: string[] },
): StudyContent {
  const outcome = input.cell("base");
  return gridContent(
    {
      title: `Students by ${extra.axis}`,
      axis: extra.axis,
      columns: ["student"],
      rows: rows.map(([label, arm, value]) => ({
        label,
        arms: { student: outcome.arms.get(arm)! },
        paper: [value],
      })),
      paper: [paper],
      compare: [],
      compareRows: extra.against,
      baseline: () => outcome.arms.get("sft"),
      paperItem: extra.item,
      notes: [SHARED_BASELINE, ...(extra.notes ?? [])],
    },
    intervalsOf(outcome, study),
  );
}

/** C Table 5. */
export const weightForms: StudyDefinition = {
  name: "weight-forms",
  title: "Forms of the weight",
  question: "Does it matter how a margin becomes a weight?",
  paperItem: "CW-PO Table 5",
  paper: "cwpo-2026",
  cells: () => [{ id: "base", settings: {}, arms: [SFT, WEAK, WEIGHTED, ...FORMS] }],
  report: (input) =>
    armRows(
      input,
      "weight-forms",
      [
        ["C1: 2(σ(m) - 1/2)", "weak-cw", 72.7],
        ["C2: σ(m)", "weak-c2", 69.4],
        ["C3: min(m, 1)", "weak-c3", 68.4],
        ["C4: min(0.2 m, 1)", "weak-c4", 70.1],
        ["no weight", "weak", null],
      ],
      "GRA %, mean of three, Qwen 0.5B to 7B",
      {
        axis: "weight",
        item: "CW-PO Table 5",
        against: ["C2: σ(m)", "C3: min(m, 1)", "C4: min(0.2 m, 1)", "no weight"].map(
          (other) => ["C1: 2(σ(m) - 1/2)", other] as const,
        ),
        notes: [
          "Weights are not renormalised, as in the paper. The size of a form as a whole hardly matters to AdamW, whose steps do not grow with the gradient: forms differ in how unequal their weights are.",
        ],
      },
    ),
};

/** C Fig. 2, OPT-125M to 1.3B on HH. */
const PAPER_TOP: Readonly<Record<number, number>> = {
  10: 61.7,
  15: 63.1,
  20: 66.6,
  25: 65.4,
  30: 67.7,
  40: 68.2,
  50: 67.5,
  75: 66.9,
};
const percents = (context: StudyContext) =>
  isSmall(context) ? [30, 50, 75] : [10, 15, 20, 25, 30, 40, 50, 75];

/** C Fig. 2 and 4, Table 4. */
export const topShare: StudyDefinition = {
  name: "top-percent",
  title: "Only the most confident labels",
  question: "Is training on the most confident part better than on all labels, and than weighting them?",
  paperItem: "CW-PO Fig. 2, Fig. 4, Table 4",
  paper: "cwpo-2026",
  cells: (context) => [
    { id: "base", settings: {}, arms: [SFT, WEAK, WEIGHTED, HUMAN, ...percents(context).map(topPercent)] },
  ],
  report: (input) => {
    return armRows(
      input,
      "top-percent",
      [
        ...percents(input.context).map(
          (percent) => [`top ${percent} %`, topPercent(percent).name, PAPER_TOP[percent] ?? null] as const,
        ),
        ["all", "weak", 65.9],
        ["all, weighted", "weak-cw", 69.9],
        ["human", "human", 64.4],
      ],
      "GRA %, HH, OPT-125M to 1.3B",
      {
        axis: "labels",
        item: "CW-PO Fig. 4, Table 4",
        against: [
          ...percents(input.context).map((percent) => [`top ${percent} %`, "all"] as const),
          ["all, weighted", "all"],
        ],
        notes: [
          "All students on weak labels start from one SFT student, on all weak labels. Fewer labels are also fewer steps.",
        ],
      },
    );
  },
};

/** "Better labels or easier pairs" (reviewers of CW-PO). */
export const easierPairs: StudyDefinition = {
  name: "easier-pairs",
  title: "Better labels, or easier pairs?",
  question:
    "Does weighting help because confident labels are right, or because confident pairs are easy? People's labels with the teacher's weights tell.",
  paperItem: "asked for by reviewers of CW-PO",
  paper: "cwpo-2026",
  cells: () => [{ id: "base", settings: {}, arms: [SFT, WEAK, WEIGHTED, HUMAN, HUMAN_WEIGHTED] }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const row = (label: string, weak: string, human: string): GridRow => ({
      label,
      arms: { weak: outcome.arms.get(weak)!, human: outcome.arms.get(human)! },
    });
    return gridContent(
      {
        title: "Labels by weight",
        axis: "weight",
        columns: ["weak", "human"],
        rows: [row("none", "weak", "human"), row("the teacher's confidence", "weak-cw", "human-cw")],
        compare: [["weak", "human"]],
        compareRows: [["the teacher's confidence", "none"]],
        further: [
          {
            ...{ a: outcome.arms.get("weak-cw")!, b: outcome.arms.get("human-cw")! },
            over: [outcome.arms.get("weak")!, outcome.arms.get("human")!],
            names: ["what weights add to weak labels", "what they add to human labels"],
          },
        ],
        baseline: () => outcome.arms.get("sft"),
        notes: [
          "The last comparison is the question: if weights help people's labels as much as the teacher's, they choose easier pairs; if they help the teacher's alone, they leave out its errors. Where it is open, so is the question.",
          SHARED_BASELINE,
        ],
      },
      intervalsOf(outcome, "easier-pairs"),
    );
  },
};
