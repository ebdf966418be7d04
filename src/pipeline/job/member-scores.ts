/** What a teacher's stages give: its models, and raw scores by it. */
import type { ScoreForm } from "../../method/teacher/score-form.ts";
import type { Ref } from "../stages/define.ts";
import type { Artefact } from "../stages/stage.ts";

/** A teacher's models; a reward head has no reference. */
export type TeacherModels = { readonly policy: Ref; readonly reference?: Ref | undefined };

/** Raw scores by one teacher. */
export type MemberScores = {
  /** For people and in labels: "weak", "weak-2". */
  readonly name: string;
  readonly form: ScoreForm;
  readonly pool: Artefact;
  /** Of the held-out pairs; with folds one for each, by a teacher that did not learn from it. */
  readonly heldOut: readonly Artefact[];
  /** Of the test pairs; undefined for controls that are told of the pool alone. */
  readonly test: Artefact | undefined;
  /** Undefined for judges, controls and cascades. */
  readonly models: TeacherModels | undefined;
  /** The two teachers of a cascade. */
  readonly steps?: readonly [MemberScores, MemberScores];
};

/** Each teacher by itself: the two of a cascade for what they are together. */
export const singleScores = (scores: readonly MemberScores[]): readonly MemberScores[] =>
  scores.flatMap((one) => one.steps ?? [one]);
