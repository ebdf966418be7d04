/** What a student on weak labels has to beat: fine-tuning alone, the teacher choosing among responses, people's labels on the labelled part. */
import { HUMAN, LABELLED, SFT, WEAK, WEAK_BOTH } from "../arms.ts";
import { BEST_OF, bestOfName } from "../best-of.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { intervalsOf } from "../outcomes.ts";
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

/** Asked for by reviewers of both papers. */
export const baselines: StudyDefinition = {
  name: "baselines",
  title: "What weak labels have to beat",
  question:
    "Is a student on weak labels better than fine-tuning alone, than the teacher choosing the best of n, and than people's labels on the labelled part alone?",
  paperItem: "asked for by reviewers of WDPO and CW-PO; CW-PO Fig. 3 (direct DPO on the labelled part)",
  paper: "tao-li-2025",
  cells: () => [{ id: "base", settings: {}, arms: [SFT, WEAK, HUMAN, LABELLED, WEAK_BOTH], bestOf: true }],
  report: ({ cell }) => {
    const outcome = cell("base");
    const rows = ROWS.flatMap(([label, name]): GridRow[] => {
      const arm = outcome.arms.get(name);
      return arm === undefined ? [] : [{ label, arms: { student: arm } }];
    });
    return gridContent(
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
          ...(rows.length < ROWS.length
            ? ["A teacher that was not trained here chooses among no responses: best of n is left out."]
            : []),
        ],
      },
      intervalsOf(outcome, "baselines"),
    );
  },
};
