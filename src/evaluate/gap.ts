/**
 * How far a student goes from its teacher towards the ceiling, in held-out preference accuracy: the performance gap recovered of Burns
 * et al. 2023 (arXiv 2312.09390, section 3), on the pairs that teacher, student and ceiling all decide.
 */
import type { Rng } from "../core/rng.ts";
import { clusterBootstrap } from "../stats/bootstrap.ts";
import type { Interval } from "../stats/check.ts";
import { mcNemar } from "../stats/hypothesis.ts";
import { performanceGapRecovered } from "../stats/win-rate.ts";
import type { HeldOutPair } from "./held-out.ts";

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
  /** McNemar's exact test of student against ceiling. */
  readonly mcNemar: number;
};

/** Whether a student sides with the label, by its implicit reward where it has one, by likelihood else; without pairs it does not decide. */
export function verdictsOf(pairs: readonly HeldOutPair[]): Map<string, { right: boolean; promptId: string }> {
  // A model that is its own reference has margins of 0 only, or none.
  const implicit = pairs.some(({ implicit }) => implicit !== null && implicit !== 0);
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
  options: { readonly rng: Rng; readonly resamples?: number },
): GapRecovered {
  const interval = (statistic: (sample: readonly GapPair[]) => number | null) =>
    clusterBootstrap(
      pairs,
      pairs.map(({ promptId }) => promptId),
      statistic,
      options,
    );
  const share = (sample: readonly GapPair[], who: "weak" | "student" | "ceiling") =>
    sample.filter((pair) => pair[who]).length / sample.length;
  return {
    pairs: pairs.length,
    weak: interval((sample) => share(sample, "weak")),
    student: interval((sample) => share(sample, "student")),
    ceiling: interval((sample) => share(sample, "ceiling")),
    recovered: interval((sample) =>
      performanceGapRecovered(share(sample, "weak"), share(sample, "student"), share(sample, "ceiling")),
    ),
    difference: interval((sample) => share(sample, "student") - share(sample, "ceiling")),
    mcNemar: mcNemar(
      pairs.filter(({ student, ceiling }) => student && !ceiling).length,
      pairs.filter(({ student, ceiling }) => ceiling && !student).length,
    ),
  };
}
