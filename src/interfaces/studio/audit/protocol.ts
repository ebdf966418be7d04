/** What the audit's page and the server say to each other. No Node module here: the page is built from this file too. */
import type { PairShown, Ranges, Share } from "../protocol.ts";

/** What a person can decide about a label. */
export type Decision = "keep" | "flip" | "tie" | "drop";

/** A pair before it was judged: nothing of its label, of the audit or of its place in a file. */
export type SuspectPair = Pick<PairShown, "place" | "prompt" | "left" | "right">;

/** What is shown of a pair once it was judged. */
export type Revealed = {
  readonly place: number;
  /** The side that the label prefers. */
  readonly label: "left" | "right";
  /** What the person judged. */
  readonly judged: "left" | "right" | "tie";
  /** Out of fold: by a teacher that never saw this label. */
  readonly probabilityWrong: number;
  readonly file: string;
  readonly line: number;
  /** The audit flipped this label before it judged it; everything here is of the file's own. */
  readonly planted: boolean;
};

/** How far a person is. */
export type AuditState = {
  readonly name: string;
  readonly person: string;
  /** Suspects that can be gone through, likeliest errors first. */
  readonly total: number;
  /** Places that were judged, and those of which everything is decided. */
  readonly judged: Ranges;
  readonly done: Ranges;
  /** The latest judgements and decisions that stand, oldest first: what undo takes back. */
  readonly history: readonly {
    readonly uuid: string;
    readonly place: number;
    readonly kind: "judged" | "decided";
  }[];
  /** Why nothing is taken; null when reviews are. */
  readonly readOnly: string | null;
};

/** What a person did, as the page sends it. */
export type AuditEvent =
  | {
      readonly kind: "judged";
      readonly uuid: string;
      readonly place: number;
      readonly choice: "left" | "right" | "tie";
      readonly ms: number;
    }
  | {
      readonly kind: "decided";
      readonly uuid: string;
      readonly place: number;
      readonly decision: Decision;
    }
  | { readonly kind: "undo"; readonly uuid: string; readonly of: string };

/** What was found so far, and where it is kept. Shares are of labels that were wrong. */
export type AuditFound = {
  readonly decided: Readonly<Record<Decision, number>>;
  readonly precisionAt: readonly {
    readonly k: number;
    readonly precision: Share | null;
    /** What the audit said of the same labels. */
    readonly expected: number | null;
  }[];
  readonly blindAgainst: Share | null;
  readonly plantedFound: Share | null;
  /** The derived file of reviews. */
  readonly file: string;
};

/** What a corrected copy holds, in words, and where it lies. */
export type Corrected = { readonly file: string; readonly text: string };
