/** What the server and its page say to each other. No Node module here: the page is built from this file too. */
import type { ReportDocument } from "../../report/blocks.ts";
import type { KeyAction } from "./keys.ts";

/** What a person may do: answer questions, or everything. */
export type Role = "annotate" | "manage";

/** Something in the opened folders. `path` is relative to the folder that was opened. */
export type OpenedThing = {
  readonly id: string;
  readonly kind: "questions" | "run" | "labels" | "audit";
  readonly name: string;
  readonly path: string;
};

/** `/api/studio`. */
export type StudioReply = {
  readonly version: string;
  readonly person: string;
  readonly role: Role;
  readonly opened: readonly OpenedThing[];
};

/** One message of a conversation, or a text alone. */
export type ShownText = string | readonly { readonly role: string; readonly content: string }[];

/** A pair as it is shown: left and right in this person's order. Nothing here tells what anybody or any model thinks of it. */
export type PairShown = {
  /** Its place in the person's plan. */
  readonly place: number;
  readonly prompt: ShownText;
  readonly left: ShownText;
  readonly right: ShownText;
  readonly flagged: boolean;
  readonly note: string;
};

/** Places that need no answer any more, as ranges [from, to], both within. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** How far a person is. */
export type AskState = {
  readonly name: string;
  readonly person: string;
  /** Showings in all. */
  readonly total: number;
  /** How many of them nobody asks this person about: they count as done. */
  readonly aside: number;
  readonly done: Ranges;
  /** The latest answers that stand, oldest first: what undo takes back. */
  readonly history: readonly { readonly uuid: string; readonly place: number }[];
  /** Why nothing is taken; null when answers are. */
  readonly readOnly: string | null;
  readonly guidelines: string | null;
};

/** What a person did, as the page sends it. */
export type PageEvent =
  | {
      readonly kind: "answer";
      readonly uuid: string;
      readonly place: number;
      readonly choice: "left" | "right" | "tie" | "skip";
      readonly strength?: 1 | 2;
      readonly both_bad?: true;
      readonly ms: number;
    }
  | { readonly kind: "undo"; readonly uuid: string; readonly of: string }
  | { readonly kind: "flag"; readonly uuid: string; readonly place: number; readonly on: boolean }
  | { readonly kind: "note"; readonly uuid: string; readonly place: number; readonly text: string };

/** Reply to events: which are on the disk. */
export type Acknowledged = { readonly acknowledged: readonly string[]; readonly state: AskState };

/** A share with its interval. */
export type Share = {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
};

/** What a person's own answers say, and what to do with them. */
export type AskSummary = {
  readonly answered: { readonly a: number; readonly b: number; readonly tie: number; readonly skip: number };
  readonly flagged: number;
  readonly repeats: number;
  readonly selfAgreement: Share | null;
  readonly left: Share | null;
  /** The command that folds the derived answers file; null where somebody else folds. */
  readonly command: string | null;
};

/** What a rule makes of the answers of several people. */
export type PeopleRuled = {
  readonly answered: number;
  /** Pairs that were answered two ways: waiting to be settled, settled, decided by majority, left out. */
  readonly open: number;
  readonly settled: number;
  readonly byMajority: number;
  readonly leftOut: number;
  readonly command: string;
};

/** Two people and how they agree. */
export type PeoplePair = {
  readonly people: readonly [string, string];
  readonly pairs: number;
  readonly agreement: Share | null;
  readonly kappa: Share | null;
};

/** Who answered what of a folder of questions. */
export type PeopleReply = {
  readonly name: string;
  readonly questions: number;
  readonly people: readonly {
    readonly name: string;
    /** Questions that are theirs to answer. */
    readonly dealt: number;
    readonly answered: number;
    readonly skipped: number;
    readonly flagged: number;
  }[];
  /** Pairs that two or more people answered; of these answered two ways; of these settled. */
  readonly shared: number;
  readonly disputed: number;
  readonly settled: number;
  /** Krippendorff's alpha of all, `n` the prompts that count. */
  readonly alpha: Share | null;
  readonly pairs: readonly PeoplePair[];
};

/** A run as it is opened; what changes comes over its stream. */
export type RunReply = {
  readonly name: string;
  readonly path: string;
  /** The recipe as resolved, YAML. */
  readonly recipe: string;
};

/** The state of a run: stages in their order. */
export type RunStatus = {
  readonly stages: readonly {
    readonly name: string;
    readonly state: "done" | "running" | "failed" | "stopped" | "open";
    readonly finishedAt: string | null;
    readonly elapsedSeconds: number | null;
    readonly holders: readonly { readonly pid: number; readonly host: string; readonly living: boolean }[];
    readonly shards: readonly {
      readonly name: string;
      readonly items: number;
      readonly itemsDone: number;
      readonly perSecond: number | null;
      readonly secondsLeft: number | null;
    }[];
    /** What went wrong, with what to do. */
    readonly failure: { readonly message: string; readonly at: string } | null;
  }[];
  readonly planProblem: string | null;
  /** Steps that training stages are to take, by the stage's name with its digest. */
  readonly planned: Readonly<Record<string, number>>;
  readonly hasReport: boolean;
};

/** New points of a stage, as `lookAtRun` finds them. */
export type StagePoints = {
  readonly stage: string;
  readonly again: boolean;
  readonly points: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
};

/** An event `growth` of a run's stream. */
export type RunGrowthEvent = { readonly stages: readonly StagePoints[]; readonly log: readonly string[] };

/** Runs side by side: all of what `compare` reports. The first run is what the others are measured against. */
export type CompareReply = {
  readonly runs: readonly { readonly id: string; readonly name: string; readonly path: string }[];
  readonly report: ReportDocument;
};

/** A histogram whose ends count what lies beyond them, too. */
export type ShownHistogram = {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
};

/** Labels under a filter; while a folder is read for the first time, how far. */
export type LabelsReply =
  | { readonly reading: number }
  | {
      readonly name: string;
      readonly total: number;
      readonly found: number;
      /** By the likelier side's probability, the absolute margin, and the characters by which the preferred response is longer. */
      readonly histograms: Readonly<Record<"p" | "margin" | "gap", ShownHistogram | null>>;
      readonly flags: readonly string[];
      readonly sources: readonly string[];
      /** Whether people judged any of the pairs, and how often the teacher is with them among those that were found. */
      readonly hasPeople: boolean;
      readonly agreement: Share | null;
      /** Whether some pairs have no texts, and how far a search in texts is; null without one. */
      readonly lacksTexts: boolean;
      readonly searched: number | null;
    };

/** What a label, the teacher or a person prefers. */
export type Side = "a" | "b" | "tie" | "abstain";

/** A label as a list shows it. `excerpt`: of the prompt; null for a pair whose texts are not at hand. */
export type LabelRow = {
  readonly row: number;
  readonly id: string;
  readonly preferred: Side;
  readonly pChosen: number | null;
  readonly margin: number | null;
  readonly flags: readonly string[];
  readonly human: Side | null;
  readonly excerpt: string | null;
};

/** A label with its texts. `own`: what the teacher said where a person's word stands in the label. */
export type LabelPair = Omit<LabelRow, "excerpt"> & {
  readonly pA: number;
  readonly teacher: string;
  readonly own: Side | null;
  readonly texts: { readonly prompt: ShownText; readonly a: ShownText; readonly b: ShownText } | null;
};

/** A token and what it adds to its response's score. */
export type TintedToken = { readonly text: string; readonly value: number };

/** Both responses by token; `kept`: the run had them already. */
export type TokensReply = {
  readonly a: readonly TintedToken[];
  readonly b: readonly TintedToken[];
  readonly kept: boolean;
};

/** What folding made. */
export type Folded = {
  readonly folder: string;
  readonly labels: number;
  readonly answers: number;
  readonly text: string;
};

/** An answer of a key: what becomes of the event. */
export type AnswerAction = Extract<KeyAction, { readonly kind: "answer" }>;

/** The one policy of Trusted Types that a page may make: it lets in what the report's chart code drew. */
export const CHART_POLICY = "weak-teacher-charts";

/** `/api/begin`: data files and model folders of the opened folders, by path. */
export type BeginReply = {
  readonly data: readonly { readonly path: string; readonly bytes: number }[];
  readonly models: readonly string[];
};

/** `/api/begin/data`: what `inspect` says. */
export type UnderstoodData = { readonly text: string };

/** `/api/begin/recipe`, and `/api/begin/write` when it was written. `file`: its whole path. */
export type BegunRecipe = {
  readonly file: string;
  readonly text: string;
  readonly rows: number;
  readonly warning: string | null;
  readonly command: string;
  readonly written: boolean;
};
