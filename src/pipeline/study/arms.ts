/** Arms that studies share: one name is one arm, so that what one study trained serves the next. */
import type { ArmRecipe } from "./study.ts";

const arm = (name: string, settings: Record<string, unknown>): ArmRecipe => ({ name, ...settings });

const loss = (settings: Record<string, unknown>) => ({ prefer: { loss: settings } });

/** Plain preference training: no weights, whatever the base recipe says. */
const plain = { prefer: { loss: { weighted: false } } };
const weighted = { prefer: { loss: { weighted: true, normalise: "pairs" } } };

/** The student's base, before any training. */
export const BASE = arm("base", { labels: "base" });
/** The SFT student on weak labels: the baseline of GRA. */
export const SFT = arm("sft", { labels: "sft" });
/** WS-DPO: the teacher's labels as they are. */
export const WEAK = arm("weak", { labels: "weak", ...plain });
/** The same pairs with people's labels. */
export const HUMAN = arm("human", { labels: "human", ...plain });
/** Labels by the toss of a coin. */
export const RANDOM = arm("random", { labels: "random", ...plain });
/** CW-DPO, weights C1 = tanh(m / 2). */
export const WEIGHTED = arm("weak-cw", { labels: "weak", weight: { form: "tanh" }, ...weighted });

/** Where the weak label is the person's, or is not; each with its own SFT. */
export const MATCH = arm("weak-match", { labels: "weak", subset: "match", ...plain });
/** Where it is not. */
export const MISMATCH = arm("weak-mismatch", { labels: "weak", subset: "mismatch", ...plain });

/** People's labels with as many turned round, at random, as the teacher gets wrong: all, the untouched, the turned. */
export const NOISE = (["all", "match", "mismatch"] as const).map((subset) =>
  arm(subset === "all" ? "noise" : `noise-${subset}`, { labels: "human", flip: "teacher", subset, ...plain }),
);

/** Preference training from the base, without SFT. */
export const WITHOUT_SFT = (["weak", "human"] as const).map((labels) =>
  arm(`${labels}-no-sft`, { labels, sft: "none", ...plain }),
);

/** Another β of the student. */
export const withBeta = (labels: "weak" | "human", beta: number): ArmRecipe =>
  arm(`${labels}-beta-${words(beta)}`, { labels, prefer: { beta, loss: { weighted: false } } });

/** People's labels on the labelled pairs alone: no teacher needed. */
export const LABELLED = arm("human-labelled", { labels: "human", data: "labelled", ...plain });
/** People's labels on everything. */
export const BOTH = arm("human-both", { labels: "human", data: "both", ...plain });
/** People's labels where there are any, the teacher's elsewhere. */
export const WEAK_BOTH = arm("weak-both", { labels: "weak", data: "both", ...plain });
/** People's labels on as many pairs of the pool as are labelled: the second reading of WDPO's human bar. */
export const FEW = arm("human-few", { labels: "human", size: "labelled", ...plain });

/** Losses of CW-PO's Table 1 beside its DPO, each weighted, unweighted, and on people's labels. */
export const LOSSES = ["ipo", "rdpo"] as const;
/** One of them. */
export const withLoss = (
  type: (typeof LOSSES)[number],
  labels: "weak" | "human",
  cw: boolean,
  beta: number,
): ArmRecipe => {
  const flip = type === "rdpo" ? { flip: 0.1 } : {};
  const settings = { type, beta, ...flip, weighted: cw, ...(cw ? { normalise: "pairs" } : {}) };
  const name = `${labels}-${type}${cw ? "-cw" : ""}`;
  return arm(name, { labels, ...(cw ? { weight: { form: "tanh" } } : {}), ...loss(settings) });
};

/** Weight forms C2 to C4 of CW-PO's Table 5; C1 is `WEIGHTED`. */
export const FORMS = [
  arm("weak-c2", { labels: "weak", weight: { form: "sigmoid" }, ...weighted }),
  arm("weak-c3", { labels: "weak", weight: { form: "clip", slope: 1 }, ...weighted }),
  arm("weak-c4", { labels: "weak", weight: { form: "clip", slope: 0.2 }, ...weighted }),
];

/** What gold itself prefers: no errors at all. */
export const GOLD = arm("gold", { labels: "gold", ...plain });

/** Gold's labels with as many turned round as the teacher gets wrong by gold: at random, the closest calls, or where the teacher is least sure. */
export const ERRORS = (["random", "close", "unsure"] as const).map((which) =>
  arm(`gold-errors-${which}`, {
    labels: "gold",
    flip: "teacher",
    ...(which === "random" ? {} : { flip_which: which }),
    ...plain,
  }),
);

/** Plain DPO on the N % most confident labels, from the SFT start of all of them. */
export const topPercent = (percent: number): ArmRecipe =>
  arm(`weak-top-${words(percent)}`, {
    labels: "weak",
    select: { kind: "top", percent },
    sft: "weak",
    ...plain,
  });

/** People's labels with the teacher's weights: are weighted labels better, or just their pairs easier? */
export const HUMAN_WEIGHTED = arm("human-cw", {
  labels: "human",
  weights_from: "weak",
  weight: { form: "tanh" },
  ...weighted,
});

const words = (value: number) => String(value).replaceAll(/[^0-9]+/g, "-");
