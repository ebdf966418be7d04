/**
 * From stored scores to labels and training rows: score form, calibrator, tie band, selection, weight. All of it is arithmetic on
 * the scores of a folder; changing any of it scores nothing again. Ties and abstentions never become training rows.
 */
import { digestOf } from "../core/digest.ts";
import { ConfigError, DataError } from "../core/errors.ts";
import type { LabelledRow } from "../data/writers.ts";
import { type Calibrator, calibratorToJson } from "./calibration.ts";
import { labelWeights, type WeightForm, weightRange } from "./confidence.ts";
import { isDecided, type Label, labelFromScores } from "./label.ts";
import { type FittedForm, fitForm, formScores, type ScoreForm } from "./score-form.ts";
import { readScores, readScoresManifest } from "./scores-folder.ts";
import {
  applySelection,
  type PromisedSelection,
  type Selection,
  selectThreshold,
  selectTop,
  selectWithPromise,
} from "./selection.ts";
import type { PairScore } from "./teacher.ts";

/** Which labels are used. `promise`: held-out labels must be made in the same form with the same calibrator. */
export type SelectionRule =
  | { readonly rule: "all" }
  | { readonly rule: "top"; readonly percent: number }
  | { readonly rule: "threshold"; readonly minConfidence: number }
  | {
      readonly rule: "promise";
      readonly maxDisagreement: number;
      readonly level?: number;
      readonly heldOutConfidence: readonly number[];
      readonly heldOutAgrees: readonly boolean[];
    };

/** How scores become labels. Defaults: `sum`, no calibrator (Bradley-Terry), tie band 0, all, weight 1. */
export type LabelRules = {
  readonly form?: ScoreForm;
  readonly calibrator?: Calibrator;
  /** Scores at most this far apart, in the form's unit, are a tie. */
  readonly tieBand?: number;
  readonly select?: SelectionRule;
  readonly weight?: WeightForm;
};

/** Everything counted; `pairs` = a + b + tie + abstain, and training rows = a + b. */
export type LabelCounts = {
  readonly pairs: number;
  readonly a: number;
  readonly b: number;
  readonly tie: number;
  readonly abstain: number;
  /** Decided labels that selection left out; part of `abstain`. */
  readonly unselected: number;
  readonly flags: Readonly<Record<string, number>>;
};

/** Labels of a pool, in its order, with the weight of each (0 for ties and abstentions). */
export type MadeLabels = {
  readonly labels: readonly Label[];
  readonly weights: readonly number[];
  readonly counts: LabelCounts;
  /** What selection could promise, where it was asked to. */
  readonly promise: PromisedSelection | null;
  /** Everything the labels were made from, resolved: α, calibrator, threshold, range of the weights. JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** SHA-256 of `settings` and the scores' digest: equal digests are equal labels. */
  readonly digest: string;
};

/**
 * Makes labels of a finished folder of scores (`labelPool`).
 * @throws DataError when the folder is not finished or an id comes twice; ConfigError when a rule is out of range
 */
export async function makeLabels(folder: string, rules: LabelRules = {}): Promise<MadeLabels> {
  const manifest = await readScoresManifest(folder);
  const form = await fitForm(rules.form ?? { form: "sum" }, readScores(folder));
  const made = await labelsOf(readScores(folder), {
    form,
    teacher: manifest.teacher.name,
    ...(rules.calibrator ? { calibrator: rules.calibrator } : {}),
    ...(rules.tieBand === undefined ? {} : { tieBand: rules.tieBand }),
  });
  checkUnique(made, folder);
  const { selection, promise } = selectLabels(made, rules.select ?? { rule: "all" });
  const labels = selection === undefined ? made : applySelection(made, selection);
  const weight = rules.weight ?? { form: "uniform" };
  const settings = settingsOf(rules, form, weight, selection);
  return {
    labels,
    weights: labelWeights(labels, weight),
    counts: countLabels(labels),
    promise,
    settings,
    digest: digestOf({ scores: manifest.digest, settings }),
  };
}

/** How one score becomes one label. */
export type LabelOf = {
  readonly form: FittedForm;
  readonly teacher: string;
  readonly calibrator?: Calibrator;
  readonly tieBand?: number;
};

/** Labels of scores one by one, before any selection: for held-out pairs, whose margins and confidences calibrate the rest. */
export async function labelsOf(
  scores: Iterable<PairScore> | AsyncIterable<PairScore>,
  { form, teacher, calibrator, tieBand }: LabelOf,
): Promise<Label[]> {
  if (tieBand !== undefined && !(tieBand >= 0 && Number.isFinite(tieBand)))
    throw new ConfigError(`labels: tieBand is out of range, expected 0 or more, got ${tieBand}.`);
  const options = {
    ...(calibrator ? { calibrate: calibrator.apply } : {}),
    ...(tieBand === undefined ? {} : { tieBand }),
  };
  const labels: Label[] = [];
  for await (const score of scores) {
    const { id, flags } = score;
    labels.push(labelFromScores({ id, flags, teacher, ...formScores(score, form) }, options));
  }
  return labels;
}

function checkUnique(labels: readonly Label[], folder: string): void {
  const seen = new Set<string>();
  for (const { id } of labels) {
    if (seen.has(id))
      throw new DataError(folder, 0, `id "${id}" comes twice, expected every pair once. Check the pool.`);
    seen.add(id);
  }
}

/** Applies a rule to labels; no selection for `all`. */
export function selectLabels(
  labels: readonly Label[],
  rule: SelectionRule,
): { selection: Selection | undefined; promise: PromisedSelection | null } {
  switch (rule.rule) {
    case "all":
      return { selection: undefined, promise: null };
    case "top":
      return { selection: selectTop(labels, rule.percent), promise: null };
    case "threshold":
      return { selection: selectThreshold(labels, rule.minConfidence), promise: null };
    case "promise": {
      const decided = labels.filter(isDecided);
      const { rule: _, ...request } = rule;
      const promise = selectWithPromise({
        ...request,
        confidence: decided.map(({ confidence }) => confidence),
      });
      const kept = new Set(promise.kept.map((i) => decided[i]!.id));
      return { selection: { kept, threshold: promise.threshold, selectable: decided.length }, promise };
    }
    default:
      return rule satisfies never;
  }
}

function settingsOf(
  rules: LabelRules,
  form: FittedForm,
  weight: WeightForm,
  selection: Selection | undefined,
): Record<string, unknown> {
  return {
    form,
    calibrator: rules.calibrator ? calibratorToJson(rules.calibrator) : null,
    tieBand: rules.tieBand ?? 0,
    select: rules.select ?? { rule: "all" },
    threshold: selection?.threshold ?? null,
    weight,
    weightRange: weightRange(weight),
  };
}

/** Counts labels by preference and by flag. */
export function countLabels(labels: readonly Label[]): LabelCounts {
  const flags = new Map<string, number>();
  const sides = { a: 0, b: 0, tie: 0, abstain: 0 };
  for (const label of labels) {
    sides[label.preferred]++;
    for (const flag of label.flags) flags.set(flag, (flags.get(flag) ?? 0) + 1);
  }
  return {
    pairs: labels.length,
    ...sides,
    unselected: flags.get("unselected") ?? 0,
    flags: Object.fromEntries([...flags].sort(([x], [y]) => (x < y ? -1 : 1))),
  };
}

/**
 * The training row of a label; undefined for ties and abstentions.
 * @param pair - the pair that was labelled
 */
export function labelledRow(
  {
    id,
    prompt,
    a,
    b,
  }: Pick<LabelledRow, "id" | "prompt"> & {
    readonly a: LabelledRow["chosen"];
    readonly b: LabelledRow["chosen"];
  },
  label: Label,
  weight: number,
): LabelledRow | undefined {
  if (label.id !== id) throw new Error(`internal: the label of ${label.id} meets pair ${id}`);
  if (!isDecided(label)) return undefined;
  const first = label.preferred === "a";
  return {
    id,
    prompt,
    chosen: first ? a : b,
    rejected: first ? b : a,
    chosenIndex: first ? 0 : 1,
    scoreChosen: first ? label.scoreA : label.scoreB,
    scoreRejected: first ? label.scoreB : label.scoreA,
    margin: Math.abs(label.margin),
    pChosen: first ? label.probability : 1 - label.probability,
    confidence: label.confidence,
    weight,
    labelSource: label.teacher,
    flags: label.flags,
  };
}
