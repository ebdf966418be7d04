/**
 * Which labels to use: the top N %, those above a threshold, or the most for which a bound on the disagreement with humans
 * can be promised (`promise.ts`). Selecting reads confidences and margins only; nothing is scored again.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { choice, share } from "../../base/settings/parts.ts";
import { type DecidedLabel, isDecided, type Label, UNSELECTED } from "./label.ts";

/** Which labels are used, as settings. */
export const selectSchema = choice(
  "kind",
  "all",
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("all") }),
    z.strictObject({
      kind: z.literal("top"),
      percent: z
        .number()
        .gt(0)
        .max(100)
        .describe("Share of the labels that is kept, the most confident ones, percent."),
    }),
    z.strictObject({
      kind: z.literal("threshold"),
      confidence: z.number().min(0.5).max(1).describe("Least calibrated confidence that is kept."),
    }),
    z.strictObject({
      kind: z.literal("promise"),
      maxDisagreement: share.describe("Most labels among the kept ones that people may disagree with."),
      level: share.default(0.95).describe("Confidence with which that is promised."),
    }),
  ]),
  "Which labels are used; the others become abstentions.",
);

/** Which labels are used. */
export type SelectionSettings = z.output<typeof selectSchema>;

/** What a promise rests on: held-out labels made in the same form, one pair of each prompt (`independentPairs`). */
export type PromiseEvidence = {
  /** |margin| of each. */
  readonly heldOutMargins: readonly number[];
  readonly heldOutAgrees: readonly boolean[];
};

/** Which labels are used; a promise with what it rests on. */
export type SelectionRule =
  | Exclude<SelectionSettings, { kind: "promise" }>
  | (Extract<SelectionSettings, { kind: "promise" }> & PromiseEvidence);

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
    decided.filter((label) => label.pChosen >= minConfidence),
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
    (x, y) => y.pChosen - x.pChosen || Math.abs(y.margin) - Math.abs(x.margin) || (x.id < y.id ? -1 : 1),
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

/** A label that selection left out: an abstention that keeps P(a), and has no chosen side. */
export function unselected(label: Label): Label {
  return {
    ...label,
    preferred: "abstain",
    pChosen: null,
    flags: [...new Set([...label.flags, UNSELECTED])].sort(),
  };
}

/** The labels with those left out turned into abstentions, flagged `unselected`; ties stay ties. */
export function applySelection(labels: readonly Label[], { kept }: Selection): Label[] {
  return labels.map((label) => (!isDecided(label) || kept.has(label.id) ? label : unselected(label)));
}

function selection(kept: readonly DecidedLabel[], selectable: number): Selection {
  const lowest = kept.reduce((low, label) => Math.min(low, label.pChosen), 1);
  return {
    kept: new Set(kept.map((label) => label.id)),
    threshold: kept.length === 0 ? null : lowest,
    selectable,
  };
}
