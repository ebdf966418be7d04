/**
 * People's answers on pairs of a pool, merged into its labels without scoring anything: the calibrator is fitted again with the
 * answers added, the teacher's labels are made again under it, and an answered pair carries the human label.
 *
 * Most answered pairs are a selected sample: they were asked for because the teacher was unsure and their texts unlike others. A calibrator
 * models P(human prefers a) given the margin. Selection by the margin alone could be passed over where its curve has the right form; selection
 * by prompt and text cannot, for among pairs of one margin the unlike ones may be the harder ones. So the calibrator is fitted again on
 * held-out pairs and on those answers only that are a random sample of the pool (`random-part.ts`). A promise rests on the held-out pairs alone,
 * of which people have answered none.
 */
import { sha256 } from "../../base/core/digest.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { type CalibrationMethod, type Calibrator, fitCalibrator } from "./calibration.ts";
import { labelWeights, type WeightForm, weightRange } from "./confidence.ts";
import { isDecided, type Label, labelFromScores, relabel, UNSELECTED, undoSelection } from "./label.ts";
import { countLabels, type LabelCounts, selectLabels } from "./plan-labels.ts";
import type { PromisedSelection } from "./promise.ts";
import type { Answer } from "./questions.ts";
import { randomSample } from "./random-part.ts";
import type { PromiseEvidence, SelectionRule, SelectionSettings } from "./selection.ts";
import { applySelection } from "./selection.ts";

/** `label_source` of a person's label. */
export const HUMAN = "human";

/** Fewer judged pairs than this and a fit says nothing. */
export const LEAST_TO_FIT = 10;

/** A labelled pair kept from the teacher's training: the teacher's margin, and what the person said. */
export type HeldOutPair = {
  readonly id: string;
  readonly margin: number;
  readonly preferred: "a" | "b";
  /** Names the prompt (or group): pairs of one unit are not independent. Default the pair alone. */
  readonly unit?: string | undefined;
};

/**
 * One pair of each unit, drawn by their ids alone: what an exact bound may rest on, for pairs of one prompt tend to be right or wrong together.
 * Where units differ in size, a rate over these pairs is that of a pair of a unit drawn at random.
 */
export function independentPairs<T extends HeldOutPair>(pairs: readonly T[]): T[] {
  const drawn = new Map<string, { readonly pair: T; readonly draw: string }>();
  for (const pair of pairs) {
    const unit = pair.unit ?? pair.id;
    const draw = sha256(pair.id);
    const before = drawn.get(unit);
    if (before === undefined || draw < before.draw) drawn.set(unit, { pair, draw });
  }
  const ids = new Set([...drawn.values()].map(({ pair }) => pair.id));
  return pairs.filter(({ id }) => ids.has(id));
}

/** A selection with what a promise rests on. @param heldOut - asked for by a promise only */
export function selectionRule(
  select: SelectionSettings,
  heldOut: () => readonly HeldOutPair[],
): SelectionRule {
  return select.kind === "promise" ? { ...select, ...promiseEvidence(heldOut()) } : select;
}

/** What a promise rests on. */
export function promiseEvidence(pairs: readonly HeldOutPair[]): PromiseEvidence {
  const independent = independentPairs(pairs);
  return {
    heldOutMargins: independent.map(({ margin }) => Math.abs(margin)),
    heldOutAgrees: independent.map(({ margin, preferred }) => margin > 0 === (preferred === "a")),
  };
}

/** What labels were made from. */
export type AnswerRules = {
  /** The calibrator the labels were made with; null for none. */
  readonly calibrator: Calibrator | null;
  readonly tieBand: number;
  readonly select: SelectionSettings;
  readonly weight: WeightForm;
};

/** Labels with answers in them. */
export type AnsweredLabels = {
  readonly labels: readonly Label[];
  readonly weights: readonly number[];
  readonly counts: LabelCounts;
  readonly calibrator: Calibrator | null;
  /** False where no answer was drawn at random, or there were too few pairs to fit on: the calibrator is the one from before. */
  readonly refitted: boolean;
  /** Answers that it was fitted on (or would have been), of pairs that teacher and person both decide; drawn pairs nobody answered. */
  readonly random: { readonly n: number; readonly unanswered: number };
  readonly promise: PromisedSelection | null;
  /** The teacher's own labels of the answered pairs, for the next round. */
  readonly teacherLabels: readonly Label[];
  /** The answered pairs that teacher and person both decide, and whether the teacher is right. A selected sample. */
  readonly teacherOnAnswered: readonly { readonly id: string; readonly right: boolean }[];
};

/**
 * Merges answers into the teacher's labels.
 * @param labels - the teacher's own labels of the whole pool, in its order; not those of an earlier merge
 * @param answers - all answers so far, each pair once
 * @throws ConfigError for a promise without held-out pairs
 */
export function mergeAnswers(
  labels: readonly Label[],
  answers: readonly Answer[],
  heldOut: readonly HeldOutPair[],
  rules: AnswerRules,
): AnsweredLabels {
  const said = new Map(answers.map(({ id, preferred }) => [id, preferred]));
  const teacherLabels = labels.filter(({ id }) => said.has(id));
  const sample = randomSample(labels, answers);
  const drawn = judged(
    teacherLabels.filter(({ id }) => sample.ids.has(id)),
    said,
  );
  // A held-out pair that people answered, too, is no longer held out.
  const unanswered = heldOut.filter(({ id }) => !said.has(id));
  const fitted = drawn.length === 0 ? undefined : refit(rules.calibrator, [...unanswered, ...drawn]);
  const calibrator = fitted ?? rules.calibrator;
  const remade = labels.map((label) =>
    fitted ? relabel(label, { calibrate: fitted.apply, tieBand: rules.tieBand }) : undoSelection(label),
  );
  // Of the teacher's labels of the whole pool, for that is the population that held-out pairs stand for.
  const { selection, promise } = selectLabels(
    remade,
    selectionRule(rules.select, () => promisedOn(unanswered)),
  );
  const selected = selection === undefined ? remade : applySelection(remade, selection);
  const weights = labelWeights(selected, rules.weight);
  const [, most] = weightRange(rules.weight);
  const merged = selected.map((label) => humanLabel(label, said.get(label.id)) ?? label);
  const agreed = judged(teacherLabels, said);
  return {
    labels: merged,
    // A person's word is not a margin to be weighed: it gets the most that a label can.
    weights: merged.map((label, i) => (said.has(label.id) ? (isDecided(label) ? most : 0) : weights[i]!)),
    counts: countLabels(merged),
    calibrator,
    refitted: fitted !== undefined,
    random: { n: drawn.length, unanswered: sample.unanswered },
    promise,
    teacherLabels,
    teacherOnAnswered: agreed.map(({ id, margin, preferred }) => ({
      id,
      right: margin > 0 === (preferred === "a"),
    })),
  };
}

/** Pairs that a person decided and whose margin takes a side. */
function judged(labels: readonly Label[], said: ReadonlyMap<string, Answer["preferred"]>): HeldOutPair[] {
  return labels.flatMap(({ id, margin }) => {
    const preferred = said.get(id);
    return preferred === undefined || preferred === "tie" || margin === 0 ? [] : [{ id, margin, preferred }];
  });
}

/** A new calibrator of the same kind; Platt's, finite on few pairs, where there was none. */
function refit(before: Calibrator | null, pairs: readonly HeldOutPair[]): Calibrator | undefined {
  const method: CalibrationMethod = before?.method ?? "platt";
  if (pairs.length < LEAST_TO_FIT || method === "none") return undefined;
  return fitCalibrator(
    method,
    pairs.map(({ margin }) => margin),
    pairs.map(({ preferred }) => preferred === "a"),
  );
}

/** A promise's held-out pairs, which must be there. */
function promisedOn(heldOut: readonly HeldOutPair[]): readonly HeldOutPair[] {
  if (heldOut.length > 0) return heldOut;
  throw new ConfigError(
    "ask: these labels were selected with a promise, whose held-out pairs are not beside them. Label the pool again.",
  );
}

/** The human label of a pair, in the one label record: scores 1 and 0, or ½ each for a tie. */
function humanLabel({ id, flags }: Label, preferred: Answer["preferred"] | undefined): Label | undefined {
  if (preferred === undefined) return undefined;
  const scoreA = preferred === "a" ? 1 : preferred === "b" ? 0 : 0.5;
  const kept = flags.filter((flag) => flag !== UNSELECTED);
  return labelFromScores(
    { id, scoreA, scoreB: 1 - scoreA, flags: kept, teacher: HUMAN },
    { calibrate: () => 1 },
  );
}
