/**
 * A preference world: prompts with candidate responses whose gold scores are known, judged by simulated people. Splits into
 * a labelled part, an unlabelled pool (its human labels apart) and a test part, by prompt.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { rowKind } from "../../base/files/row-file.ts";
import { logistic } from "../../base/stats/special.ts";
import { joinHumanLabels } from "../data/human-labels.ts";
import {
  type CandidatePair,
  type HumanLabel,
  isEmptyText,
  type PreferenceRow,
  promptId,
} from "../data/rows.ts";
import { expectedGoldAgreement, type PeopleNoise, tauFor } from "./people-noise.ts";

const scoredCandidate = z.strictObject({ text: z.string(), gold: z.number() });
const promptCandidates = z.strictObject({ prompt: z.string(), candidates: z.array(scoredCandidate) });

/** A response and its gold score. */
export type ScoredCandidate = z.output<typeof scoredCandidate>;

/** A prompt with its candidates, in an order that says nothing (that of sampling). */
export type PromptCandidates = z.output<typeof promptCandidates>;

/** Candidates of prompts, a prompt a line. */
export const CANDIDATES = rowKind<PromptCandidates>({
  what: "prompt with candidates",
  schema: promptCandidates,
});

/** How people are simulated and how the prompts are split. */
export type WorldSettings = {
  /** A small tau, or a large agreement: people see gold well. */
  readonly people: PeopleNoise;
  readonly seed: number | string;
  /** Share of the prompts that become the labelled part, in [0, 1]. */
  readonly labelled: number;
  /** Share of the prompts kept as labelled test pairs, in [0, 1]. The rest is the pool. */
  readonly test: number;
};

const goldPairSchema = z.strictObject({ id: z.string(), goldA: z.number(), goldB: z.number() });

/** Gold scores of a pair, in the order of its candidates. Never shown to a labeller. */
export type GoldPair = z.output<typeof goldPairSchema>;

/** Gold scores of a pool. */
export const GOLD_PAIRS = rowKind<GoldPair>({
  what: "gold score of a pair",
  schema: goldPairSchema,
  unique: ({ id }) => id,
});

/** A part of the world; all lists but `rows` go in one order. */
export type WorldPart = {
  readonly pairs: readonly CandidatePair[];
  readonly humanLabels: readonly HumanLabel[];
  /** The same pairs as people judged them: chosen and rejected. */
  readonly rows: readonly PreferenceRow[];
  readonly gold: readonly GoldPair[];
};

/** What was made, and what is known of the simulated people. */
export type PreferenceWorld = {
  readonly labelled: WorldPart;
  readonly pool: WorldPart;
  readonly test: WorldPart;
  /** Pairs that were left out, by reason. */
  readonly dropped: { readonly identical: number; readonly empty: number };
  readonly people: SimulatedPeople;
};

/** How the people of a world see gold. */
export type SimulatedPeople = {
  /** As given, or as solved for. */
  readonly tau: number;
  /** Pairs with unequal gold, of all parts; the shares below are of these, null without any. */
  readonly pairs: number;
  /** Share on which such people side with gold in the mean over many draws. */
  readonly expected: number | null;
  /** Share on which those that were drawn do. */
  readonly drawn: number | null;
};

/**
 * Makes pairs of each prompt's candidates (first with second, third with fourth, …), drops those that say the same or
 * nothing, and draws one Bradley-Terry judgement for each (Bradley & Terry 1952), from the seed and the pair's id alone.
 * @throws ConfigError when a setting is out of range or a prompt comes twice
 */
export function preferenceWorld(
  prompts: readonly PromptCandidates[],
  { people, seed, labelled, test }: WorldSettings,
): PreferenceWorld {
  checkSettings({ people, seed, labelled, test });
  const dropped = { identical: 0, empty: 0 };
  const made = prompts.map((entry) => pairsOf(entry, dropped));
  checkUnique(prompts);
  const gaps = made.flat().map(({ gold }) => gold.goldA - gold.goldB);
  const tau = "tau" in people ? people.tau : tauFor(gaps, people.goldAgreement);
  const judged = made.map((pairs) => pairs.map((one) => judge(one, tau, seed)));
  const order = createRng(seed)
    .fork("world-split")
    .shuffle([...prompts.keys()]);
  const testSize = Math.round(test * prompts.length);
  const labelledSize = Math.min(Math.round(labelled * prompts.length), prompts.length - testSize);
  const part = (from: number, to: number) =>
    partOf(
      order
        .slice(from, to)
        .sort((i, j) => i - j)
        .flatMap((i) => judged[i]!),
    );
  return {
    test: part(0, testSize),
    labelled: part(testSize, testSize + labelledSize),
    pool: part(testSize + labelledSize, prompts.length),
    dropped,
    people: {
      tau,
      pairs: gaps.filter((gap) => gap !== 0).length,
      expected: expectedGoldAgreement(gaps, tau),
      drawn: goldAgreement(judged.flat()),
    },
  };
}

type Made = { readonly pair: CandidatePair; readonly gold: GoldPair };
type Judged = Made & { readonly human: HumanLabel };

function pairsOf(
  { prompt, candidates }: PromptCandidates,
  dropped: { identical: number; empty: number },
): Made[] {
  const made: Made[] = [];
  for (let i = 0; i + 1 < candidates.length; i += 2) {
    const [a, b] = [candidates[i]!, candidates[i + 1]!];
    if (isEmptyText(a.text) || isEmptyText(b.text)) dropped.empty++;
    else if (a.text.trim() === b.text.trim()) dropped.identical++;
    else {
      const id = `${promptId(prompt).slice(0, 16)}-${i / 2}`;
      made.push({
        pair: { id, prompt, a: a.text, b: b.text },
        gold: { id, goldA: a.gold, goldB: b.gold },
      });
    }
  }
  return made;
}

function judge({ pair, gold }: Made, tau: number, seed: number | string): Judged {
  const { id, goldA, goldB } = gold;
  const prefersA = createRng(seed).fork("human", id).next() < logistic((goldA - goldB) / tau);
  return { pair, gold, human: { id, preferred: prefersA ? "a" : "b" } };
}

function partOf(judged: readonly Judged[]): WorldPart {
  const pairs = judged.map(({ pair }) => pair);
  const humanLabels = judged.map(({ human }) => human);
  const { rows } = joinHumanLabels(pairs, humanLabels);
  return { pairs, humanLabels, rows, gold: judged.map(({ gold }) => gold) };
}

function goldAgreement(judged: readonly Judged[]): number | null {
  const decided = judged.filter(({ gold }) => gold.goldA !== gold.goldB);
  const agree = decided.filter(({ gold, human }) => gold.goldA > gold.goldB === (human.preferred === "a"));
  return decided.length === 0 ? null : agree.length / decided.length;
}

function checkSettings({ people, labelled, test }: WorldSettings): void {
  const issues: string[] = [];
  if ("tau" in people && !(people.tau > 0 && Number.isFinite(people.tau)))
    issues.push(`world.tau: expected a number above 0, got ${people.tau}.`);
  if (!(labelled >= 0 && test >= 0 && labelled + test <= 1))
    issues.push(
      `world: expected labelled and test to be shares that together are at most 1, got ${labelled} and ${test}.`,
    );
  if (issues.length > 0) throw new ConfigError(issues);
}

/** One prompt in two parts would leak. */
function checkUnique(prompts: readonly PromptCandidates[]): void {
  const seen = new Set<string>();
  for (const { prompt } of prompts) {
    if (seen.has(prompt))
      throw new ConfigError(
        `world: the prompt ${JSON.stringify(prompt.slice(0, 60))} comes twice. Remove one.`,
      );
    seen.add(prompt);
  }
}
