/**
 * The one label record. Every labeller writes it (implicit reward, reward head, judge, human, control, ensemble), every
 * analysis reads it; `label-file.ts` keeps it on disk. What a label says never depends on which candidate is called a:
 * swapping a and b mirrors it exactly.
 */
import { logistic } from "../../base/stats/special.ts";
import { isBlocked } from "../teacher/teacher.ts";

/** A teacher's word on one pair. */
export type Label = {
  readonly id: string;
  /** `tie`: the scores are equal (or within the tie band). `abstain`: there is no usable opinion; `flags` say why. */
  readonly preferred: "a" | "b" | "tie" | "abstain";
  /** Raw scores in the teacher's own unit; NaN only with the flag `non-finite`. */
  readonly scoreA: number;
  readonly scoreB: number;
  /** scoreA - scoreB. */
  readonly margin: number;
  /** Calibrated P(a human prefers a) in [0, 1]; 0.5 for ties and for pairs with a blocking flag. */
  readonly pA: number;
  /** Calibrated probability of the side that is preferred, in [0.5, 1]: pA or 1 - pA; null where none is, for ties and abstentions. */
  readonly pChosen: number | null;
  /** Lower-case words with dashes, sorted, each once. */
  readonly flags: readonly string[];
  /** Name or digest of who labelled. */
  readonly teacher: string;
};

/** What a scorer hands over. `flags` are facts about the pair, such as `truncated`. */
export type ScoredPair = {
  readonly id: string;
  readonly scoreA: number;
  readonly scoreB: number;
  readonly flags?: readonly string[];
  readonly teacher: string;
};

/** `calibrate`: margin to P(human prefers a), asked at |margin| only; default the logistic function (Bradley-Terry). */
export type LabelOptions = {
  readonly calibrate?: ((margin: number) => number) | undefined;
  readonly tieBand?: number | undefined;
};

/** The flag of a label that selection left out; its probability is kept. */
export const UNSELECTED = "unselected";

/**
 * Makes the label of two scores. Blocking flags and non-finite scores give `abstain`; scores at most `tieBand` apart
 * (default 0: equal) give `tie`; otherwise the higher score is preferred.
 *
 * @throws Error (internal) when `calibrate` gives a positive margin a probability outside [0.5, 1]
 */
export function labelFromScores(scored: ScoredPair, options: LabelOptions = {}): Label {
  const { id, teacher } = scored;
  // Adding 0 turns -0 into 0: the two are one score.
  const [a, b] = [scored.scoreA + 0, scored.scoreB + 0];
  const margin = a - b;
  const finite = [margin, a, b].every(Number.isFinite) && !scored.flags?.includes("non-finite");
  const [scoreA, scoreB] = finite ? [a, b] : [Number.NaN, Number.NaN];
  const flags = sortedFlags([...(scored.flags ?? []), ...(finite ? [] : ["non-finite"])]);
  const base = { id, scoreA, scoreB, margin: finite ? margin : Number.NaN, flags, teacher };
  if (isBlocked(flags)) return { ...base, preferred: "abstain", ...chance };
  if (Math.abs(margin) <= (options.tieBand ?? 0)) return { ...base, preferred: "tie", ...chance };
  const pChosen = (options.calibrate ?? logistic)(Math.abs(margin));
  if (!(pChosen >= 0.5 && pChosen <= 1))
    throw new Error(
      `internal: the calibrator gives ${pChosen} at margin ${Math.abs(margin)}, expected [0.5, 1]`,
    );
  // 1 - c is exact for c in [0.5, 1], so the mirrored label holds exactly the mirrored number.
  return margin > 0
    ? { ...base, preferred: "a", pA: pChosen, pChosen }
    : { ...base, preferred: "b", pA: 1 - pChosen, pChosen };
}

/** The same scores under another calibrator or tie band: nothing is scored again. Undoes a selection. */
export function relabel(label: Label, options: LabelOptions): Label {
  return labelFromScores({ ...label, flags: label.flags.filter((flag) => flag !== UNSELECTED) }, options);
}

/** The probability of the side that is preferred, of P(a); null where none is. */
export function pChosenOf(preferred: Label["preferred"], pA: number): number | null {
  return preferred === "a" ? pA : preferred === "b" ? 1 - pA : null;
}

/** The label as it was before a selection left it out. */
export function undoSelection(label: Label): Label {
  if (!label.flags.includes(UNSELECTED)) return label;
  const preferred = label.margin > 0 ? "a" : label.margin < 0 ? "b" : "tie";
  const flags = label.flags.filter((flag) => flag !== UNSELECTED);
  return { ...label, preferred, pChosen: pChosenOf(preferred, label.pA), flags };
}

/** A label that prefers one of the two. */
export type DecidedLabel = Label & { readonly preferred: "a" | "b"; readonly pChosen: number };

/** True for a label that prefers one of the two: neither tie nor abstention. */
export function isDecided(label: Pick<Label, "preferred">): label is DecidedLabel {
  return label.preferred === "a" || label.preferred === "b";
}

const chance = { pA: 0.5, pChosen: null } as const;

function sortedFlags(flags: readonly string[]): string[] {
  return [...new Set(flags)].sort();
}
