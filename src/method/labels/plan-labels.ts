/**
 * From stored scores to labels and training rows: score form, calibrator, tie band, selection, weight. All of it is arithmetic on
 * the scores of a folder; changing any of it scores nothing again. Ties and abstentions never become training rows.
 */
import { z } from "zod";
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, DataError } from "../../base/core/errors.ts";
import { confirmRepeat, Fingerprints } from "../../base/core/repeats.ts";
import type { LabelledRow } from "../data/writers.ts";
import { type FittedForm, fitForm, formScores, type ScoreForm } from "../teacher/score-form.ts";
import { readScores, readScoresManifest } from "../teacher/scores-folder.ts";
import type { PairScore } from "../teacher/teacher.ts";
import { type Calibrator, calibratorToJson } from "./calibration.ts";
import { labelWeight, UNIFORM, type WeightForm, weightRange } from "./confidence.ts";
import { isDecided, type Label, labelFromScores, UNSELECTED } from "./label.ts";
import { type PromisedSelection, selectWithPromise } from "./promise.ts";
import { type Selection, type SelectionRule, selectThreshold, selectTop, unselected } from "./selection.ts";
import { CutCollector, type LabelCut } from "./selection-stream.ts";

/** How scores become labels. Defaults: `sum`, no calibrator (Bradley-Terry), tie band 0, all, weight 1. */
export type LabelRules = {
  readonly form?: ScoreForm | undefined;
  readonly calibrator?: Calibrator | undefined;
  /** Scores at most this far apart, in the form's unit, are a tie. */
  readonly tieBand?: number | undefined;
  readonly select?: SelectionRule | undefined;
  readonly weight?: WeightForm | undefined;
};

/** Everything counted; `pairs` = a + b + tie + abstain, and training rows = a + b. */
export const labelCountsSchema = z.object({
  pairs: z.number(),
  a: z.number(),
  b: z.number(),
  tie: z.number(),
  abstain: z.number(),
  /** Decided labels that selection left out; part of `abstain`. */
  unselected: z.number(),
  flags: z.record(z.string(), z.number()),
});

/** The same as a value. */
export type LabelCounts = z.output<typeof labelCountsSchema>;

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

/** A label and the weight of its pair in a loss. */
export type WeightedLabel = { readonly label: Label; readonly weight: number };

/** Labels of a pool that are made as they are read. */
export type LabelPlan = Omit<MadeLabels, "labels" | "weights"> & {
  /** Whether a label that prefers a side is used. */
  readonly keeps: LabelCut["keeps"];
  /** Starts a reading, in the order of the pool. */
  read(): AsyncGenerator<WeightedLabel, void, undefined>;
};

/**
 * Works out how the labels of a finished folder of scores are made. What is in memory is a fingerprint of each id (11 to 21 bytes) and
 * what selection needs (`label-cut.ts`); a length correction that is to be fitted needs about 100 bytes a pair more.
 * @throws DataError when the folder is not finished or an id comes twice; ConfigError when a rule is out of range
 */
export async function planLabels(folder: string, rules: LabelRules = {}): Promise<LabelPlan> {
  const manifest = await readScoresManifest(folder);
  const form = await fitForm(rules.form ?? { form: "sum" }, readScores(folder));
  const make = labelMaker({
    form,
    teacher: manifest.teacher.name,
    calibrator: rules.calibrator,
    tieBand: rules.tieBand,
  });
  const made = async function* () {
    for await (const score of readScores(folder)) yield make(score);
  };
  const weight = rules.weight ?? UNIFORM;
  const { counter, cut } = await surveyLabels(folder, made, rules.select ?? { kind: "all" });
  const settings = settingsOf(rules, form, weight, cut.threshold);
  return {
    counts: counter.counts(cut.kept),
    promise: cut.promise,
    keeps: cut.keeps,
    settings,
    digest: digestOf({ scores: manifest.digest, settings }),
    async *read() {
      for await (const one of made()) {
        const label = isDecided(one) && !cut.keeps(one) ? unselected(one) : one;
        yield { label, weight: labelWeight(label, weight) };
      }
    },
  };
}

/** Makes labels of a finished folder of scores, all in memory. @throws as `planLabels` */
export async function makeLabels(folder: string, rules: LabelRules = {}): Promise<MadeLabels> {
  const { read, keeps: _, ...plan } = await planLabels(folder, rules);
  const labels: Label[] = [];
  const weights: number[] = [];
  for await (const { label, weight } of read()) {
    labels.push(label);
    weights.push(weight);
  }
  return { labels, weights, ...plan };
}

/** One reading of all labels before selection. */
async function surveyLabels(
  folder: string,
  labels: () => AsyncIterable<Label>,
  rule: SelectionRule,
): Promise<{ counter: LabelCounter; cut: LabelCut }> {
  const counter = new LabelCounter();
  const collector = new CutCollector(rule);
  const seen = new Fingerprints();
  const suspects = new Set<string>();
  for await (const label of labels()) {
    counter.add(label);
    collector.add(label);
    if (seen.add(label.id)) suspects.add(label.id);
  }
  const repeat = suspects.size === 0 ? undefined : await confirmRepeat(idsOf(labels()), suspects);
  if (repeat !== undefined)
    throw new DataError(folder, 0, `id "${repeat}" comes twice, expected every pair once. Check the pool.`);
  return { counter, cut: await collector.cut(labels) };
}

async function* idsOf(labels: AsyncIterable<Label>): AsyncGenerator<string> {
  for await (const { id } of labels) yield id;
}

/** How one score becomes one label. */
export type LabelOf = {
  readonly form: FittedForm;
  readonly teacher: string;
  readonly calibrator?: Calibrator | undefined;
  readonly tieBand?: number | undefined;
};

/** Labels of scores one by one, before any selection: for held-out pairs, whose margins and confidences calibrate the rest. */
export async function labelsOf(
  scores: Iterable<PairScore> | AsyncIterable<PairScore>,
  how: LabelOf,
): Promise<Label[]> {
  const make = labelMaker(how);
  const labels: Label[] = [];
  for await (const score of scores) labels.push(make(score));
  return labels;
}

/** From a score to its label, before any selection. @throws ConfigError when the tie band is below 0 */
export function labelMaker({ form, teacher, calibrator, tieBand }: LabelOf): (score: PairScore) => Label {
  if (tieBand !== undefined && !(tieBand >= 0 && Number.isFinite(tieBand)))
    throw new ConfigError(`labels: tieBand is out of range, expected 0 or more, got ${tieBand}.`);
  const options = { calibrate: calibrator?.apply, tieBand };
  return (score) => {
    const { id, flags } = score;
    return labelFromScores({ id, flags, teacher, ...formScores(score, form) }, options);
  };
}

/** Applies a rule to labels; no selection for `all`. */
export function selectLabels(
  labels: readonly Label[],
  rule: SelectionRule,
): { selection: Selection | undefined; promise: PromisedSelection | null } {
  switch (rule.kind) {
    case "all":
      return { selection: undefined, promise: null };
    case "top":
      return { selection: selectTop(labels, rule.percent), promise: null };
    case "threshold":
      return { selection: selectThreshold(labels, rule.confidence), promise: null };
    case "promise": {
      const decided = labels.filter(isDecided);
      const { kind: _, ...request } = rule;
      const promise = selectWithPromise({
        ...request,
        margins: decided.map(({ margin }) => Math.abs(margin)),
      });
      const kept = promise.kept.map((i) => decided[i]!);
      const threshold =
        kept.length === 0 ? null : kept.reduce((low, { pChosen }) => Math.min(low, pChosen), 1);
      const selection = { kept: new Set(kept.map(({ id }) => id)), threshold, selectable: decided.length };
      return { selection, promise };
    }
    default:
      return rule satisfies never;
  }
}

function settingsOf(
  rules: LabelRules,
  form: FittedForm,
  weight: WeightForm,
  threshold: number | null,
): Record<string, unknown> {
  return {
    form,
    calibrator: rules.calibrator ? calibratorToJson(rules.calibrator) : null,
    tieBand: rules.tieBand ?? 0,
    select: rules.select ?? { kind: "all" },
    threshold,
    weight,
    weightRange: weightRange(weight),
  };
}

/** Counts labels by preference and by flag. */
export function countLabels(labels: readonly Label[]): LabelCounts {
  const counter = new LabelCounter();
  for (const label of labels) counter.add(label);
  return counter.counts();
}

class LabelCounter {
  private readonly sides = { a: 0, b: 0, tie: 0, abstain: 0 };
  private readonly flags = new Map<string, number>();

  add(label: Label): void {
    this.sides[label.preferred]++;
    for (const flag of label.flags) this.note(flag, 1);
  }

  private note(flag: string, times: number): void {
    this.flags.set(flag, (this.flags.get(flag) ?? 0) + times);
  }

  /** @param kept - of the labels that prefer a side, those that selection, which comes after the count, keeps; default all */
  counts(kept: { readonly a: number; readonly b: number } = this.sides): LabelCounts {
    const { a, b, tie, abstain } = this.sides;
    const out = a + b - kept.a - kept.b;
    if (out > 0) this.note(UNSELECTED, out);
    return {
      pairs: a + b + tie + abstain,
      ...{ a: kept.a, b: kept.b, tie, abstain: abstain + out },
      unselected: this.flags.get(UNSELECTED) ?? 0,
      flags: Object.fromEntries([...this.flags].sort(([x], [y]) => (x < y ? -1 : 1))),
    };
  }
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
    pChosen: label.pChosen,
    weight,
    labelSource: label.teacher,
    flags: label.flags,
  };
}
