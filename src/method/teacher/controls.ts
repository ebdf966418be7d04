/**
 * Control labellers: what a result must beat, and what bounds it from above. Each is a function from a pair to two scores;
 * the scores belong to the texts, so swapping a and b swaps them, and random draws do not depend on the order of the rows.
 */
import { AlignError, ConfigError } from "../../base/core/errors.ts";
import type { Rng } from "../../base/core/rng.ts";

/** What a control sees of a pair; the candidates as plain text. */
export type ControlPair = { readonly id: string; readonly a: string; readonly b: string };

/** Scores of the two candidates; the higher one is preferred, equal ones are a tie. */
export type Scores = { readonly scoreA: number; readonly scoreB: number };

/** A control labeller. @throws AlignError when it needs a fact about the pair that it was not given */
export type ControlScorer = (pair: ControlPair) => Scores;

/** What a person said of a pair. */
export type HumanChoice = "a" | "b" | "tie";

/** Scores uniform in [0, 1), drawn for each text of each pair: agrees with anybody half of the time. */
export function randomControl(rng: Rng): ControlScorer {
  const score = (id: string, text: string) => rng.fork("random-control", id, text).next();
  return ({ id, a, b }) => ({ scoreA: score(id, a), scoreB: score(id, b) });
}

/** The longer answer is better. `length` defaults to the number of code points; pass a token counter to count tokens. */
export function longerControl(length: (text: string) => number = (text) => [...text].length): ControlScorer {
  return ({ a, b }) => ({ scoreA: length(a), scoreB: length(b) });
}

/** Scores given beforehand by a gold reward, by pair id: the upper bound of what a teacher can be when gold is the judge. */
export function goldControl(rewards: ReadonlyMap<string, Scores>): ControlScorer {
  return ({ id }) => known(rewards, id, "gold reward");
}

/** Human labels of which each is reversed with probability `rate`, in [0, 1]. Ties stay ties. */
export function flippedHumanControl(
  choices: ReadonlyMap<string, HumanChoice>,
  rate: number,
  rng: Rng,
): ControlScorer {
  checkRate("flip rate", rate);
  return ({ id }) => scoresOf(flippedAt(known(choices, id, "human label"), rate, rng.fork("flip", id)));
}

/**
 * Human labels of which a share `rate`, in [0, 1], is replaced by "the longer one is better": noise that does not average out.
 * Pairs of equal length, and ties, keep the human label.
 */
export function lengthBiasedHumanControl(
  choices: ReadonlyMap<string, HumanChoice>,
  rate: number,
  rng: Rng,
): ControlScorer {
  checkRate("length-bias rate", rate);
  const longer = longerControl();
  return (pair) => {
    const choice = known(choices, pair.id, "human label");
    const { scoreA, scoreB } = longer(pair);
    const biased = choice !== "tie" && scoreA !== scoreB && rng.fork("length-bias", pair.id).next() < rate;
    return scoresOf(biased ? (scoreA > scoreB ? "a" : "b") : choice);
  };
}

/**
 * Human labels by annotators of different care: each pair goes to one of them at random, who reverses the label at
 * their own rate.
 *
 * @param rates - flip rate of each annotator, in [0, 1]; at least one
 */
export function annotatorControl(
  choices: ReadonlyMap<string, HumanChoice>,
  rates: readonly number[],
  rng: Rng,
): ControlScorer & { annotatorOf(id: string): number } {
  if (rates.length === 0)
    throw new ConfigError("control: there are no annotators, expected at least one flip rate.");
  for (const rate of rates) checkRate("annotator flip rate", rate);
  const annotatorOf = (id: string) => rng.fork("annotator", id).int(rates.length);
  const score: ControlScorer = ({ id }) =>
    scoresOf(
      flippedAt(known(choices, id, "human label"), rates[annotatorOf(id)]!, rng.fork("annotator-flip", id)),
    );
  return Object.assign(score, { annotatorOf });
}

function flippedAt(choice: HumanChoice, rate: number, rng: Rng): HumanChoice {
  if (choice === "tie" || rng.next() >= rate) return choice;
  return choice === "a" ? "b" : "a";
}

function scoresOf(choice: HumanChoice): Scores {
  if (choice === "tie") return { scoreA: 0.5, scoreB: 0.5 };
  return choice === "a" ? { scoreA: 1, scoreB: 0 } : { scoreA: 0, scoreB: 1 };
}

function known<T>(map: ReadonlyMap<string, T>, id: string, what: string): T {
  const value = map.get(id);
  if (value === undefined)
    throw new AlignError(
      "data",
      `control: pair ${JSON.stringify(id)} has no ${what}, expected one for every pair.`,
    );
  return value;
}

function checkRate(name: string, rate: number): void {
  if (!(rate >= 0 && rate <= 1))
    throw new ConfigError(`control: ${name} is out of range, expected [0, 1], got ${rate}.`);
}
