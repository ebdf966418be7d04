/** What a study is: cells of a grid, and a report made of what came out of them. */
import type { Study } from "../../report/data.ts";
import type { Paper, StudyContext } from "./context.ts";
import type { CellOutcome } from "./outcomes.ts";

/** An arm as it is written in a recipe; equal names are equal arms throughout one folder. */
export type ArmRecipe = { readonly name: string; readonly [setting: string]: unknown };

/** One cell: settings laid over the base recipe, and the students wanted there. */
export type Cell = {
  /** Unique in the study. */
  readonly id: string;
  /** Values by path, as of `--set`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** None: data, teacher and labels only. */
  readonly arms: readonly ArmRecipe[];
  /** The teacher itself answers the test prompts, too. */
  readonly teacherAnswers?: boolean;
  /** Gold scores both responses of every pooled pair, where the data does not have them. */
  readonly poolGold?: boolean;
  /** The teacher chooses among responses of the student `sft`, which the cell has to have (`best-of.ts`). */
  readonly bestOf?: boolean;
  /** The teacher scores some pairs again: swapped, and one by one. */
  readonly rescored?: boolean;
};

/** What a study is given for its report. */
export type StudyInput = {
  readonly context: StudyContext;
  /** What came out of a cell, by its id. */
  readonly cell: (id: string) => CellOutcome;
};

/** A study's part of the report, without what the framework adds. */
export type StudyContent = Pick<Study, "tables" | "figures" | "finding" | "notes">;

/** One question of the papers or their reviewers, as a grid. */
export type StudyDefinition = {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  /** What it stands beside. */
  readonly paperItem: string;
  readonly paper: Paper;
  /** A recipe and seeds of its own in place of the scale's: such a study lives in a world of its own, is run by itself and is no part of "all". */
  readonly own?: { readonly base: string; readonly seeds: string };
  /** True where students are compared by test accuracy on people's labels, and no gold scorer is needed. */
  readonly byTestAccuracy?: true;
  /** True where judges named by --judge have cells. */
  readonly judges?: true;
  /** Why it cannot be run as things are, with what to do; undefined when it can. */
  readonly lacks?: (context: StudyContext) => string | undefined;
  readonly cells: (context: StudyContext) => readonly Cell[];
  readonly report: (input: StudyInput) => StudyContent;
};
