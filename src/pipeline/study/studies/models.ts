/** Sweeps over models: size of the teacher, size of the student, families of teachers. */

import { bootstrap } from "../../../base/stats/bootstrap.ts";
import { mean } from "../../../base/stats/describe.ts";
import { performanceGapRecovered } from "../../../base/stats/win-rate.ts";
import { STORIES } from "../../../engine/checkpoint/stories15m.ts";
import { agreementRate } from "../../../method/evaluate/label-analysis/agreement-rate.ts";
import type { Column, ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { judgedPairs } from "../../results/regime.ts";
import { HUMAN, SFT, WEAK, WEIGHTED } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { type Compared, type Intervals, shared } from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf } from "../outcomes.ts";
import type { StudyDefinition, StudyInput } from "../study.ts";

/** A model in a sweep: what it is called, and the settings that put it in. */
type Variation = {
  readonly id: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly base: boolean;
};

/** Teachers: those named by --weak, else cuts of the base's teacher. */
export function teachers(context: StudyContext): Variation[] {
  const { weak } = context.recipe.models;
  const named = fromFlags("weak", context.weak, weak?.source);
  return named.length > 0 ? named : cuts("weak", [1, 2, 3], weak?.layers);
}

/** True where a sweep over teachers has more than the base. */
export const hasTeachers = (context: StudyContext): boolean => needsModels("weak")(context) === undefined;

/** Students: those named by --student, else cuts of the base's student. */
export function students(context: StudyContext): Variation[] {
  const { layers, source } = context.recipe.models.student;
  const named = fromFlags("student", context.student, source);
  return named.length > 0 ? named : cuts("student", [2, 3, 4], layers);
}

/** Models by their sources, each called by as many last parts of its path as tell it from the others. */
function fromFlags(
  role: "weak" | "student",
  sources: readonly string[],
  baseSource: string | undefined,
): Variation[] {
  const paths = sources.map((source) => source.replace(/\/+$/, "").split("/"));
  const end = (path: readonly string[], parts: number) => path.slice(-parts).join("/");
  return sources.map((source, i) => {
    const own = paths[i]!;
    const counts = own.map((_, k) => k + 1);
    const alone = counts.find((n) => paths.every((other) => other === own || end(other, n) !== end(own, n)));
    const base = source === baseSource;
    const settings = base ? {} : { [`models.${role}.source`]: source };
    return { id: end(own, alone ?? own.length), settings, base };
  });
}

function cuts(role: "weak" | "student", depths: readonly number[], own: number | undefined): Variation[] {
  const cut = depths.map((layers) => ({
    id: `${layers} layer${layers === 1 ? "" : "s"}`,
    settings: layers === own ? {} : { [`models.${role}.layers`]: layers },
    base: layers === own,
  }));
  return cut.some(({ base }) => base) ? cut : [...cut, { id: "base", settings: {}, base: true }];
}

/** The built-in model is cut to fewer layers; of others nobody knows how many they can spare. */
const needsModels =
  (role: "weak" | "student") =>
  (context: StudyContext): string | undefined =>
    context[role].length === 0 && context.recipe.models[role]?.source !== STORIES
      ? `name its models with --${role} <folder>, once for each, in the order of the table`
      : undefined;

const teacherRow = (
  label: string,
  outcome: CellOutcome,
  human: ArmOutcome,
  intervals: Intervals,
): GridRow => ({
  label,
  arms: {
    ...(outcome.teacher === undefined ? {} : { "teacher itself": outcome.teacher }),
    "student on its labels": outcome.arms.get("weak")!,
    "student on human labels": human,
  },
  more: [agreementRate(judgedPairs(outcome), { ...intervals, rng: intervals.rng.fork(label) })],
});

const TEACHER_COLUMNS = ["teacher itself", "student on its labels", "student on human labels"] as const;
const AGREEMENT: Column = { title: "labels that are the person's", format: "percent" };

/** The cell whose student on human labels, which no teacher has a part in, stands in every row: the base's, or else the first. */
const homeOf = (all: readonly Variation[]): Variation => all.find(({ base }) => base) ?? all[0]!;

function teacherSweep(study: string) {
  return {
    cells: (context: StudyContext) => {
      const all = teachers(context);
      return all.map((one) => ({
        id: one.id,
        settings: one.settings,
        arms: one === homeOf(all) ? [SFT, WEAK, HUMAN] : [WEAK],
        teacherAnswers: true,
      }));
    },
    report: ({ context, cell }: StudyInput) => {
      const all = teachers(context);
      const home = cell(homeOf(all).id);
      const intervals = intervalsOf(home, study);
      const human = home.arms.get("human")!;
      const rows = all.map(({ id }) => teacherRow(id, cell(id), human, intervals));
      const grid = gridContent(
        {
          title: "Students by teacher",
          axis: "teacher",
          columns: TEACHER_COLUMNS,
          rows,
          more: [AGREEMENT],
          compare: [["student on its labels", "student on human labels"]],
          further: all.flatMap(({ id }) => comparedTeachers(cell, id, homeOf(all).id)),
          notes: [
            "The student on human labels is one and the same in all rows. Students start from SFT on the responses their own labels prefer: starts differ with labels.",
            ...(context.weak.length > 0
              ? []
              : [
                  "Teachers of fewer layers are cut from the same model without further pretraining: they are weaker in more than size.",
                ]),
          ],
        },
        intervals,
      );
      return {
        ...grid,
        tables: [...(grid.tables ?? []), gapTable(rows, intervals)],
      };
    },
  };
}

/** The student of one teacher against that of the home: what the choice of a teacher is worth. */
function comparedTeachers(cell: StudyInput["cell"], id: string, home: string): Compared[] {
  if (id === home) return [];
  const [a, b] = [id, home].map((one) => cell(one).arms.get("weak")!);
  return [{ a: a!, b: b!, names: [`student of ${id}`, `student of ${home}`] }];
}

/** Performance gap recovered (Burns et al. 2023): the weak end is the teacher's own answers, the ceiling the human arm. */
function gapTable(rows: readonly GridRow[], { rng, resamples }: Intervals): ReportTable {
  return {
    title: "Performance gap recovered: 0 is the teacher's own answers, 1 the student on human labels",
    columns: [
      { title: "teacher", format: "text" },
      { title: "gap recovered", digits: 2 },
    ],
    rows: rows.map(({ label, arms }): TableCell[] => {
      const [teacher, own, ceiling] = TEACHER_COLUMNS.map((name) => arms[name]);
      // A reward head answers nothing.
      if (teacher === undefined) return [label, null];
      const [low, student, high] = shared([teacher, own!, ceiling!]);
      const units = low!.map((weak, i) => [weak, student![i]!, high![i]!] as const);
      const at = (sample: readonly (readonly number[])[], i: number) => mean(sample.map((unit) => unit[i]!));
      const value = bootstrap(units, (s) => performanceGapRecovered(at(s, 0), at(s, 1), at(s, 2)), {
        rng: rng.fork("gap", label),
        resamples,
      });
      return [label, value];
    }),
    notes: [
      "Not measured where the teacher's own answers score at or above the human arm's: there is no gap. Resamples without a gap are left out, so that near a gap of 0 the interval says little.",
    ],
  };
}

/** W Fig. 2b. */
export const teacherSize: StudyDefinition = {
  name: "teacher-size",
  title: "Size of the teacher",
  question: "Does a larger teacher make a better student?",
  paperItem: "WDPO Fig. 2b; CW-PO Tables 6 and 12 (accuracy)",
  paper: "tao-li-2025",
  lacks: needsModels("weak"),
  ...teacherSweep("teacher-size"),
};

/** W Table 10, C Table 16. */
export const family: StudyDefinition = {
  name: "family",
  title: "Families of teachers",
  question: "Does it matter of which family the teacher is?",
  paperItem: "WDPO Table 10; CW-PO Table 16",
  paper: "tao-li-2025",
  lacks: ({ weak }) =>
    weak.length === 0 ? "name models of several families with --weak <folder>, once for each" : undefined,
  ...teacherSweep("family"),
};

/** W Fig. 2a, 3a and 4a, C Table 2. */
export const studentSize: StudyDefinition = {
  name: "student-size",
  title: "Size of the student",
  question: "Do weak labels hold up against human ones for students of every size?",
  paperItem: "WDPO Fig. 2a, 3a, 4a; CW-PO Table 2",
  paper: "tao-li-2025",
  lacks: needsModels("student"),
  cells: (context) =>
    students(context).map(({ id, settings }) => ({ id, settings, arms: [SFT, WEAK, WEIGHTED, HUMAN] })),
  report: ({ context, cell }) => {
    const all = students(context);
    const rows = all.map(({ id }): GridRow => {
      const { arms } = cell(id);
      return {
        label: id,
        arms: {
          weak: arms.get("weak")!,
          "weak, weighted": arms.get("weak-cw")!,
          human: arms.get("human")!,
          sft: arms.get("sft")!,
        },
      };
    });
    return gridContent(
      {
        title: "Students by size",
        axis: "student",
        columns: ["weak", "weak, weighted", "human"],
        rows,
        compare: [
          ["weak", "human"],
          ["weak, weighted", "weak"],
        ],
        baseline: ({ arms }) => arms["sft"],
        notes: [
          "GRA is against each size's own SFT student on weak labels. The student on human labels starts from SFT on the responses that people prefer: it differs from the others in its start, too.",
          ...(context.student.length > 0
            ? []
            : [
                "Students of fewer layers are cut from the same model without further pretraining: they are weaker in more than size.",
              ]),
        ],
      },
      intervalsOf(cell(all[0]!.id), "student-size"),
    );
  },
};
