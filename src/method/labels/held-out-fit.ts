/** What held-out labelled pairs teach of a teacher: its calibrator, and how often people disagree at which confidence. */
import {
  type CalibrationMethod,
  type Calibrator,
  fitCalibrator,
  sidesTaken,
  wrongOnAll,
} from "./calibration.ts";
import type { HeldOutPair } from "./human-answers.ts";
import { isDecided, type Label } from "./label.ts";
import type { SelectionSettings } from "./selection.ts";

/** Fewer decided pairs than this and a fit says nothing. */
export const LEAST_HELD_OUT = 10;

/** A teacher's label of a pair that a person judged. */
export type JudgedLabel = {
  readonly label: Label & { preferred: "a" | "b" };
  readonly prefersA: boolean;
  /** Names the prompt or group of the pair. */
  readonly unit: string;
};

/** A calibrator with the held-out labels under it. */
export type HeldOutFit = {
  readonly calibrator: Calibrator;
  readonly pChosen: readonly number[];
  readonly agrees: readonly boolean[];
  /** What it was fitted on, kept beside the labels so that it can be fitted again with more. */
  readonly pairs: readonly HeldOutPair[];
};

/**
 * Labels that teacher and person both decided, in the order of the labels.
 * @param units - the prompt or group of each pair
 */
export function judgedLabels(
  labels: readonly Label[],
  human: ReadonlyMap<string, "a" | "b" | "tie">,
  units: ReadonlyMap<string, string>,
): JudgedLabel[] {
  return labels.filter(isDecided).flatMap((label) => {
    const said = human.get(label.id);
    return said === "a" || said === "b"
      ? [{ label, prefersA: said === "a", unit: units.get(label.id)! }]
      : [];
  });
}

/**
 * What to do when too few held-out pairs are decided.
 * @param limits - the settings that cut texts
 * @param otherwise - advice where texts are not the reason
 */
export function adviceForFew(labels: readonly Label[], limits: string, otherwise: string): string {
  const cut = labels.filter(({ flags }) => flags.includes("truncated")).length;
  return cut > labels.length / 2
    ? `${cut} of ${labels.length} are cut and get no label: raise ${limits}`
    : otherwise;
}

/** A teacher that tosses a coin is wrong on all of so many pairs less than once in twenty times. */
const LEAST_TO_ACCUSE = 5;

/**
 * Fits a calibrator on judged labels.
 * @throws NumericsError as `fitCalibrator`, and for a teacher that is wrong on all of five or more pairs: what it would say of the pool
 *   is the contrary of what people say, and no method's probabilities, all 1/2, would tell
 */
export function fitOn(method: CalibrationMethod, judged: readonly JudgedLabel[]): Calibrator {
  const margins = judged.map(({ label }) => label.margin);
  const human = judged.map(({ prefersA }) => prefersA);
  const { right, wrong } = sidesTaken(margins, human);
  if (method !== "none" && right === 0 && wrong >= LEAST_TO_ACCUSE) throw wrongOnAll(wrong);
  return fitCalibrator(method, margins, human);
}

/** The chosen side's probability of each judged label under a calibrator, and whether the person is with it. */
export function heldOutFit(calibrator: Calibrator, judged: readonly JudgedLabel[]): HeldOutFit {
  return {
    calibrator,
    pChosen: judged.map(({ label }) => {
      const p = calibrator.apply(label.margin);
      return Math.max(p, 1 - p);
    }),
    agrees: judged.map(({ label, prefersA }) => (label.preferred === "a") === prefersA),
    pairs: judged.map(({ label: { id, margin }, prefersA, unit }) => ({
      id,
      margin,
      preferred: prefersA ? "a" : "b",
      unit,
    })),
  };
}

/** Held-out pairs as they are kept beside labels: only what a promise rests on needs to say which pairs belong together. */
export const keptPairs = (
  { pairs }: Pick<HeldOutFit, "pairs">,
  { kind }: SelectionSettings,
): readonly HeldOutPair[] => (kind === "promise" ? pairs : pairs.map(({ unit: _, ...pair }) => pair));
