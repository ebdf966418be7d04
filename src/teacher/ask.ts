/** Which pairs a person should label: where the teacher cannot tell, members disagree, and the prompt is a new one. */
import { ConfigError } from "../core/errors.ts";
import { binaryEntropy } from "./ensemble.ts";
import { isBlocked, type Label } from "./label.ts";

/** A pair that might be asked about. `disagreement`: mutual information of an ensemble, nats, 0 for a single teacher. */
export type AskCandidate = { readonly label: Label; readonly group: string; readonly disagreement?: number };

/** A question, best first. `value` is what the pair was worth when it was chosen, its parts in [0, 1]. */
export type Question = {
  readonly id: string;
  readonly value: number;
  readonly uncertainty: number;
  readonly disagreement: number;
  /** Questions of the same group that come before it. */
  readonly repeats: number;
};

/** `excluded`: abstentions that no person can settle for the teacher (identical, empty, truncated, non-finite). */
export type AskResult = {
  readonly questions: readonly Question[];
  readonly eligible: number;
  readonly excluded: number;
};

/**
 * Ranks abstained and tied pairs for human labelling. A pair is worth
 *
 *   (H(p) / ln 2 + disagreement / ln 2) / (1 + questions already asked of its group)
 *
 * uncertainty sampling (Lewis & Gale 1994) plus BALD, discounted for repeated prompts. Chosen greedily; equal values go
 * by id, so the order of the input does not matter.
 *
 * @param budget - most questions to ask, 0 or more
 */
export function askHumans(candidates: readonly AskCandidate[], budget: number): AskResult {
  if (!(Number.isInteger(budget) && budget >= 0))
    throw new ConfigError(`ask: budget is out of range, expected an integer from 0, got ${budget}.`);
  const open = candidates.filter(({ label }) => label.preferred === "abstain" || label.preferred === "tie");
  const eligible = open.filter(({ label }) => !isBlocked(label.flags));
  return {
    questions: greedy(eligible, budget),
    eligible: eligible.length,
    excluded: open.length - eligible.length,
  };
}

type Worth = Omit<Question, "value" | "repeats"> & { base: number; group: string };

function greedy(candidates: readonly AskCandidate[], budget: number): Question[] {
  // Values fall within a group, so choosing greedily is sorting: 100,000 pairs stay cheap.
  const queues = new Map<string, Worth[]>();
  for (const worth of candidates.map(worthOf).sort((x, y) => y.base - x.base || byId(x, y))) {
    const queue = queues.get(worth.group);
    if (queue) queue.push(worth);
    else queues.set(worth.group, [worth]);
  }
  const questions: Question[] = [...queues.values()].flatMap((queue) =>
    queue.map(({ base, id, uncertainty, disagreement }, repeats) => {
      return { id, value: base / (1 + repeats), uncertainty, disagreement, repeats };
    }),
  );
  return questions.sort((x, y) => y.value - x.value || x.repeats - y.repeats || byId(x, y)).slice(0, budget);
}

function worthOf({ label, group, disagreement = 0 }: AskCandidate): Worth {
  const uncertainty = binaryEntropy(label.probability) / Math.LN2;
  const share = disagreement / Math.LN2;
  return { id: label.id, group, uncertainty, disagreement: share, base: uncertainty + share };
}

const byId = (x: { readonly id: string }, y: { readonly id: string }) =>
  x.id < y.id ? -1 : x.id > y.id ? 1 : 0;
