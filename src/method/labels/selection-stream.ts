/**
 * Which labels a rule keeps, worked out from numbers alone: a pool of any length needs 8 bytes for each label that prefers a side, 16
 * for a top share or a promise, and no label in memory. The rules are those of `selection.ts` and `promise.ts`.
 */
import { GrowingFloats } from "../../base/core/growing-floats.ts";
import { type DecidedLabel, isDecided, type Label } from "./label.ts";
import { type PromisedSelection, selectWithPromise } from "./promise.ts";
import { checkMinConfidence, checkPercent, type SelectionRule } from "./selection.ts";

/** What a cut looks at. */
export type CutLabel = Pick<DecidedLabel, "id" | "margin" | "pChosen">;

/** What a rule keeps. */
export type LabelCut = {
  /** Whether a label that prefers a side is used. */
  keeps(label: CutLabel): boolean;
  /** Lowest confidence kept; null when nothing is, or everything without a choice. */
  readonly threshold: number | null;
  readonly promise: PromisedSelection | null;
  /** Labels kept that prefer a, and b. */
  readonly kept: { readonly a: number; readonly b: number };
};

/** Gathers what a rule needs to know of all labels that prefer a side. */
export class CutCollector {
  private readonly rule: SelectionRule;
  /** pChosen of each, with a minus sign where b is preferred. */
  private readonly confidences = new GrowingFloats();
  /** |margin| of each, for a top share or a promise. */
  private readonly margins = new GrowingFloats();
  private readonly sides = { a: 0, b: 0 };

  constructor(rule: SelectionRule) {
    this.rule = rule;
  }

  add(label: Label): void {
    if (!isDecided(label)) return;
    this.sides[label.preferred]++;
    if (this.rule.kind === "all") return;
    this.confidences.push(label.preferred === "a" ? label.pChosen : -label.pChosen);
    if (this.rule.kind !== "threshold") this.margins.push(Math.abs(label.margin));
  }

  /**
   * The cut.
   * @param labels - starts a reading of the labels; used only when labels at the edge of a top share are equal in all but their ids
   * @throws ConfigError when the rule's number is out of range
   */
  async cut(labels: () => AsyncIterable<Label>): Promise<LabelCut> {
    const { rule } = this;
    switch (rule.kind) {
      case "all":
        return { keeps: () => true, threshold: null, promise: null, kept: this.sides };
      case "threshold":
        checkMinConfidence(rule.confidence);
        return this.above(rule.confidence);
      case "promise": {
        const { kind: _, ...request } = rule;
        return this.promised(selectWithPromise({ ...request, margins: Array.from(this.margins.view()) }));
      }
      case "top":
        checkPercent(rule.percent);
        return this.top(Math.round((rule.percent / 100) * this.confidences.view().length), labels);
      default:
        return rule satisfies never;
    }
  }

  /** All of at least a confidence. */
  private above(least: number): LabelCut {
    const kept = { a: 0, b: 0 };
    let lowest = Number.POSITIVE_INFINITY;
    for (const signed of this.confidences.view()) {
      const confidence = Math.abs(signed);
      if (confidence < least) continue;
      kept[sideOf(signed)]++;
      lowest = Math.min(lowest, confidence);
    }
    const keeps = ({ pChosen }: CutLabel) => pChosen >= least;
    return { keeps, threshold: Number.isFinite(lowest) ? lowest : null, promise: null, kept };
  }

  /** All of at least the margin from which on a promise holds. */
  private promised(promise: PromisedSelection): LabelCut {
    const confidences = this.confidences.view();
    const kept = { a: 0, b: 0 };
    let lowest = Number.POSITIVE_INFINITY;
    for (const i of promise.kept) {
      kept[sideOf(confidences[i]!)]++;
      lowest = Math.min(lowest, Math.abs(confidences[i]!));
    }
    const least = promise.threshold ?? Number.POSITIVE_INFINITY;
    const keeps = ({ margin }: CutLabel) => Math.abs(margin) >= least;
    return { keeps, threshold: Number.isFinite(lowest) ? lowest : null, promise, kept };
  }

  /** The `count` most confident; equal confidences by |margin|, then by id. */
  private async top(count: number, labels: () => AsyncIterable<Label>): Promise<LabelCut> {
    if (count === 0) return this.above(Number.POSITIVE_INFINITY);
    const confidences = this.confidences.view();
    const margins = this.margins.view();
    const least = nthLargest(confidences.map(Math.abs), count);
    const atEdge = margins.filter((_, i) => Math.abs(confidences[i]!) === least.value);
    const edge = nthLargest(atEdge, count - least.above);
    // Labels equal in both: `left` of them are kept.
    const left = count - least.above - edge.above;
    const kept = { a: 0, b: 0 };
    let equal = 0;
    for (const [i, signed] of confidences.entries()) {
      const order = Math.abs(signed) - least.value || margins[i]! - edge.value;
      if (order > 0) kept[sideOf(signed)]++;
      else if (order === 0) equal++;
    }
    const isEqual = ({ pChosen, margin }: Label) =>
      pChosen === least.value && Math.abs(margin) === edge.value;
    const last = await lastKept(labels, isEqual, left, equal, kept);
    return {
      keeps: (label) => {
        const order = label.pChosen - least.value || Math.abs(label.margin) - edge.value;
        return order > 0 || (order === 0 && (last === undefined || label.id <= last));
      },
      threshold: least.value,
      promise: null,
      kept,
    };
  }
}

const sideOf = (signed: number): "a" | "b" => (signed > 0 ? "a" : "b");

/** The n-th largest number, from 1, and how many are larger than it. Sorts the numbers. */
function nthLargest(numbers: Float64Array, n: number): { value: number; above: number } {
  numbers.sort();
  const value = numbers[numbers.length - n]!;
  let above = n - 1;
  while (above > 0 && numbers[numbers.length - above] === value) above--;
  return { value, above };
}

/** Of labels equal in all but their ids, the last id that is kept, undefined for all; counts them into `kept`. Their ids are in memory. */
async function lastKept(
  labels: () => AsyncIterable<Label>,
  isEqual: (label: Label) => boolean,
  left: number,
  equal: number,
  kept: { a: number; b: number },
): Promise<string | undefined> {
  const found: { id: string; side: "a" | "b" }[] = [];
  for await (const label of labels())
    if (isDecided(label) && isEqual(label)) found.push({ id: label.id, side: label.preferred });
  found.sort((x, y) => (x.id < y.id ? -1 : 1));
  for (const { side } of found.slice(0, left)) kept[side]++;
  return left === equal ? undefined : found[left - 1]!.id;
}
