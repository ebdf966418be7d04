/** Is a teacher better than the labels it learnt from? Every labelled pair is judged by a teacher of the other folds, and gold judges both. */
import type { Interval } from "../../../base/stats/check.ts";
import type { ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { formatInterval } from "../../../report/format.ts";
import { judgedPairs, REGIME_ROWS } from "../../results/regime.ts";
import type { StudyContext } from "../context.ts";
import { multiplicityNote } from "../measures.ts";
import { type CellOutcome, intervalsOf } from "../outcomes.ts";
import { regimeOfCell } from "../regime.ts";
import type { Cell, StudyDefinition } from "../study.ts";
import { settingsOf } from "./annotators.ts";
import { needsWorld } from "./judges.ts";

/** Teachers of each cell that judge what they did not learn from. */
const FOLDS = 4;

/** People as the base has them, and as noisy as the paper's may be. */
const PEOPLE = [
  { name: "people of the base", settings: {} },
  { name: "people at 71 %", settings: { "data.world.gold_agreement": 0.71 } },
] as const;

const KINDS = ["implicit-reward", "reward-head"] as const;

type Place = { readonly people: (typeof PEOPLE)[number]; readonly kind: (typeof KINDS)[number] };

const PLACES: readonly Place[] = PEOPLE.flatMap((people) => KINDS.map((kind) => ({ people, kind })));
const idOf = ({ people, kind }: Place): string => `${people.name}, ${kind.replace("-", " ")}`;

const cellAt = (context: StudyContext, place: Place): Cell => ({
  id: idOf(place),
  settings: {
    ...place.people.settings,
    ...settingsOf(context, { kind: place.kind, score: "sum" }),
    "label.held_out": null,
    "label.calibration_folds": FOLDS,
  },
  arms: [],
});

/** Which pairs of a cell are judged. */
const PARTS = [
  { name: "labelled pairs, out of fold", of: (one: CellOutcome) => one.relabelled },
  { name: "pool", of: judgedPairs },
] as const;

type Numbers = ReturnType<typeof regimeOfCell>;

/** By rule: the gap is people-gold minus teacher-gold. */
function inWords(place: Place, gap: Interval | null | undefined): string {
  if (gap == null) return `${idOf(place)}: nothing could be compared.`;
  const how =
    gap.high < 0
      ? "the teacher sides with gold more often than the labels it learnt from"
      : gap.low > 0
        ? "the labels side with gold more often than the teacher"
        : "cannot be told apart";
  return `${idOf(place)}: ${how} (labels − teacher ${formatInterval(gap, { format: "percent", signed: true })}).`;
}

function tableOf(title: string, numbers: readonly Numbers[]): ReportTable {
  return {
    title,
    columns: [
      { title: "", format: "text" },
      ...PLACES.map((place) => ({ title: idOf(place), format: "percent" as const })),
    ],
    rows: Object.entries(REGIME_ROWS).map(([key, name]): TableCell[] => [
      name,
      ...numbers.map((one) => one[key as keyof typeof REGIME_ROWS] ?? null),
    ]),
  };
}

/** Asked for by reviewers of CW-PO: why does it work? */
export const denoising: StudyDefinition = {
  name: "denoising",
  title: "Is the teacher better than the labels it learnt from?",
  question:
    "On pairs that a teacher did not learn from, does gold side with it more often than with the people whose labels taught it?",
  paperItem: "WDPO section 4; why it works, asked for by reviewers of CW-PO",
  paper: "tao-li-2025",
  lacks: needsWorld,
  cells: (context) => PLACES.map((place) => cellAt(context, place)),
  report: ({ cell }) => {
    const intervals = intervalsOf(cell(idOf(PLACES[0]!)), "denoising");
    const parts = PARTS.map(({ name, of }) => ({
      name,
      numbers: PLACES.map((place) => {
        const rng = intervals.rng.fork(name, idOf(place));
        return regimeOfCell(cell(idOf(place)), { ...intervals, rng }, of);
      }),
    }));
    const [labelled] = parts;
    return {
      finding: PLACES.map((place, i) => inWords(place, labelled!.numbers[i]!.gap)).join(" "),
      tables: parts.map(({ name, numbers }) => tableOf(`Who sides with gold: ${name}`, numbers)),
      notes: [
        multiplicityNote(parts.length * PLACES.length * Object.keys(REGIME_ROWS).length, 0),
        `Labelled pairs are judged by ${FOLDS} teachers, each of which learnt from the other folds; folds part prompts. Pairs whose gold is equal, or on which the teacher or people decided nothing, are left out.`,
        "A teacher that is worse on the pool may still denoise: there it is held against what fresh people said, here against the very labels it learnt from (of other prompts).",
      ],
    };
  },
};
