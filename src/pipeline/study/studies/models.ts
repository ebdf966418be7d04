/** Sweeps over models: size of the teacher, size of the student, families of teachers. */

import { agreementRate } from "../../../evaluate/label-analysis/agreement-rate.ts";
import type { Column, ReportTable, Cell as TableCell } from "../../../report/data.ts";
import { bootstrap } from "../../../stats/bootstrap.ts";
import { mean } from "../../../stats/describe.ts";
import { performanceGapRecovered } from "../../../stats/win-rate.ts";
import { STORIES } from "../../job/model-stages.ts";
import { HUMAN, SFT, WEAK, WEIGHTED } from "../arms.ts";
import type { StudyContext } from "../context.ts";
import { type GridRow, gridContent } from "../grid.ts";
import { type Intervals, paired } from "../measures.ts";
import { type ArmOutcome, type CellOutcome, intervalsOf, judgedPairs } from "../outcomes.ts";
import type { StudyDefinition } from "../study.ts";

/** A model in a sweep: what it is called, and the settings that put it in. */
type Variation = {
  readonly id: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly base: boolean;
};

/** Teachers: those named by --weak, else cuts of the base's teacher. */
export function teachers(context: StudyContext): Variation[] {
  const { weak } = context.recipe.models;
  const named = context.weak.map((source) => fromFlag("weak", source, weak?.source));
  return named.length > 0 ? named : cuts("weak", [1, 2, 3], weak?.layers);
}

/** True where a sweep over teachers has more than the base. */
export const hasTeachers = (context: StudyContext): boolean => needsModels("weak")(context) === undefined;

/** Students: those named by --student, else cuts of the base's student. */
export function students(context: StudyContext): Variation[] {
  const { layers } = context.recipe.models.student;
  const named = context.student.map((source) =>
    fromFlag("student", source, context.recipe.models.student.source),
  );
  return named.length > 0 ? named : cuts("student", [2, 3, 4], layers);
}

function fromFlag(role: "weak" | "student", source: string, base: string | undefined): Variation {
  const id = source.split("/").at(-1)!;
  return {
    id,
    settings: source === base ? {} : { [`models.${role}.source`]: source },
    base: source === base,
  };
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

function teacherSweep(
  study: string,
  paper: Readonly<Record<string, readonly (number | string)[]>>,
  heads: string[],
) {
  return {
    cells: (context: StudyContext) =>
      teachers(context).map(({ id, settings, base }) => ({
        id,
        settings,
        arms: base ? [SFT, WEAK, HUMAN] : [WEAK],
        teacherAnswers: true,
      })),
    report: ({ context, cell }: Parameters<StudyDefinition["report"]>[0]) => {
      const all = teachers(context);
      const base = cell((all.find((one) => one.base) ?? all[0]!).id);
      const intervals = intervalsOf(base, study);
      const human = base.arms.get("human");
      const rows = all.map(({ id }) =>
        teacherRow(id, cell(id), human ?? cell(id).arms.get("weak")!, intervals),
      );
      const grid = gridContent(
        {
          title: "Students by teacher",
          axis: "teacher",
          columns: TEACHER_COLUMNS,
          rows,
          more: [AGREEMENT],
          compare: human === undefined ? [] : [["student on its labels", "student on human labels"]],
        },
        intervals,
      );
      const papers = paperTable(paper, heads);
      return { ...grid, tables: [...(grid.tables ?? []), gapTable(rows, intervals), papers] };
    },
  };
}

/** Performance gap recovered (Burns et al. 2023): the weak end is the teacher's own answers, the ceiling the human arm. */
function gapTable(rows: readonly GridRow[], { rng, resamples }: Intervals): ReportTable {
  return {
    title: "Performance gap recovered: 0 is the teacher's own answers, 1 the student on human labels",
    columns: [{ title: "teacher", format: "text" }, { title: "gap recovered" }],
    rows: rows.map(({ label, arms }): TableCell[] => {
      const [teacher, own, ceiling] = TEACHER_COLUMNS.map((name) => arms[name]);
      // A reward head answers nothing.
      if (teacher === undefined) return [label, null];
      const [low, high] = [paired(teacher!, own!), paired(teacher!, ceiling!)];
      const units = low.a.map((weak, i) => [weak, low.b[i]!, high.b[i]!] as const);
      const at = (sample: readonly (readonly number[])[], i: number) => mean(sample.map((unit) => unit[i]!));
      const value = bootstrap(units, (s) => performanceGapRecovered(at(s, 0), at(s, 1), at(s, 2)), {
        rng: rng.fork("gap", label),
        resamples,
      });
      return [label, value];
    }),
    notes: [
      "Not measured where the teacher's own answers score at or above the human arm's: there is no gap.",
    ],
  };
}

function paperTable(
  rows: Readonly<Record<string, readonly (number | string)[]>>,
  heads: string[],
): ReportTable {
  return {
    title: "The paper's numbers",
    columns: [
      { title: "there", format: "text" },
      ...heads.map((title): Column => ({ title, source: "paper" })),
    ],
    rows: Object.entries(rows).map(([name, values]) => [name, ...values]),
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
  ...teacherSweep(
    "teacher-size",
    {
      human: ["4.63"],
      "OPT-125M": ["4.84"],
      "OPT-1.3B": ["4.78"],
      "Llama-3-8B": ["4.91"],
      "GPT-4, prompted": ["4.52"],
    },
    ["student OPT-1.3B"],
  ),
};

/** W Table 10, C Table 16. */
export const family: StudyDefinition = {
  name: "family",
  title: "Families of teachers",
  question: "Does it matter of which family the teacher is?",
  paperItem: "WDPO Table 10, Fig. 3a; CW-PO Table 16",
  paper: "tao-li-2025",
  lacks: ({ weak }) =>
    weak.length === 0 ? "name models of several families with --weak <folder>, once for each" : undefined,
  ...teacherSweep(
    "family",
    {
      human: ["4.63", "7.19"],
      "OPT-125M": ["4.84", "7.90"],
      "GPT-Neo-125M": ["4.55", "7.27"],
      "Pythia-160M": ["4.87", "8.01"],
    },
    ["student OPT-1.3B", "student Mistral-7B"],
  ),
};

/** W Fig. 2a and 4a, C Table 2. */
export const studentSize: StudyDefinition = {
  name: "student-size",
  title: "Size of the student",
  question: "Do weak labels hold up against human ones for students of every size?",
  paperItem: "WDPO Fig. 2a, 4a; CW-PO Table 2",
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
    const grid = gridContent(
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
          "Students of fewer layers are cut from the same model without further pretraining: they are weaker in more than size.",
        ],
      },
      intervalsOf(cell(all[0]!.id), "student-size"),
    );
    const papers = paperTable(
      {
        "OPT-1.3B": ["4.84", "4.63", "3.29", "2.71"],
        "OPT-2.7B": ["5.59", "5.39", "3.76", "3.45"],
        "OPT-6.7B": ["6.65", "6.19", "4.03", "3.83"],
        "OPT-13B": ["6.91", "6.69", "4.42", "4.17"],
      },
      ["HH weak", "HH human", "TL;DR weak", "TL;DR human"],
    );
    return { ...grid, tables: [...(grid.tables ?? []), papers] };
  },
};
