/** The same arm of two runs on the labelled test pairs both decide: accuracy, paired by pair. */
import type { Rng } from "../../../base/core/rng.ts";
import { clusterBootstrap, SHARE_DIFFERENCE } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { holm } from "../../../base/stats/hypothesis.ts";
import { hasImplicit, testByPrompt, verdictsOf } from "../../../method/evaluate/gap.ts";
import type { ComparedRun } from "./run-folder.ts";

/** An arm of one run against the same arm of another, in accuracy on test pairs. */
export type TestAccuracyDifference = {
  readonly arm: string;
  readonly run: string;
  readonly against: string;
  /** Test pairs that both decide. */
  readonly pairs: number;
  /** Accuracy of `run` minus `against`'s; n counts prompts, which the interval resamples. */
  readonly difference: Interval;
  /** Pairs that one of the two alone gets right, and the p of `testByPrompt`. */
  readonly onlyRun: number;
  readonly onlyAgainst: number;
  readonly pValue: number;
  /** After Holm's correction over all of these. */
  readonly adjusted: number;
};

/** Every arm that later runs share with the first. */
export function testAccuracyDifferences(
  [first, ...later]: readonly ComparedRun[],
  { rng, resamples }: { readonly rng: Rng; readonly resamples: number },
): TestAccuracyDifference[] {
  const found = later.flatMap((run) =>
    [...run.testMargins].flatMap(([arm, pairs]) => {
      const before = first!.testMargins.get(arm) ?? [];
      if (hasImplicit(before) !== hasImplicit(pairs)) return [];
      const other = verdictsOf(before);
      const both = [...verdictsOf(pairs)].flatMap(([id, { right, promptId }]) => {
        const partner = other.get(id);
        return partner === undefined ? [] : [{ promptId, own: right, other: partner.right }];
      });
      if (both.length === 0) return [];
      const difference = clusterBootstrap(
        both,
        both.map(({ promptId }) => promptId),
        (sample) =>
          sample.reduce((sum, { own, other }) => sum + Number(own) - Number(other), 0) / sample.length,
        { rng: rng.fork("held-out", run.name, arm), resamples, range: SHARE_DIFFERENCE },
      )!;
      const onlyRun = both.filter(({ own, other }) => own && !other).length;
      const onlyAgainst = both.filter(({ own, other }) => other && !own).length;
      return [
        {
          ...{ arm, run: run.name, against: first!.name, pairs: both.length, difference },
          ...{ onlyRun, onlyAgainst, pValue: testByPrompt(both, rng.fork("held-out-test", run.name, arm)) },
        },
      ];
    }),
  );
  const adjusted = holm(found.map(({ pValue }) => pValue));
  return found.map((one, i) => ({ ...one, adjusted: adjusted[i]! }));
}
