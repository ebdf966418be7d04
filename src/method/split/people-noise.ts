/** How well simulated people see gold: as a temperature, or as the agreement with gold that a temperature is solved for. */
import { ConfigError } from "../../base/core/errors.ts";
import { mean } from "../../base/stats/describe.ts";
import { logistic } from "../../base/stats/special.ts";

/** People prefer a with probability σ((gold_a - gold_b) / tau): `tau` in units of gold, or the share of pairs on which they are expected to side with gold. */
export type PeopleNoise = { readonly tau: number } | { readonly goldAgreement: number };

/**
 * The share of pairs on which people of this temperature are expected to side with gold: the mean of σ(|gap| / tau) over the pairs
 * whose gold differs (Bradley & Terry 1952). Null without such a pair.
 * @param gaps - gold of one response minus that of the other, either sign
 * @param tau - above 0, in the gaps' unit
 */
export function expectedGoldAgreement(gaps: readonly number[], tau: number): number | null {
  const unequal = gaps.filter((gap) => gap !== 0);
  return unequal.length === 0 ? null : mean(unequal.map((gap) => logistic(Math.abs(gap) / tau)));
}

/** Beyond these the agreement is 1 or 1/2 to within a double's or a report's digits. */
const SHARPEST = 1 / 40;
const DULLEST = 1e6;
/** Halvings of the logarithm of tau: more than a double's digits. */
const HALVINGS = 200;

/**
 * The temperature whose expected agreement with gold is `agreement`, by bisection: the agreement falls with tau, from 1 towards 1/2.
 * @throws ConfigError when no temperature reaches it on these gaps, with the range that is reached
 */
export function tauFor(gaps: readonly number[], agreement: number): number {
  const sizes = gaps.filter((gap) => gap !== 0).map(Math.abs);
  if (sizes.length === 0)
    throw new ConfigError(
      "world.gold_agreement: no pair has unequal gold, so people cannot side with it. Give tau, or another gold.",
    );
  const at = (logTau: number) => expectedGoldAgreement(sizes, Math.exp(logTau))!;
  let sharp = Math.log(sizes.reduce((a, b) => Math.min(a, b)) * SHARPEST);
  let dull = Math.log(sizes.reduce((a, b) => Math.max(a, b)) * DULLEST);
  if (!(agreement >= at(dull) && agreement <= at(sharp)))
    throw new ConfigError(
      `world.gold_agreement: on ${sizes.length} pairs with unequal gold people can be made to agree with it on ${at(dull).toFixed(6)} to ${at(sharp).toFixed(6)}, got ${agreement}.`,
    );
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (sharp + dull) / 2;
    if (at(middle) > agreement) sharp = middle;
    else dull = middle;
  }
  return Math.exp((sharp + dull) / 2);
}
