/**
 * Two arms, response against response. A win is of one sampled response against one of the baseline's to the same prompt, the sample of the
 * same number; with several samples a prompt the rate is the mean over these pairs, not the standing of the prompts' means, which
 * gets the more one-sided the more samples are averaged. Pairs of one prompt belong together: the prompt is the unit.
 */
import { mean, sum } from "../../base/stats/describe.ts";
import { signTest } from "../../base/stats/hypothesis.ts";

/** Gold reward by sample number, of one prompt. */
export type Samples = ReadonlyMap<number, number>;

/** How an arm stands against a baseline. */
export type Standing = {
  /** Pairs of samples won, tied and lost. */
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Of each prompt that both answered: mean points of its pairs (1, ½, 0), and the share strictly above the baseline. */
  readonly points: readonly number[];
  readonly above: readonly number[];
  /** Two-sided sign test over prompts: those of which more pairs are won than lost against those of which fewer are. */
  readonly signTest: number;
};

/** Pairs samples of equal number. @param prompts - samples of the arm and of the baseline; prompts without a pair are left out */
export function standingOf(prompts: readonly (readonly [Samples, Samples])[]): Standing {
  const signs = prompts
    .map(([own, other]) =>
      [...own].flatMap(([sample, value]) => {
        const against = other.get(sample);
        return against === undefined ? [] : [Math.sign(value - against)];
      }),
    )
    .filter((pairs) => pairs.length > 0);
  const all = signs.flat();
  const count = (sign: number) => all.filter((one) => one === sign).length;
  const leads = signs.map((pairs) => Math.sign(sum(pairs)));
  return {
    wins: count(1),
    ties: all.length - count(1) - count(-1),
    losses: count(-1),
    points: signs.map((pairs) => mean(pairs.map((sign) => (sign + 1) / 2))),
    above: signs.map((pairs) => mean(pairs.map((sign) => Number(sign > 0)))),
    signTest: signTest(leads.filter((lead) => lead > 0).length, leads.filter((lead) => lead < 0).length),
  };
}
