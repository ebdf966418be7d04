/** The same arm of two runs on the prompts both answered: paired tests, and the responses that changed. */
import type { Rng } from "../../../base/core/rng.ts";
import { pairedBootstrap } from "../../../base/stats/bootstrap.ts";
import type { Interval } from "../../../base/stats/check.ts";
import { holm, pairedPermutationTest } from "../../../base/stats/hypothesis.ts";
import { plainText } from "../../../method/data/rows.ts";
import { type ArmRecord, type EvaluatedArm, promptMeans } from "../../../method/evaluate/arm.ts";
import { standingOf } from "../../../method/evaluate/sample-pairs.ts";
import type { ComparedRun } from "./run-folder.ts";

/** An arm of one run against the same arm of another, by one gold scorer. */
export type PairedDifference = {
  readonly arm: string;
  readonly gold: string;
  readonly run: string;
  readonly against: string;
  /** Mean gold reward of `run` minus `against`'s over the shared prompts. */
  readonly difference: Interval;
  /** Pairs of samples (of equal number, to one prompt) that `run` wins, ties and loses, and the sign test over prompts. */
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  readonly signTest: number;
  readonly permutationTest: number;
  /** `permutationTest` after Holm's correction over all differences of the comparison. */
  readonly adjusted: number;
};

/**
 * Every arm that runs share, each later run against the first, by every gold scorer both used.
 * @param comparable - false for a gold scorer that means something else in one of the runs
 */
export function pairedDifferences(
  runs: readonly ComparedRun[],
  comparable: (gold: string) => boolean,
  { rng, resamples }: { readonly rng: Rng; readonly resamples?: number | undefined },
): PairedDifference[] {
  const found = pairsOf(runs).flatMap(({ run, against, arm, own, other }) =>
    goldsOf(own)
      .filter((gold) => goldsOf(other).includes(gold) && comparable(gold))
      .flatMap((gold) => {
        const { a, b, standing } = sharedRewards(own, other, gold);
        if (a.length === 0) return [];
        const { wins, ties, losses, signTest } = standing;
        const stream = rng.fork("compare-runs", run, against, arm, gold);
        return [
          {
            ...{ arm, gold, run, against, wins, ties, losses, signTest },
            difference: pairedBootstrap(a, b, {
              rng: stream,
              resamples,
            })!,
            permutationTest: pairedPermutationTest(
              a.map((value, i) => value - b[i]!),
              { rng: stream },
            ),
          },
        ];
      }),
  );
  const adjusted = holm(found.map(({ permutationTest }) => permutationTest));
  return found.map((one, i) => ({ ...one, adjusted: adjusted[i]! }));
}

/** A response of an arm in one run and in another. */
export type ChangedResponse = {
  readonly arm: string;
  readonly run: string;
  readonly against: string;
  readonly prompt: string;
  /** Of `run` and of `against`. */
  readonly responses: readonly [string, string];
  /** Scores of both by the first gold scorer they share; null without one. */
  readonly gold: readonly [number, number] | null;
  /** Against the run's own baseline arm on this prompt: 1 won, 0 tie, -1 lost; null without a baseline. */
  readonly outcome: readonly [number, number] | null;
  /** Words the two do not have in common, as a share of all their words, in [0, 1]. */
  readonly distance: number;
};

/**
 * Responses to the prompts that both runs answered, of every shared arm: those whose winner against the baseline arm changed, and those
 * whose words changed most.
 * @param options.limit - at most so many of each
 */
export function changedResponses(
  runs: readonly ComparedRun[],
  options: {
    readonly comparable: (gold: string) => boolean;
    readonly limit: number;
  },
): { readonly winners: readonly ChangedResponse[]; readonly texts: readonly ChangedResponse[] } {
  const all = pairsOf(runs).flatMap((pair) => responsesOf(pair, options));
  const winners = all.filter(({ outcome }) => outcome !== null && outcome[0] !== outcome[1]);
  const turned = ({ outcome }: ChangedResponse) => Math.abs(outcome![0] - outcome![1]);
  return {
    winners: winners.sort((x, y) => turned(y) - turned(x) || y.distance - x.distance).slice(0, options.limit),
    texts: all
      .filter(({ distance }) => distance > 0)
      .sort((x, y) => y.distance - x.distance)
      .slice(0, options.limit),
  };
}

type ArmPair = {
  readonly run: string;
  readonly against: string;
  readonly arm: string;
  readonly own: EvaluatedArm;
  readonly other: EvaluatedArm;
  readonly runs: readonly [ComparedRun, ComparedRun];
};

/** The same arm in the first run and in each later one. */
function pairsOf([first, ...later]: readonly ComparedRun[]): ArmPair[] {
  return later.flatMap((run) =>
    run.answers.flatMap((own) => {
      const other = first!.answers.find(({ name }) => name === own.name);
      return other === undefined
        ? []
        : [{ run: run.name, against: first!.name, arm: own.name, own, other, runs: [run, first!] as const }];
    }),
  );
}

const goldsOf = ({ records }: EvaluatedArm): string[] => Object.keys(records[0]?.gold ?? {});

/** Mean rewards of the prompts that both answered, and how their samples stand against each other. */
function sharedRewards(own: EvaluatedArm, other: EvaluatedArm, gold: string) {
  const [a, b] = [promptMeans(own, gold), promptMeans(other, gold)];
  const shared = [...a.keys()].filter((id) => b.has(id)).map((id) => [a.get(id)!, b.get(id)!] as const);
  return {
    a: shared.map(([one]) => one.gold),
    b: shared.map(([, one]) => one.gold),
    standing: standingOf(shared.map(([one, two]) => [one.samples, two.samples])),
  };
}

function responsesOf(
  { run, against, arm, own, other, runs }: ArmPair,
  { comparable }: { readonly comparable: (gold: string) => boolean },
): ChangedResponse[] {
  const others = new Map(other.records.map((record) => [keyOf(record), record]));
  const gold = goldsOf(own).find((name) => goldsOf(other).includes(name) && comparable(name));
  const baselines = runs.map(({ answers, baseline }) => {
    const found = answers.find(({ name }) => name === baseline && name !== arm);
    return found && new Map(found.records.map((record) => [keyOf(record), record]));
  });
  return own.records.flatMap((record) => {
    const partner = others.get(keyOf(record));
    if (partner === undefined) return [];
    const outcomes = [record, partner].map((one, i) => outcomeOf(one, baselines[i], gold));
    return [
      {
        ...{ arm, run, against },
        prompt: plainText(record.prompt),
        responses: [record.response, partner.response] as const,
        gold: gold === undefined ? null : ([record.gold[gold]!, partner.gold[gold]!] as const),
        outcome: outcomes.includes(null) ? null : (outcomes as [number, number]),
        distance: wordDistance(record.response, partner.response),
      },
    ];
  });
}

const keyOf = ({ promptId, sample }: ArmRecord) => `${promptId}/${sample}`;

function outcomeOf(
  record: ArmRecord,
  baseline: ReadonlyMap<string, ArmRecord> | undefined,
  gold: string | undefined,
): number | null {
  const other = baseline?.get(keyOf(record));
  if (other === undefined || gold === undefined) return null;
  return Math.sign(record.gold[gold]! - other.gold[gold]!);
}

/** 1 - 2 · words in common / all words (Dice 1945, on words with their numbers); 0 for equal texts. */
export function wordDistance(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [a, b].map((text) => text.split(/\s+/).filter((word) => word !== ""));
  const rest = new Map<string, number>();
  for (const word of right!) rest.set(word, (rest.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of left!) {
    const count = rest.get(word) ?? 0;
    if (count === 0) continue;
    common++;
    rest.set(word, count - 1);
  }
  const all = left!.length + right!.length;
  return all === 0 ? 0 : 1 - (2 * common) / all;
}
