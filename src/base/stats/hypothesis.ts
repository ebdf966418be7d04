/** Tests of a difference, all two-sided, and corrections for testing many. */
import type { Rng } from "../core/rng.ts";
import { binomialCdf } from "./binomial.ts";
import { checkProbabilities, checkSample } from "./check.ts";
import { sum } from "./describe.ts";

/**
 * Sign test: p-value of `wins` against `losses` under a fair coin, exact; ties are left out by the caller.
 * 1 when there is nothing to compare.
 */
export function signTest(wins: number, losses: number): number {
  const n = wins + losses;
  return n === 0 ? 1 : Math.min(1, 2 * binomialCdf(Math.min(wins, losses), n, 0.5));
}

/**
 * Permutation test for paired differences: under the null each difference is as likely with the other sign
 * (Fisher 1935). Every sign assignment is tried while there are at most `exactLimit` non-zero differences (default 14);
 * above, `permutations` draws (default 10,000), and p = (hits + 1) / (draws + 1) (Phipson & Smyth 2010), never 0.
 *
 * @returns the p-value of the mean difference; 1 when all differences are zero
 * @throws NumericsError when there is none or one is not finite
 */
export function pairedPermutationTest(
  differences: readonly number[],
  options: { readonly rng: Rng; readonly permutations?: number; readonly exactLimit?: number },
): number {
  checkSample("pairedPermutationTest", differences);
  const sizes = differences.filter((d) => d !== 0).map(Math.abs);
  if (sizes.length === 0) return 1;
  // A permutation that ties with the observed sum in exact arithmetic must count, whatever the rounding.
  const observed = Math.abs(sum(differences)) - 1e-12 * sum(sizes);
  const exact = sizes.length <= (options.exactLimit ?? 14);
  return exact ? exactShare(sizes, observed) : drawnShare(sizes, observed, options);
}

function exactShare(sizes: readonly number[], observed: number): number {
  const all = 2 ** sizes.length;
  let hits = 0;
  for (let code = 0; code < all; code++) {
    const total = sizes.reduce((acc, size, i) => acc + ((code >> i) & 1 ? size : -size), 0);
    if (Math.abs(total) >= observed) hits++;
  }
  return hits / all;
}

function drawnShare(
  sizes: readonly number[],
  observed: number,
  options: { readonly rng: Rng; readonly permutations?: number },
): number {
  const draws = options.permutations ?? 10_000;
  const rng = options.rng.fork("permutation");
  let hits = 0;
  for (let i = 0; i < draws; i++) {
    let total = 0;
    for (const size of sizes) total += rng.next() < 0.5 ? size : -size;
    if (Math.abs(total) >= observed) hits++;
  }
  return (hits + 1) / (draws + 1);
}

/** Holm's step-down adjustment (Holm 1979): family-wise error. Adjusted p-values in the order given. */
export function holm(pValues: readonly number[]): number[] {
  const { order, n } = ascending("holm", pValues);
  const adjusted = new Array<number>(n);
  let highest = 0;
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (n - rank) * pValues[i]!));
    adjusted[i] = highest;
  });
  return adjusted;
}

function ascending(where: string, pValues: readonly number[]) {
  checkProbabilities(where, pValues);
  return { order: [...pValues.keys()].sort((i, j) => pValues[i]! - pValues[j]!), n: pValues.length };
}
