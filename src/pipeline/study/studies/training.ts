/** How the student is trained: β, fine-tuning before, seeds. */

import { mean, standardDeviation } from "../../../base/stats/describe.ts";
import type { ReportTable } from "../../../report/data.ts";
import { differenceSentence } from "../../../report/headline.ts";
import { BASE, HUMAN, SFT, WEAK, WITHOUT_SFT, withBeta } from "../arms.ts";
import { isSmall, type StudyContext, writtenAt } from "../context.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { compareAll, differenceTable, goldReward, type Intervals, rewards } from "../measures.ts";
import { type ArmOutcome, intervalsOf } from "../outcomes.ts";
import { overSeeds } from "../over-seeds.ts";
import type { StudyDefinition } from "../study.ts";

/** The base recipe's β of the student. */
export const baseBeta = (context: StudyContext): number =>
  Number(writtenAt(context, "student", "prefer", "loss")["beta"] ?? 0.1);

/** W Fig. 7: weak and human by β. */
const PAPER_BETA: Readonly<Record<string, readonly [number, number]>> = {
  0.05: [4.81, 4.5],
  0.1: [4.84, 4.63],
  0.2: [4.56, 4.17],
  0.3: [4.55, 4.08],
  0.5: [4.44, 4.04],
};

const betas = (context: StudyContext) =>
  [
    ...new Set([...(isSmall(context) ? [0.05, 0.2, 0.5] : [0.05, 0.1, 0.2, 0.3, 0.5]), baseBeta(context)]),
  ].sort((a, b) => a - b);

const armOfBeta = (context: StudyContext, labels: "weak" | "human", beta: number) =>
  beta === baseBeta(context) ? (labels === "weak" ? WEAK : HUMAN) : withBeta(labels, beta);

/** W Fig. 7. */
export const beta: StudyDefinition = {
  name: "beta",
  title: "β of the student",
  question: "How does the deviation penalty change what weak and human labels give?",
  paperItem: "WDPO Fig. 7",
  paper: "tao-li-2025",
  cells: (context) => [
    {
      id: "base",
      settings: {},
      arms: betas(context).flatMap((value) => [
        armOfBeta(context, "weak", value),
        armOfBeta(context, "human", value),
      ]),
    },
  ],
  report: ({ context, cell }) => {
    const { arms } = cell("base");
    const of = (labels: "weak" | "human", value: number) => arms.get(armOfBeta(context, labels, value).name)!;
    return gridContent(
      {
        title: "Students by β",
        axis: "β",
        columns: ["weak", "human"],
        rows: betas(context).map(
          (value): GridRow => ({
            label: String(value),
            arms: { weak: of("weak", value), human: of("human", value) },
            paper: [...(PAPER_BETA[String(value)] ?? [null, null])],
          }),
        ),
        paper: ["weak, OPT-1.3B", "human, OPT-1.3B"],
        compare: [["weak", "human"]],
        compareRows: [[String(betas(context)[0]), String(betas(context).at(-1))]],
        paperItem: "WDPO Fig. 7",
      },
      intervalsOf(cell("base"), "beta"),
    );
  },
};

/** W Table 11. */
export const sftAblation: StudyDefinition = {
  name: "sft-ablation",
  title: "Without supervised fine-tuning",
  question: "What does preference training give without SFT before it?",
  paperItem: "WDPO Table 11",
  paper: "tao-li-2025",
  cells: () => [{ id: "base", settings: {}, arms: [BASE, SFT, WEAK, HUMAN, ...WITHOUT_SFT] }],
  report: ({ cell }) => {
    const { arms } = cell("base");
    const row = (label: string, weak: string, human: string, paper: [number, number]): GridRow => ({
      label,
      arms: { weak: arms.get(weak)!, human: arms.get(human)! },
      paper,
    });
    const rows = [
      row("with SFT", "weak", "human", [4.84, 4.63]),
      row("without SFT", "weak-no-sft", "human-no-sft", [3.83, 3.77]),
    ];
    const alone: GridRow[] = [
      { label: "SFT alone", arms: { weak: arms.get("sft")! }, paper: [null, null] },
      { label: "the base", arms: { weak: arms.get("base")! }, paper: [2.22, 2.22] },
    ];
    return gridContent(
      {
        title: "Students with and without SFT",
        axis: "training",
        columns: ["weak", "human"],
        rows: [...rows, ...alone],
        paper: ["weak, OPT-1.3B", "human, OPT-1.3B"],
        compare: [["weak", "human"]],
        compareRows: [
          ["with SFT", "without SFT"],
          ["without SFT", "the base"],
        ],
        paperItem: "WDPO Table 11; the base's 2.22 follows from the paper's brackets",
        notes: [
          "With SFT, weak and human labels start from different students, each fine-tuned on the responses its labels prefer; without, from the same base.",
        ],
      },
      intervalsOf(cell("base"), "sft-ablation"),
    );
  },
};

/** The seeds that were asked for, else three or the paper's five. */
const seedsOf = (context: StudyContext): readonly number[] => {
  const { recipe, seeds } = context;
  if (seeds.length > 1) return seeds;
  return Array.from({ length: isSmall(context) ? 3 : 5 }, (_, i) => recipe.seed + i);
};

/** W App. C: five random splits. */
export const seeds: StudyDefinition = {
  name: "seeds",
  title: "Seeds",
  question: "Are weak labels as good as human ones, over several training runs?",
  paperItem: 'WDPO App. C (five splits: weak 4.81, human 4.67, "variances" .12 and .14)',
  paper: "tao-li-2025",
  // Each cell names its seed, so that it is one run whatever seeds a command asks for.
  cells: (context) =>
    seedsOf(context).map((seed) => ({ id: String(seed), settings: { seed }, arms: [SFT, WEAK, HUMAN] })),
  report: ({ context, cell }) => {
    const ids = seedsOf(context).map(String);
    const cells = ids.map((id) => cell(id));
    const intervals = intervalsOf(cells[0]!, "seeds");
    const grid = gridContent(
      {
        title: "Students by seed",
        axis: "seed",
        columns: ["weak", "human", "sft"],
        rows: ids.map((id, i) => {
          const { arms } = cells[i]!;
          return {
            label: `seed ${id}`,
            arms: { weak: arms.get("weak")!, human: arms.get("human")!, sft: arms.get("sft")! },
          };
        }),
        compare: [["weak", "human"]],
        notes: [
          "A seed draws the split, the labels of simulated people, the order of training and the sampling: everything.",
        ],
      },
      intervals,
    );
    const { arms } = overSeeds(cells);
    const [weak, human, sft] = ["weak", "human", "sft"].map((name) => arms.get(name)!);
    const differences = compareAll(
      [
        { a: weak!, b: human!, names: ["weak", "human"], start: sft! },
        { a: weak!, b: sft!, names: ["weak", "sft"] },
        { a: human!, b: sft!, names: ["human", "sft"] },
      ],
      intervals,
    );
    const finding = differences.length === 0 ? grid.finding : differenceSentence(differences[0]!);
    return {
      ...grid,
      ...(finding === undefined ? {} : { finding }),
      tables: [
        ...(grid.tables ?? []),
        levelTable([weak!, human!, sft!], intervals),
        differenceTable(differences, "Over seeds: differences"),
      ],
    };
  },
};

/** Levels over seeds beside the paper's. */
function levelTable(arms: readonly ArmOutcome[], intervals: Intervals): ReportTable {
  const paper: Readonly<Record<string, readonly [number, number]>> = {
    weak: [4.81, 0.12],
    human: [4.67, 0.14],
  };
  return {
    title: "Over seeds: levels",
    columns: [
      { title: "labels", format: "text" },
      { title: "mean, interval over seeds and prompts", digits: 3 },
      { title: "standard deviation between runs", digits: 3 },
      { title: "mean there", source: "paper" },
      { title: '"variance" there', source: "paper" },
    ],
    rows: arms.map((arm) => [
      arm.name,
      goldReward(arm, intervals),
      standardDeviation(arm.replicates!.map((one) => mean([...rewards(one).values()]))),
      ...(paper[arm.name] ?? [null, null]),
    ]),
    paperItem: "WDPO App. C",
    notes: [
      "With few seeds the standard deviation is itself uncertain by a factor of about two.",
      "The paper's difference of .14 is not significant by a Welch test, whether its .12 and .14 are standard deviations (p about .13) or variances. That is no parity either: equality needs a test of its own.",
    ],
  };
}
