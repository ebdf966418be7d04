/** What the first logged loss of a training must be, before any update: the policy is the reference still, and a new head knows nothing. */
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";

/** The first loss, in nats, and how far it may be from that. */
export type FirstLoss = {
  readonly least: number;
  readonly most: number;
  /** True where it is so many times the mean weight of the pairs of the first step. */
  readonly weighted: boolean;
  /** For people: "log 2, for the policy is its reference". */
  readonly why: string;
};

/** Of float32 beside the sums of another program; bfloat16 rounds each log-probability to three digits. */
const SHARE = { float32: 0.005, bfloat16: 0.05 };
/** A new head draws small entries, so that scores differ a little from 0: the mean loss of a step is near log 2, not at it. */
const NEW_HEAD = 0.5;
/** Nats by which a model may do worse than one that finds all tokens alike. */
const WORSE = 2;

/** Where the rewards of all pairs are 0: the value of a loss per pair; undefined where it is not a number of its own. */
function atZero(loss: ResolvedLossSpec): readonly [number, string] | undefined {
  switch (loss.type) {
    case "sigmoid":
    case "cdpo":
    case "soft":
    case "rdpo":
      return [Math.LN2, "log 2"];
    case "hinge":
    case "apo-zero":
      return [1, "1"];
    case "ipo":
      return [1 / (2 * loss.beta) ** 2, "1/(2 beta)²"];
    default:
      return undefined;
  }
}

/** Of preference training; undefined for a loss that has no value of its own at the start. */
export function firstPreferenceLoss(loss: ResolvedLossSpec, bfloat16: boolean): FirstLoss | undefined {
  const at = atZero(loss);
  if (at === undefined) return undefined;
  const [value, name] = at;
  const share = bfloat16 ? SHARE.bfloat16 : SHARE.float32;
  const more = "sftCoefficient" in loss && loss.sftCoefficient > 0;
  return {
    least: value * (1 - share),
    // The supervised term comes on top, and is whatever the model makes of the responses.
    most: more ? Number.MAX_VALUE : value * (1 + share),
    weighted: loss.weighted,
    why: `${loss.weighted ? "the pairs' mean weight times " : ""}${name}${more ? " and the supervised term" : ""}, for the policy is its reference at the first step`,
  };
}

/** Of a new reward head. */
export const firstRewardLoss = (): FirstLoss => ({
  least: Math.LN2 * (1 - NEW_HEAD),
  most: Math.LN2 * (1 + NEW_HEAD),
  weighted: false,
  why: "about log 2, for a new head knows nothing",
});

/** Of fine-tuning: no model does much worse than one that finds all tokens alike. @param vocabulary - tokens that there are */
export const firstSftLoss = (vocabulary: number): FirstLoss => ({
  least: 0,
  most: Math.log(vocabulary) + WORSE,
  weighted: false,
  why: `no more than ${WORSE} nats above log ${vocabulary}, which is that of a model that finds all tokens alike`,
});
