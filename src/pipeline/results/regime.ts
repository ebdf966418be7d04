/** What teacher, people and gold made of the same pairs of the pool, and the regime that it is: four numbers beside the paper's. */
import { unitOf } from "../../method/data/normalise.ts";
import type { CandidatePair, HumanLabel } from "../../method/data/rows.ts";
import type { AnalysisOptions, JudgedPair } from "../../method/evaluate/label-analysis/judged-pair.ts";
import { type Regime, regimeOf } from "../../method/evaluate/label-analysis/regime.ts";
import { isDecided, type Label } from "../../method/labels/label.ts";
import type { GoldPair } from "../../method/split/world.ts";
import type { Interval } from "../../report/charts/spec.ts";
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

/** The title under which the paper's numbers stand in their file. */
const REGIME = "the regime in four numbers";

/** The title of the table in reports. */
export const REGIME_TITLE = "The regime in four numbers";

/** What each number is called, there and in reports. */
export const REGIME_ROWS = {
  peopleGold: "people with gold",
  teacherPeople: "teacher with people",
  goldWithTeacher: "gold sides with the teacher where teacher and people differ",
  teacherGold: "teacher with gold",
  gap: "people with gold minus teacher with gold",
} as const satisfies Partial<Record<keyof Regime, string>>;

/** The paper's regime, for tables that stand beside it; `of` gives a row's share in per cent and where it is from. */
export function paperRegime() {
  const { rows, rows_are: title, item, notes = [] } = paperTableCalled(REGIME);
  const of = (name: string): [number, string] => {
    const [share, from] = rows[name]!;
    return [Number((100 * Number(share)).toFixed(1)), String(from)];
  };
  return { title, item, notes, of };
}

/** The regime of a pool beside the paper's; none where teacher, people and gold have not judged the same pairs. */
export function regimeTables(judged: JudgedPool, options: AnalysisOptions): ReportTable[] {
  if (judged.gold.length === 0) return [];
  const regime = regimeOf(judgedPairs(judged), options);
  if (regime === null) return [];
  const { pairs, goldTies, disputed } = regime;
  const paper = paperRegime();
  return [
    {
      title: REGIME_TITLE,
      columns: [
        { title: paper.title, format: "text" },
        { title: "pairs", format: "count" },
        { title: "here", format: "percent" },
        { title: "there, %", source: "paper" },
        { title: "there", source: "paper", format: "text" },
      ],
      rows: Object.entries(REGIME_ROWS).map(([key, name]): Cell[] => [
        name,
        key === "goldWithTeacher" ? disputed : pairs,
        regime[key as keyof typeof REGIME_ROWS],
        ...paper.of(name),
      ]),
      paperItem: paper.item,
      notes: [
        `On the pairs that teacher, people and gold all decide; ${goldTies} more have equal gold and are left out. n counts prompts, which the intervals resample. ` +
          "The last row is (1 − teacher with people) · (1 − 2 · gold with the teacher where they differ): what weak labels give away beside people's.",
        ...paper.notes,
      ],
    },
  ];
}

/** The numbers that stand in a finished report's tables, by name; none where the report has no regime. */
export function regimeIn(tables: readonly ReportTable[]): (readonly [name: string, value: Interval])[] {
  const rows = tables.find(({ title }) => title === REGIME_TITLE)?.rows ?? [];
  return rows.flatMap(([name, , value]) =>
    typeof value === "object" && value !== null ? [[String(name), value] as const] : [],
  );
}
