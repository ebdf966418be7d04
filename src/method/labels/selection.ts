/**
 * Which labels to use: the top N %, those above a threshold, or the most for which a bound on the disagreement with humans
 * can be promised (`promise.ts`). Selecting reads confidences and margins only; nothing is scored again.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { isDecided, type Label, UNSELECTED } from "./label.ts";

/** Which labels are used. `promise`: held-out labels must be made in the same form; one pair of each prompt (`independentPairs`). */
export type SelectionRule =
  | { readonly rule: "all" }
  | { readonly rule: "top"; readonly percent: number }
  | { readonly rule: "threshold"; readonly minConfidence: number }
  | {
      readonly rule: "promise";
      readonly maxDisagreement: number;
      readonly level?: number;
      /** |margin| of each. */
      readonly heldOutMargins: readonly number[];
      readonly heldOutAgrees: readonly boolean[];
    };

/** `kept` are ids; `selectable` counts labels that prefer a side; `threshold` is the lowest confidence kept, null if none. */
export type Selection = {
  readonly kept: ReadonlySet<string>;
  readonly threshold: number | null;
  readonly selectable: number;
};

/** Keeps decided labels of confidence at least `minConfidence`, in [0.5, 1]. */
export function selectThreshold(labels: readonly Label[], minConfidence: number): Selection {
  checkMinConfidence(minConfidence);
  const decided = labels.filter(isDecided);
  return selection(
    decided.filter((label) => label.confidence >= minConfidence),
    decided.length,
  );
}

/**
 * Keeps the `percent` % most confident decided labels (CW-PO Fig. 2), rounded to the nearest number. Equal confidences at
 * the cut are taken by |margin|, then in the order of their ids: never in the order of the file.
 *
 * @param percent - in (0, 100]
 */
export function selectTop(labels: readonly Label[], percent: number): Selection {
  checkPercent(percent);
  const decided = labels.filter(isDecided);
  const best = decided.toSorted(
    (x, y) =>
      y.confidence - x.confidence || Math.abs(y.margin) - Math.abs(x.margin) || (x.id < y.id ? -1 : 1),
  );
  return selection(best.slice(0, Math.round((percent / 100) * decided.length)), decided.length);
}

/** @throws ConfigError when a threshold is not in [0.5, 1] */
export function checkMinConfidence(minConfidence: number): void {
  if (!(minConfidence >= 0.5 && minConfidence <= 1))
    throw new ConfigError(
      `selection: confidence threshold is out of range, expected [0.5, 1], got ${minConfidence}.`,
    );
}

/** @throws ConfigError when a share is not in (0, 100] percent */
export function checkPercent(percent: number): void {
  if (!(percent > 0 && percent <= 100))
    throw new ConfigError(`selection: top share is out of range, expected (0, 100] percent, got ${percent}.`);
}

/** A label that selection left out: an abstention that keeps its probability. */
export function unselected(label: Label): Label {
  return { ...label, preferred: "abstain", flags: [...new Set([...label.flags, UNSELECTED])].sort() };
}

/** The labels with those left out turned into abstentions, flagged `unselected`; ties stay ties. */
export function applySelection(labels: readonly Label[], { kept }: Selection): Label[] {
  return labels.map((label) => (!isDecided(label) || kept.has(label.id) ? label : unselected(label)));
}

function selection(kept: readonly Label[], selectable: number): Selection {
  const lowest = kept.reduce((low, label) => Math.min(low, label.confidence), 1);
  return {
    kept: new Set(kept.map((label) => label.id)),
    threshold: kept.length === 0 ? null : lowest,
    selectable,
  };
}
