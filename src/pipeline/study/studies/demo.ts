/** The demo in the papers' regime: both kinds of teacher, people as noisy as the papers' and people who see gold well, over seeds. */
import type { ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { differenceSentence } from "../../../report/headline.ts";
import { HUMAN, RANDOM, SFT, WEAK } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import { compareAll, differenceTable, goldReward, type Intervals, multiplicityNote } from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { Compared } from "../over-seeds.ts";
import { regimeTable } from "../regime.ts";
import type { Cell, StudyDefinition } from "../study.ts";
import { settingsOf } from "./annotators.ts";
import { needsWorld } from "./judges.ts";

/** How well people see gold: as the papers' may (assumed), and as the demo's did before it had their regime. */
const PEOPLE = [
  { name: "people at 71 %", settings: { "data.world.gold_agreement": 0.71 } },
  { name: "clean people", settings: { "data.world.tau": 0.25 } },
] as const;

const KINDS = [
  { name: "implicit reward", kind: "implicit-reward" },
  { name: "reward head", kind: "reward-head" },
] as const;

type Place = { readonly people: (typeof PEOPLE)[number]; readonly kind: (typeof KINDS)[number] };

const PLACES: readonly Place[] = PEOPLE.flatMap((people) => KINDS.map((kind) => ({ people, kind })));
const idOf = ({ people, kind }: Place): string => `${people.name}, ${kind.name}`;
/** Where the students stand that do not depend on the teacher, and of these the one that does not depend on people. */
const ofPeople = ({ people }: Place): string => idOf({ people, kind: KINDS[0] });
const SHARED = idOf(PLACES[0]!);

/** Students on people's labels are the same whoever teaches, those on random labels whoever judges: each is trained once. */
const armsAt = (place: Place) => [
  SFT,
  WEAK,
  ...(idOf(place) === ofPeople(place) ? [HUMAN] : []),
  ...(idOf(place) === SHARED ? [RANDOM] : []),
];

const cellAt = (context: StudyContext, place: Place): Cell => ({
  id: idOf(place),
  settings: { ...place.people.settings, ...settingsOf(context, { kind: place.kind.kind, score: "sum" }) },
  arms: armsAt(place),
});

/** Issue: does the demo's answer hold where people are as noisy as the papers'? W Fig. 2a, Tables 1 and 13. */
export const demo: StudyDefinition = {
  name: "demo",
  title: "The demo in the papers' regime",
  question:
    "Are weak labels as good as people's where people are as noisy as the papers', and where they are not?",
  paperItem: "WDPO Fig. 2a, Tables 1 and 13",
  paper: "tao-li-2025",
  own: { base: "demo", seeds: "5" },
  lacks: needsWorld,
  cells: (context) => PLACES.map((place) => cellAt(context, place)),
  report: ({ cell }) => {
    const intervals = intervalsOf(cell(SHARED), "demo");
    const rows = PLACES.map((place) => ({ place, students: studentsAt(cell, place) }));
    const differences = compareAll(
      [...rows.flatMap(({ place, students }) => comparedAt(place, students)), ...acrossPeople(rows)],
      intervals,
    );
    const againstHuman = differences.filter(({ b }) => b === "human");
    const count = 4 * rows.length;
    return {
      finding: againstHuman.map((one) => differenceSentence(one)).join(" "),
      tables: [
        studentTable(rows, intervals),
        differenceTable(differences),
        regimeTable(
          rows.map(({ place }) => ({ name: idOf(place), outcome: cell(idOf(place)) })),
          intervals,
        ),
      ],
      notes: [
        multiplicityNote(count, differences.length),
        "Within a seed all rows have the same candidates, prompts and parts; students on people's labels are the same for both teachers of a row's people, the one on random labels is the same in all rows.",
        "The rule by which the people and the demo's own teacher were chosen was written down before any of it was run (docs/log.md); nothing was tuned afterwards.",
      ],
    };
  },
};

type Students = Readonly<Record<"weak" | "human" | "random" | "sft", ArmOutcome>>;
type Row = { readonly place: Place; readonly students: Students };

function studentsAt(cell: (id: string) => CellOutcome, place: Place): Students {
  const at = (id: string, name: string) => cell(id).arms.get(name)!;
  return {
    weak: at(idOf(place), "weak"),
    human: at(ofPeople(place), "human"),
    random: at(SHARED, "random"),
    sft: at(idOf(place), "sft"),
  };
}

function comparedAt(place: Place, { weak, human, sft }: Students): Compared[] {
  const name = `${idOf(place)}: weak`;
  return [
    { a: weak, b: human, names: [name, "human"], start: sft },
    { a: weak, b: sft, names: [name, "sft"], kind: "weak - sft" },
  ];
}

/** What noise of people changes: weak minus human there, minus weak minus human with clean people, teacher by teacher. */
function acrossPeople(rows: readonly Row[]): Compared[] {
  return KINDS.map((kind) => {
    const [noisy, clean] = PEOPLE.map(
      (people) => rows.find(({ place }) => idOf(place) === idOf({ people, kind }))!,
    );
    return {
      a: noisy!.students.weak,
      b: clean!.students.weak,
      over: [noisy!.students.human, clean!.students.human],
      names: [`${kind.name}: weak - human, ${PEOPLE[0].name}`, PEOPLE[1].name],
    };
  });
}

function studentTable(rows: readonly Row[], intervals: Intervals): ReportTable {
  const columns = ["sft", "weak", "human", "random"] as const;
  return {
    title: "Students: gold reward",
    columns: [{ title: "people and teacher", format: "text" }, ...columns.map((title) => ({ title }))],
    rows: rows.map(({ place, students }): TableCell[] => [
      idOf(place),
      ...columns.map((name) => goldReward(students[name], intervals)),
    ]),
    notes: [
      "sft is the start of weak: the student fine-tuned on the responses that the row's teacher prefers.",
    ],
  };
}
