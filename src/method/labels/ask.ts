/**
 * Which pairs a person should label: where the teacher cannot tell, members disagree, the prompt is a new one, and the text is
 * unlike what is asked already.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { isBlocked } from "../teacher/teacher.ts";
import { binaryEntropy } from "./ensemble.ts";
import type { Label } from "./label.ts";
import { type Draw, drawAtRandom } from "./random-part.ts";
import { sketchTexts } from "./text-sketch.ts";

/** A pair that might be asked about. */
export type AskCandidate = {
  readonly label: Label;
  /** Names the prompt. */
  readonly group: string;
  /** Mutual information of an ensemble, nats; 0, the default, for a single teacher. */
  readonly disagreement?: number;
  /** Prompt and responses; without it the pair is like no other. */
  readonly text?: string;
};

/** A question, best first. `value` is what the pair was worth when it was chosen, its parts in [0, 1]. */
export type Question = {
  readonly id: string;
  /** Drawn at random from all pairs, or asked because its answer is worth most. */
  readonly drawn: Draw;
  readonly value: number;
  readonly uncertainty: number;
  readonly disagreement: number;
  /** Questions of the same group that come before it. */
  readonly repeats: number;
  /** Likeness to the most similar question before it, in [0, 1]. */
  readonly similarity: number;
};

/** `random`: questions drawn at random, which come first. `eligible`: pairs that the others are chosen among. `excluded`: pairs that no person can settle for the teacher (identical, empty, truncated, non-finite). */
export type AskResult = {
  readonly questions: readonly Question[];
  readonly random: number;
  readonly eligible: number;
  readonly excluded: number;
};

/**
 * `among`: "undecided" (default) asks of abstained and tied pairs only, "all" of every pair. `random`: share of the budget that is drawn at
 * random from all pairs, default 0.25: these answers, and no others, can be fitted on (`random-part.ts`).
 */
export type AskOptions = { readonly among?: "undecided" | "all"; readonly random?: number };

/** Share of the questions that is drawn at random unless it is said. */
export const RANDOM_SHARE = 0.25;

/** Questions that later ones are compared with: bounds the work to this many comparisons per candidate. */
export const ANCHORS = 1000;

/**
 * Ranks pairs for human labelling. Given the questions S asked so far, a pair is worth
 *
 *   (H(p) / ln 2 + disagreement / ln 2) · (1 - max over S of similarity) / (1 + questions of its group in S)
 *
 * Uncertainty sampling (Lewis & Gale 1994) plus BALD (Houlsby et al. 2011, arXiv 1112.5745), discounted for repeated prompts and
 * by the likeness to the nearest question: the max-min distance of core-set selection (Sener & Savarese 2018, arXiv 1708.00489)
 * as a factor. Likeness is the cosine of `text-sketch.ts`, to the first 1,000 questions. Chosen greedily; worth only falls as S
 * grows, so a pair is looked at again only where its last worth could still win (Minoux 1978), and the result is the greedy one.
 * Equal values go by id: the order of the input does not matter.
 *
 * @param candidates - pairs that nobody has answered
 * @param budget - most questions to ask, 0 or more
 */
export function askHumans(
  candidates: readonly AskCandidate[],
  budget: number,
  { among = "undecided", random = RANDOM_SHARE }: AskOptions = {},
): AskResult {
  if (!(Number.isInteger(budget) && budget >= 0))
    throw new ConfigError(`ask: budget is out of range, expected an integer from 0, got ${budget}.`);
  if (!(random >= 0 && random <= 1))
    throw new ConfigError(`ask: the random share is out of range, expected [0, 1], got ${random}.`);
  const byId = new Map(candidates.map((candidate) => [candidate.label.id, candidate]));
  const drawn = new Set(
    drawAtRandom(
      candidates.map(({ label }) => label),
      new Set(),
      Math.round(random * budget),
    ),
  );
  const open = candidates.filter(
    ({ label }) => among === "all" || label.preferred === "abstain" || label.preferred === "tie",
  );
  const eligible = open.filter(({ label }) => !isBlocked(label.flags));
  const useful = eligible.filter(({ label }) => !drawn.has(label.id));
  return {
    questions: [
      ...[...drawn].map((id) => questionOf(worthOf(byId.get(id)!, -1), "random")),
      ...greedy(useful, budget - drawn.size),
    ],
    random: drawn.size,
    eligible: eligible.length,
    excluded: open.length - eligible.length,
  };
}

/** A candidate as it stands: `value` was right when `seen` questions were asked, and has only fallen since. */
type Worth = {
  readonly id: string;
  readonly group: string;
  readonly uncertainty: number;
  readonly disagreement: number;
  readonly base: number;
  /** Its place in the sketches, -1 without text. */
  readonly place: number;
  value: number;
  repeats: number;
  similarity: number;
  seen: number;
  taken: boolean;
};

function greedy(candidates: readonly AskCandidate[], budget: number): Question[] {
  if (budget === 0) return [];
  const texts = candidates.flatMap(({ text }) => (text === undefined ? [] : [text]));
  const { similarity } = sketchTexts(texts);
  let place = 0;
  const worths = candidates
    .map((candidate) => worthOf(candidate, candidate.text === undefined ? -1 : place++))
    .sort((x, y) => y.base - x.base || compareIds(x, y));
  const asked: Worth[] = [];
  const askedOf = new Map<string, number>();
  while (asked.length < Math.min(budget, worths.length)) {
    const best = bestOf(worths, (worth) => refresh(worth, asked, askedOf, similarity));
    best.taken = true;
    asked.push(best);
    askedOf.set(best.group, best.repeats + 1);
  }
  return asked.map((worth) => questionOf(worth, "useful"));
}

function questionOf(
  { id, value, uncertainty, disagreement, repeats, similarity }: Worth,
  drawn: Draw,
): Question {
  return { id, drawn, value, uncertainty, disagreement, repeats, similarity };
}

/** The candidate of most worth; those are not refreshed whose last worth cannot win. */
function bestOf(worths: readonly Worth[], refreshed: (worth: Worth) => void): Worth {
  let best: Worth | undefined;
  for (const worth of worths) {
    if (worth.taken) continue;
    // The list falls in `base`, which bounds every value.
    if (best !== undefined && worth.base < best.value) break;
    if (best !== undefined && worth.value < best.value) continue;
    refreshed(worth);
    if (best === undefined || precedes(worth, best)) best = worth;
  }
  return best!;
}

function refresh(
  worth: Worth,
  asked: readonly Worth[],
  askedOf: ReadonlyMap<string, number>,
  similarity: (i: number, j: number) => number,
): void {
  const until = Math.min(asked.length, ANCHORS);
  for (; worth.place >= 0 && worth.seen < until; worth.seen++) {
    const { place } = asked[worth.seen]!;
    if (place >= 0) worth.similarity = Math.max(worth.similarity, similarity(worth.place, place));
  }
  worth.repeats = askedOf.get(worth.group) ?? 0;
  worth.value = (worth.base * (1 - worth.similarity)) / (1 + worth.repeats);
}

function worthOf({ label, group, disagreement = 0 }: AskCandidate, place: number): Worth {
  const uncertainty = binaryEntropy(label.pA) / Math.LN2;
  const share = disagreement / Math.LN2;
  const base = uncertainty + share;
  const start = { value: base, repeats: 0, similarity: 0, seen: 0, taken: false };
  return { id: label.id, group, uncertainty, disagreement: share, base, place, ...start };
}

/** More worth first, then fewer repeats, then by id. */
function precedes(x: Worth, y: Worth): boolean {
  if (x.value !== y.value) return x.value > y.value;
  return x.repeats !== y.repeats ? x.repeats < y.repeats : compareIds(x, y) < 0;
}

const compareIds = (x: { readonly id: string }, y: { readonly id: string }) =>
  x.id < y.id ? -1 : x.id > y.id ? 1 : 0;
