/** How large a pool has to be: until its labels are worth so many of people's, and until gold on it shows who labels better. */
import { normalCdf, normalQuantile } from "../../../base/stats/special.ts";
import { labelWorth } from "./agreement-model.ts";
import { type PowerRow, powerPlan } from "./power-plan.ts";
import type { KnownRegime } from "./regimes.ts";

/** How two labellers stand to gold on the same pairs: the share on which they differ, and by how much one sides with gold more often. */
export type Paired = {
  /** In (0, 1]. */
  readonly differ: number;
  /** Share of pairs on which one sides with gold, minus the other's; between -differ and differ. */
  readonly gap: number;
};

const Z = normalQuantile(0.975);
/** Of one of the two one-sided tests. */
const Z_ONE = normalQuantile(0.95);
/** More pairs than anybody has. */
const MOST = 1e9;

/**
 * Chance that McNemar's test at 5 % shows the gap on so many pairs, gold known on each (Connor 1987): the difference of paired shares has the variance
 * differ / n where there is no gap, and (differ - gap²) / n.
 */
export function powerOfGap({ differ, gap }: Paired, pairs: number): number {
  const spread = Math.sqrt(Math.max(Number.MIN_VALUE, differ - gap ** 2));
  const [at, bound] = [Math.abs(gap) * Math.sqrt(pairs), Z * Math.sqrt(differ)];
  return normalCdf((at - bound) / spread) + normalCdf((-at - bound) / spread);
}

/** Chance that two one-sided tests at 5 % show, on so many pairs, that both side with gold equally often within `margin`. */
export function powerOfEqualLabels({ differ, gap }: Paired, margin: number, pairs: number): number {
  const error = Math.sqrt(Math.max(Number.MIN_VALUE, differ - gap ** 2) / pairs);
  const side = (room: number) => normalCdf(room / error - Z_ONE);
  return Math.max(0, side(margin - gap) + side(margin + gap) - 1);
}

/** The fewest pairs that reach the chance; null where a billion do not. `power` rises with pairs. */
export function fewestPairs(power: (pairs: number) => number, chance: number): number | null {
  if (power(MOST) < chance) return null;
  let [low, high] = [0, MOST];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (power(middle) >= chance) high = middle;
    else low = middle;
  }
  return high;
}

/** The smallest gap that so many pairs show with the chance; null where even labellers that never agree on gold are not told apart. */
export function shownGap(differ: number, pairs: number, chance: number): number | null {
  const shown = (gap: number) => powerOfGap({ differ, gap }, pairs) >= chance;
  if (!shown(differ)) return null;
  let [low, high] = [0, differ];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (shown(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** One size of pool under the agreements that were told. */
export type PoolRow = {
  readonly pairs: number;
  /** Pairs with people's labels that so many of the teacher's are worth; null where people agree on half or less. */
  readonly worth: number | null;
  /** The same at the ends of the interval; null where there is none. */
  readonly worthBetween: readonly [low: number, high: number] | null;
  /** The smallest difference of people and teacher by gold that gold on all of them shows. */
  readonly shows: number | null;
};

/** What is known of the agreements: where people and teacher differ, and what one label is worth. */
export type PoolFacts = {
  readonly differ: number;
  readonly worth: {
    readonly estimate: number;
    readonly interval: { readonly low: number; readonly high: number } | null;
  } | null;
};

/** Rows for sizes of pools. */
export const poolRows = ({ differ, worth }: PoolFacts, sizes: readonly number[], chance: number): PoolRow[] =>
  sizes.map((pairs) => ({
    pairs,
    worth: worth && pairs * worth.estimate,
    worthBetween: worth?.interval ? [pairs * worth.interval.low, pairs * worth.interval.high] : null,
    shows: differ > 0 ? shownGap(differ, pairs, chance) : null,
  }));

/** What a regime needs, for a margin of its labels and for its students' own margin; null where a billion pairs, or a hundred seeds, do not do. */
export type RegimeRow = KnownRegime & {
  /** Pairs of its weak labels that are worth a thousand of its people's; null where none are. */
  readonly worthThousand: number | null;
  /** Pool pairs with gold that show who of teacher and people labels better. */
  readonly pairsForGap: number | null;
  /** And that show both to label equally well within the margin. */
  readonly pairsForEqual: number | null;
  /** Seeds for its students. */
  readonly seeds: Pick<PowerRow, "equivalence" | "difference">;
};

/** Rows of regimes. `within`: what counts as equal, in shares of pairs that side with gold, above 0. */
export const regimeRows = (regimes: readonly KnownRegime[], within: number, chance: number): RegimeRow[] =>
  regimes.map((regime) => {
    const { peopleGold, teacherGold, differ, gap, students } = regime;
    const { margin, variation, prompts } = students;
    const { equivalence, difference } = powerPlan({ margin, variation, chance, prompts: [prompts] }).rows[0]!;
    const worth = labelWorth(peopleGold, teacherGold);
    const paired = { differ, gap };
    return {
      ...regime,
      worthThousand: worth > 0 ? Math.ceil(1000 / worth) : null,
      pairsForGap: fewestPairs((pairs) => powerOfGap(paired, pairs), chance),
      pairsForEqual: fewestPairs((pairs) => powerOfEqualLabels(paired, within, pairs), chance),
      seeds: { equivalence, difference },
    };
  });
