/**
 * Power of comparisons over seeds, before any is run: the chance that a difference, or that there is none, will be shown. The mean over
 * S seeds of a normal difference has the standard error se = sd / √S, estimated with S - 1 degrees of freedom (Student 1908; for the two one-sided
 * tests Schuirmann 1987). Chances are integrals over the estimate s = sd · u of sd, whose u² is χ²(S - 1) / (S - 1).
 */
import { NumericsError } from "../core/errors.ts";
import { logGamma, normalCdf } from "./special.ts";
import { studentQuantile } from "./student.ts";

/** What a comparison varies by. */
export type Variation = {
  /** Standard deviation of a seed's difference beyond what its prompts explain: training. In the figure's unit, at least 0. */
  readonly training: number;
  /** Standard deviation of the difference from prompt to prompt inside a seed, at least 0. */
  readonly prompt: number;
};

/** How much is run: seeds, at least 2, and the test prompts of each. */
export type RunSize = { readonly seeds: number; readonly prompts: number };

/** Standard error of the mean difference where every seed has prompts of its own. */
export function errorOverSeeds({ training, prompt }: Variation, { seeds, prompts }: RunSize): number {
  return Math.sqrt((training ** 2 + prompt ** 2 / prompts) / seeds);
}

/** Chance that a true difference of `size` is shown at 5 %, two-sided, whichever way. */
export function powerOfDifference(size: number, error: number, seeds: number): number {
  const t = quantileOf(0.95, seeds);
  return overEstimates(seeds - 1, (u) => {
    const [above, below] = [size / error - t * u, -size / error - t * u];
    return normalCdf(above) + normalCdf(below);
  });
}

/** Chance that two methods that are truly equal are shown to be equal within `margin`: two one-sided tests at 5 %. */
export function powerOfEquivalence(margin: number, error: number, seeds: number): number {
  const t = quantileOf(0.9, seeds);
  return overEstimates(seeds - 1, (u) => Math.max(0, 2 * normalCdf(margin / error - t * u) - 1));
}

/** A chance as a function of the amount. */
export type PowerOf = typeof powerOfEquivalence;

/** The fewest seeds, 2 to `most`, that give a chance of at least `power`; null where even the most do not. */
export function seedsFor(
  power: PowerOf,
  size: number,
  variation: Variation,
  {
    prompts,
    chance,
    most = 100,
  }: { readonly prompts: number; readonly chance: number; readonly most?: number },
): number | null {
  const enough = (seeds: number) =>
    power(size, errorOverSeeds(variation, { seeds, prompts }), seeds) >= chance;
  if (!enough(most)) return null;
  let [low, high] = [1, most];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The smallest size, or margin, that is shown with a chance of `chance`. @throws NumericsError when the error is not above 0 */
export function sizeFor(power: PowerOf, error: number, seeds: number, chance: number): number {
  if (!(error > 0))
    throw new NumericsError("sizeFor", `the error is out of range, expected > 0, got ${error}.`);
  let [low, high] = [0, error];
  while (power(high, error, seeds) < chance) high *= 2;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (power(middle, error, seeds) < chance) low = middle;
    else high = middle;
  }
  return high;
}

function quantileOf(level: number, seeds: number): number {
  if (!(Number.isInteger(seeds) && seeds >= 2))
    throw new NumericsError(
      "power",
      `seeds are out of range, expected a whole number from 2 on, got ${seeds}.`,
    );
  return studentQuantile(level, seeds - 1);
}

/** Steps of Simpson's rule: six digits and more for the integrands here. */
const STEPS = 300;

/** Mean of a function over u = s / sd with so many degrees of freedom; its density is 2 (ν/2)^(ν/2) u^(ν - 1) exp(-ν u² / 2) / Γ(ν/2). */
function overEstimates(degrees: number, of: (u: number) => number): number {
  const logScale = Math.log(2) + (degrees / 2) * Math.log(degrees / 2) - logGamma(degrees / 2);
  const density = (u: number) =>
    u === 0
      ? degrees === 1
        ? Math.exp(logScale)
        : 0
      : Math.exp(logScale + (degrees - 1) * Math.log(u) - (degrees * u * u) / 2);
  const end = 1 + 10 / Math.sqrt(degrees);
  const step = end / STEPS;
  let total = 0;
  for (let i = 0; i <= STEPS; i++) {
    const weight = i === 0 || i === STEPS ? 1 : i % 2 === 1 ? 4 : 2;
    total += weight * density(i * step) * of(i * step);
  }
  return (total * step) / 3;
}
