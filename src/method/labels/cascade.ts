/**
 * Two teachers as one: the cheap one's word stays where it is sure, the other one's counts on the rest. The second's curve is fitted on those
 * held-out pairs alone that the first left to it: they are harder than the rest. What comes out are log-odds, as an ensemble's; one more
 * curve over both is the reader's to fit.
 */
import { z } from "zod";
import { ConfigError } from "../../base/core/errors.ts";
import {
  type AgreementShare,
  agreementShareSchema,
  clusteredShare,
} from "../../base/stats/clustered-share.ts";
import type { PairScore } from "../teacher/teacher.ts";
import type { CalibrationMethod, Calibrator } from "./calibration.ts";
import { type EnsemblePair, ensembleScore } from "./ensemble-scores.ts";
import { fitOn, type JudgedLabel, judgedLabels, LEAST_HELD_OUT } from "./held-out-fit.ts";
import { isDecided, type Label, labelFromScores } from "./label.ts";

/** Confidence from which a cheap teacher's label stays, in [0.5, 1], where nobody says otherwise. */
export const SURE = 0.9;

/** The name and the kind of a cascade on its labels. */
export const CASCADE = "cascade";

/** True where a calibrated label is at least so sure, whichever side it takes. */
export const isSure = (label: Label, sure: number): boolean =>
  isDecided(label) && Math.max(label.pA, 1 - label.pA) >= sure;

/** What a cascade cost, and what it is worth beside each teacher alone: of the same held-out pairs, that both decided. */
export const cascadeWorthSchema = z.object({
  sure: z.number(),
  /** Pairs of the pool, and those that the second teacher read. */
  pairs: z.number(),
  asked: z.number(),
  /** Tokens that each teacher read of the pool. */
  tokens: z.object({ first: z.number(), second: z.number() }),
  heldOut: z.object({
    /** Pairs that were left to the second teacher and that it decided. */
    asked: z.number(),
    first: agreementShareSchema,
    second: agreementShareSchema,
    cascade: agreementShareSchema,
  }),
});

/** The same as a value. */
export type CascadeWorth = z.output<typeof cascadeWorthSchema>;

type HeldOutWorth = CascadeWorth["heldOut"];

/** What is known of the held-out pairs. */
export type CascadeHeldOut = {
  /** The first teacher's calibrated labels. */
  readonly first: readonly Label[];
  /** The second teacher's, uncalibrated. */
  readonly second: readonly Label[];
  readonly human: ReadonlyMap<string, "a" | "b" | "tie">;
  /** The prompt (or group) of each. */
  readonly units: ReadonlyMap<string, string>;
};

/** The second teacher's curve, and the held-out pairs with the margins that the pool's have. */
export type FittedCascade = {
  readonly calibrator: Calibrator;
  readonly judged: readonly JudgedLabel[];
  readonly heldOut: HeldOutWorth;
};

/**
 * Fits the second teacher's curve on what the first left to it.
 * @param where - how `sure` is called, for messages
 * @throws ConfigError when too few held-out pairs are left to the second teacher to fit its curve on
 */
export function fitCascade(
  { sure, where }: { readonly sure: number; readonly where: string },
  method: CalibrationMethod,
  { first, second, human, units }: CascadeHeldOut,
): FittedCascade {
  const kept = new Map(first.flatMap((label) => (isSure(label, sure) ? [[label.id, label] as const] : [])));
  const own = judgedLabels(second, human, units);
  const left = own.filter(({ label }) => !kept.has(label.id));
  if (left.length < LEAST_HELD_OUT)
    throw new ConfigError(
      `${where} ${sure}: leaves ${left.length} of the labelled pairs to the second teacher, expected at least ${LEAST_HELD_OUT} to calibrate it on. Raise it, or give more labelled pairs.`,
    );
  const calibrator = fitOn(method, left);
  const held = second.map((label) => {
    const word = kept.get(label.id) ?? labelFromScores(label, { calibrate: calibrator.apply });
    const { scoreA, scoreB } = ensembleScore(
      { labels: [word], lengthA: 0, lengthB: 0, tokens: 0 },
      CASCADE,
    ).score;
    return labelFromScores({ id: label.id, scoreA, scoreB, flags: word.flags, teacher: CASCADE });
  });
  const judged = judgedLabels(held, human, units);
  const firsts = judgedLabels(first, human, units);
  const ids = new Set(firsts.map(({ label }) => label.id));
  const both = new Set(own.flatMap(({ label }) => (ids.has(label.id) ? [label.id] : [])));
  const on = (list: readonly JudgedLabel[]) => agreement(list.filter(({ label }) => both.has(label.id)));
  const heldOut = { asked: left.length, first: on(firsts), second: on(own), cascade: on(judged) };
  return { calibrator, judged, heldOut };
}

/** A pair as the first teacher left it. */
export type FirstWord = { readonly label: Label; readonly score: PairScore };

/**
 * Each pair with the label of whoever has the word, in the order of the first teacher's.
 * @param second - scores of at least the pairs that the first is not sure of, in the same order
 * @param how.finish - the second teacher's calibrated label of a score
 * @param how.tokens - what each teacher read of these pairs is added here
 */
export async function* cascadePairs(
  firsts: AsyncIterable<FirstWord>,
  second: AsyncGenerator<PairScore>,
  how: {
    readonly sure: number;
    readonly finish: (score: PairScore) => Label;
    readonly tokens?: { first: number; second: number };
  },
): AsyncGenerator<EnsemblePair> {
  const { sure, finish, tokens = { first: 0, second: 0 } } = how;
  for await (const { label, score } of firsts) {
    const { lengthA, lengthB } = score;
    tokens.first += score.tokens;
    if (isSure(label, sure)) {
      yield { labels: [label], lengthA, lengthB, tokens: score.tokens };
      continue;
    }
    const other = await scoreOf(second, label.id);
    tokens.second += other.tokens;
    yield { labels: [finish(other)], lengthA, lengthB, tokens: score.tokens + other.tokens };
  }
}

async function scoreOf(scores: AsyncGenerator<PairScore>, id: string): Promise<PairScore> {
  for (;;) {
    const { value, done } = await scores.next();
    if (done === true) throw new Error(`internal: the second teacher's scores lack ${id}`);
    if (value.id === id) return value;
  }
}

function agreement(judged: readonly JudgedLabel[]): AgreementShare {
  const agrees = judged.map(({ label, prefersA }) => (label.preferred === "a") === prefersA);
  const share = clusteredShare(
    agrees,
    judged.map(({ unit }) => unit),
  );
  return { agree: agrees.filter(Boolean).length, n: judged.length, share };
}
