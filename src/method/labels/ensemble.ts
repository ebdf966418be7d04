/**
 * K teachers as one. The label is the side of their mean calibrated probability; its uncertainty is parted into what all
 * members share (the pair is hard) and what they disagree on (the teachers know too little).
 */
import { sum } from "../../base/stats/describe.ts";
import { isDecided, type Label, labelFromScores, UNSELECTED } from "./label.ts";

/** Entropies in nats, each in [0, ln 2]; total = expected + mutualInformation. */
export type EnsembleUncertainty = {
  /** Number of members. */
  readonly members: number;
  /** Share of the members with an opinion that are with the majority, in [0.5, 1]; null when none has one. */
  readonly agreement: number | null;
  /** Entropy of the mean probability. */
  readonly total: number;
  /** Mean of the members' entropies: the aleatoric part. */
  readonly expected: number;
  /** Their difference (BALD: Houlsby et al. 2011, arXiv 1112.5745, eq. 2): the epistemic part. */
  readonly mutualInformation: number;
};

/** One pair's label and how its members differ. */
export type EnsembleLabel = { readonly label: Label; readonly uncertainty: EnsembleUncertainty };

/** Entropy of a coin with probability p, nats; 0 at 0 and 1. */
export function binaryEntropy(p: number): number {
  const term = (q: number) => (q > 0 ? -q * Math.log(q) : 0);
  return term(p) + term(1 - p);
}

/**
 * Combines the members' labels of one pair. Scores of the result are the mean probabilities of a and b, so its margin is
 * 2p - 1 in [-1, 1]. If any member abstains for a reason of the pair's (a blocking flag), so does the ensemble. A single
 * member's label is returned as it is.
 *
 * @param members - labels of the same pair, calibrated each by its own calibrator; at least one
 * @param teacher - name of the ensemble; not used for a single member
 */
export function combineLabels(members: readonly Label[], teacher: string): EnsembleLabel {
  const first = members[0];
  if (!first) throw new Error("internal: an ensemble of no teachers");
  if (members.length === 1) return { label: first, uncertainty: uncertaintyOf(members, first.pA) };
  // Offsets from 1/2 add up to the exact negative when a and b are swapped; probabilities themselves would not.
  const offset = sum(members.map((label) => label.pA - 0.5)) / members.length;
  const high = Math.min(1, 0.5 + Math.abs(offset));
  const [scoreA, scoreB] = offset >= 0 ? [high, 1 - high] : [1 - high, high];
  const flags = members.flatMap((member) => member.flags.filter((flag) => flag !== UNSELECTED));
  const label = labelFromScores({ id: first.id, scoreA, scoreB, flags, teacher }, { calibrate: () => high });
  return { label, uncertainty: uncertaintyOf(members, scoreA) };
}

function uncertaintyOf(members: readonly Label[], p: number): EnsembleUncertainty {
  const votes = members.filter(isDecided);
  const forA = votes.filter((label) => label.preferred === "a").length;
  const total = binaryEntropy(p);
  const expected =
    members.length === 1 ? total : sum(members.map((label) => binaryEntropy(label.pA))) / members.length;
  return {
    members: members.length,
    agreement: votes.length === 0 ? null : Math.max(forA, votes.length - forA) / votes.length,
    total,
    expected,
    // Entropy is concave: the difference is below 0 by rounding only.
    mutualInformation: Math.max(0, total - expected),
  };
}
