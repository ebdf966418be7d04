/**
 * How far a student goes from its teacher towards the ceiling, in accuracy on test pairs: the performance gap recovered of Burns
 * et al. 2023 (arXiv 2312.09390, section 3), on the pairs that teacher, student and ceiling all decide.
 */
import type { Rng } from "../../base/core/rng.ts";
import { clusterBootstrap, SHARE, SHARE_DIFFERENCE } from "../../base/stats/bootstrap.ts";
import type { Interval } from "../../base/stats/check.ts";
import { groupBy } from "../../base/stats/describe.ts";
import { pairedPermutationTest } from "../../base/stats/hypothesis.ts";
import { performanceGapRecovered } from "../../base/stats/win-rate.ts";
import type { TestMargins } from "./test-accuracy.ts";

/** One test pair: whether each of three sides with the person. */
export type GapPair = {
  readonly promptId: string;
  readonly weak: boolean;
  readonly student: boolean;
  readonly ceiling: boolean;
};

/** Accuracies and the gap; intervals resample prompts and n counts them. */
export type GapRecovered = {
  /** Pairs all three decide. */
  readonly pairs: number;
  readonly weak: Interval | null;
  readonly student: Interval | null;
  readonly ceiling: Interval | null;
  /** Null where the ceiling is not above the teacher: there is no gap to recover. */
  readonly recovered: Interval | null;
  /** Student's accuracy minus the ceiling's, paired by pair. */
  readonly difference: Interval | null;
  /** p of student against ceiling, two-sided (`testByPrompt`). */
  readonly pValue: number;
};

/** Whether a student was measured by its implicit reward: a model that is its own reference has margins of 0 only, or none. */
export const hasImplicit = (pairs: readonly TestMargins[]): boolean =>
  pairs.some(({ implicit }) => implicit !== null && implicit !== 0);

/** Whether a student sides with the label, by its implicit reward where it has one, by likelihood else; without pairs it does not decide. */
export function verdictsOf(pairs: readonly TestMargins[]): Map<string, { right: boolean; promptId: string }> {
  const implicit = hasImplicit(pairs);
  return new Map(
    pairs.flatMap(({ id, promptId, implicit: reward, likelihood }) => {
      const margin = implicit ? reward : likelihood;
      return margin === null || margin === 0 ? [] : [[id, { right: margin > 0, promptId }] as const];
    }),
  );
}

/** The pairs all three decide. @param weak - whether the teacher is right, by pair id */
export function gapPairs(
  weak: ReadonlyMap<string, boolean>,
  student: ReturnType<typeof verdictsOf>,
  ceiling: ReturnType<typeof verdictsOf>,
): GapPair[] {
  return [...student].flatMap(([id, { right, promptId }]) => {
    const [teacher, top] = [weak.get(id), ceiling.get(id)];
    return teacher === undefined || top === undefined
      ? []
      : [{ promptId, weak: teacher, student: right, ceiling: top.right }];
  });
}

/** The gap recovered with its interval. */
export function gapRecovered(
  pairs: readonly GapPair[],
  options: { readonly rng: Rng; readonly resamples?: number | undefined },
): GapRecovered {
  const interval = (
    statistic: (sample: readonly GapPair[]) => number | null,
    range?: readonly [number, number],
  ) =>
    clusterBootstrap(
      pairs,
      pairs.map(({ promptId }) => promptId),
      statistic,
      range === undefined ? options : { ...options, range },
    );
  const share = (sample: readonly GapPair[], who: "weak" | "student" | "ceiling") =>
    sample.filter((pair) => pair[who]).length / sample.length;
  return {
    pairs: pairs.length,
    weak: interval((sample) => share(sample, "weak"), SHARE),
    student: interval((sample) => share(sample, "student"), SHARE),
    ceiling: interval((sample) => share(sample, "ceiling"), SHARE),
    recovered: interval((sample) =>
      performanceGapRecovered(share(sample, "weak"), share(sample, "student"), share(sample, "ceiling")),
    ),
    difference: interval((sample) => share(sample, "student") - share(sample, "ceiling"), SHARE_DIFFERENCE),
    pValue: testByPrompt(
      pairs.map(({ promptId, student, ceiling }) => ({ promptId, own: student, other: ceiling })),
      options.rng,
    ),
  };
}

/**
 * Whether one of two is right on more pairs: a paired permutation test over prompts, since pairs of one prompt are not independent. With
 * a pair a prompt and few discordant ones it is McNemar's exact test. 1 without pairs.
 */
export function testByPrompt(
  pairs: readonly { readonly promptId: string; readonly own: boolean; readonly other: boolean }[],
  rng: Rng,
): number {
  if (pairs.length === 0) return 1;
  const leads = groupBy(pairs, ({ promptId }) => promptId).map((group) =>
    group.reduce((sum, { own, other }) => sum + Number(own) - Number(other), 0),
  );
  return pairedPermutationTest(leads, { rng: rng.fork("by-prompt") });
}
