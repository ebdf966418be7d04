/** What a student on weak labels has to beat: fine-tuning alone, the teacher choosing among responses, people's labels on the labelled part, a judge's labels. */

import { HUMAN, LABELLED, SFT, WEAK, WEAK_BOTH } from "../arms.ts";
import { BEST_OF, bestOfName } from "../best-of.ts";
import { type GridRow, gridContent } from "../grid.ts";
import type { NamedJudge } from "../judges-named.ts";
import { intervalsOf } from "../outcomes.ts";
import { regimeTable } from "../regime.ts";
import type { StudyDefinition } from "../study.ts";

const OF_WEAK = "weak (pool)";
const OF_HUMAN = "human (pool)";

/** What each is called in the table, and its name among the students. */
const ROWS: readonly (readonly [label: string, arm: string])[] = [
  ["fine-tuning alone", "sft"],
  ...BEST_OF.map((n) => [`best of ${n} by the teacher`, bestOfName(n)] as const),
  ["human (labelled part alone)", "human-labelled"],
  ["human (labelled) and weak (pool)", "weak-both"],
  [OF_WEAK, "weak"],
  [OF_HUMAN, "human"],
];

const rlaif = ({ name }: NamedJudge): string => `RLAIF, ${name} (pool)`;

/** Asked for by reviewers of both papers. */
export const baselines: StudyDefinition = {
  name: "baselines",
  title: "What weak labels have to beat",
  question:
    "Is a student on weak labels better than fine-tuning alone, than the teacher choosing the best of n, than people's labels on the labelled part alone, and than a prompted model's labels (RLAIF)?",
  paperItem: "asked for by reviewers of WDPO and CW-PO; CW-PO Fig. 3 (direct DPO on the labelled part)",
  paper: "tao-li-2025",
  judges: true,
  cells: ({ judge }) => [
    { id: "base", settings: {}, arms: [SFT, WEAK, HUMAN, LABELLED, WEAK_BOTH], bestOf: true },
    ...judge.map((one) => ({ id: rlaif(one), settings: one.settings, arms: [WEAK] })),
  ],
  report: ({ context: { judge }, cell }) => {
    const outcome = cell("base");
    const judged = judge.map((one) => ({ name: rlaif(one), outcome: cell(rlaif(one)) }));
    const trained = ROWS.flatMap(([label, name]): GridRow[] => {
      const arm = outcome.arms.get(name);
      return arm === undefined ? [] : [{ label, arms: { student: arm } }];
    });
    const rows = [
      ...trained,
      ...judged.map(
        ({ name, outcome: { arms } }): GridRow => ({ label: name, arms: { student: arms.get("weak")! } }),
      ),
    ];
    const intervals = intervalsOf(outcome, "baselines");
    const content = gridContent(
      {
        title: "Students and what trains none",
        axis: "labels",
        columns: ["student"],
        rows,
        compare: [],
        compareRows: rows
          .filter(({ label }) => label !== OF_WEAK)
          .map(({ label }) => [OF_WEAK, label] as const),
        notes: [
          "Best of n: responses of the SFT student on weak labels, chosen by the teacher's own score; it costs n generations and n scores for each answer, for ever. Its KL from the SFT student is at most log n - (n - 1) / n nats.",
          ...(trained.length < ROWS.length
            ? ["A teacher that was not trained here chooses among no responses: best of n is left out."]
            : []),
          judge.length === 0
            ? "RLAIF is left out: name an instruct model as a judge with --judge."
            : "RLAIF: a prompted model is the teacher, asked in both orders; its student learns from the pairs that it could judge, from its own SFT start.",
        ],
      },
      intervals,
    );
    if (judge.length === 0 || outcome.gold.length === 0) return content;
    const labellers = [{ name: "the teacher (pool)", outcome }, ...judged];
    return { ...content, tables: [...(content.tables ?? []), regimeTable(labellers, intervals)] };
  },
};
