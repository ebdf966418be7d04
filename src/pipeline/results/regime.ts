/** What teacher, people and gold made of the same pairs of the pool, and the regime that it is: four numbers beside the paper's. */
import type { Interval } from "../../base/stats/check.ts";
import { unitOf } from "../../method/data/normalise.ts";
import type { CandidatePair, HumanLabel } from "../../method/data/rows.ts";
import type { AnalysisOptions, JudgedPair } from "../../method/evaluate/label-analysis/judged-pair.ts";
import { regimeOf } from "../../method/evaluate/label-analysis/regime.ts";
import { isDecided, type Label } from "../../method/labels/label.ts";
import type { GoldPair } from "../../method/split/world.ts";
import type { Cell, ReportTable } from "../../report/data.ts";
import { paperTableCalled } from "./paper-numbers.ts";

/** Labels of the pool beside what is hidden from the teacher. */
export type JudgedPool = {
  readonly labels: readonly Label[];
  readonly human: readonly HumanLabel[];
  /** Empty where gold is not known. */
  readonly gold: readonly GoldPair[];
  readonly pool: ReadonlyMap<string, CandidatePair>;
};

/** Pairs of the pool that teacher and people decided, with gold where it is known (else 0 on both sides). */
export function judgedPairs({ labels, human, gold, pool }: JudgedPool): JudgedPair[] {
  const people = new Map(human.map((label) => [label.id, label.preferred]));
  const scores = new Map(gold.map((pair) => [pair.id, pair]));
  return labels.filter(isDecided).flatMap(({ id, preferred, margin }) => {
    const said = people.get(id);
    if (said !== "a" && said !== "b") return [];
    const { goldA, goldB } = scores.get(id) ?? { goldA: 0, goldB: 0 };
    return [{ id, group: unitOf(pool.get(id)!), weak: preferred, human: said, goldA, goldB, margin }];
  });
}

/** The title under which the paper's numbers stand in their file, and ours in a report. */
const REGIME = "the regime in four numbers";

/** The regime of a pool beside the paper's; none where teacher, people and gold have not judged the same pairs. */
export function regimeTables(judged: JudgedPool, options: AnalysisOptions): ReportTable[] {
  if (judged.gold.length === 0) return [];
  const regime = regimeOf(judgedPairs(judged), options);
  if (regime === null) return [];
  const { pairs, goldTies, disputed, peopleGold, teacherPeople, goldWithTeacher, teacherGold, gap } = regime;
  const paper = paperTableCalled(REGIME);
  const own: readonly (readonly [name: string, pairs: number, value: Interval | null])[] = [
    ["people with gold", pairs, peopleGold],
    ["teacher with people", pairs, teacherPeople],
    ["gold sides with the teacher where teacher and people differ", disputed, goldWithTeacher],
    ["teacher with gold", pairs, teacherGold],
    ["people with gold minus teacher with gold", pairs, gap],
  ];
  return [
    {
      title: "The regime in four numbers",
      columns: [
        { title: paper.rows_are, format: "text" },
        { title: "pairs", format: "count" },
        { title: "here", format: "percent" },
        { title: "there, %", source: "paper" },
        { title: "there", source: "paper", format: "text" },
      ],
      rows: own.map(([name, n, value]): Cell[] => {
        const [share, from] = paper.rows[name]!;
        return [name, n, value, Number((100 * Number(share)).toFixed(1)), from!];
      }),
      paperItem: paper.item,
      notes: [
        `On the pairs that teacher, people and gold all decide; ${goldTies} more have equal gold and are left out. n counts prompts, which the intervals resample. ` +
          "The last row is (1 − teacher with people) · (1 − 2 · gold with the teacher where they differ): what weak labels give away beside people's.",
        ...(paper.notes ?? []),
      ],
    },
  ];
}
