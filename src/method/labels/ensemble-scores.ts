/**
 * An ensemble's word on each pair as a folder of scores like any teacher's, so that selection, weights and files are made of it by the
 * code that makes them of one teacher. The score of a candidate is the logarithm of the members' mean calibrated probability, so the
 * margin is its log-odds and tanh(margin / 2) = 2p - 1, CW-PO's weight. What the members disagree on is written beside.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { AlignError } from "../../base/core/errors.ts";
import { writeFileAtomic } from "../../base/core/files.ts";
import { shardPath } from "../../base/core/shard-work.ts";
import { rowReader } from "../../base/files/row-file.ts";
import { serializeScores } from "../teacher/score-file.ts";
import { manifestOf, writeManifest } from "../teacher/scores-folder.ts";
import type { Shard } from "../teacher/shards.ts";
import { type PairScore, type TeacherManifest, teacherDigest } from "../teacher/teacher.ts";
import { combineLabels, type EnsembleUncertainty } from "./ensemble.ts";
import { type Label, undoSelection } from "./label.ts";

/** One pair with every member's label of it, each calibrated by the member's own calibrator. */
export type EnsemblePair = {
  readonly labels: readonly Label[];
  readonly lengthA: number;
  readonly lengthB: number;
  /** Tokens that all members read. */
  readonly tokens: number;
};

/** How members differ on a pair; a line of `uncertainty.jsonl`. Entropies in nats. */
export type PairUncertainty = EnsembleUncertainty & {
  readonly id: string;
  /** The members' calibrated P(a), in their order. */
  readonly pA: readonly number[];
};

/** Means over pairs that have a label by somebody; null where there are none. */
export const uncertaintySchema = z.object({
  members: z.number(),
  pairs: z.number(),
  /** Mean share of members with the majority, in [0.5, 1]. */
  agreement: z.number().nullable(),
  /** Mean entropies: of the mean probability, within members, between them. */
  total: z.number().nullable(),
  expected: z.number().nullable(),
  mutualInformation: z.number().nullable(),
});

/** The same as a value. */
export type UncertaintySummary = z.output<typeof uncertaintySchema>;

/** Name of the file of uncertainties beside labels. */
export const UNCERTAINTY_FILE = "uncertainty.jsonl";

/** What is read of it: how much a pair divides the members, nats. The rest is for people. */
export const UNCERTAINTIES = rowReader({
  what: "uncertainty",
  schema: z.object({ id: z.string(), mutualInformation: z.number().nonnegative() }),
  fix: "Label the pool again.",
});

const SHARD = 512;
/** Probabilities of exactly 0 or 1 (isotonic fits have them) would be infinite scores. */
const LEAST = 2 ** -40;

/** The combined score of one pair, and how its members differ. */
export function ensembleScore(
  pair: EnsemblePair,
  name: string,
): { score: PairScore; uncertainty: PairUncertainty } {
  // The probability of a label that a selection left out is as good as any.
  const members = pair.labels.map(undoSelection);
  const { label, uncertainty } = combineLabels(members, name);
  // The nearer to ½ of p and 1 - p is exact on either side, so that swapping a and b swaps the scores to the last bit.
  const high = Math.min(1 - LEAST, Math.max(label.pA, 1 - label.pA));
  const [scoreHigh, scoreLow] = [Math.log(high), Math.log(1 - high)];
  const first = label.pA >= 0.5;
  return {
    score: {
      id: label.id,
      scoreA: first ? scoreHigh : scoreLow,
      scoreB: first ? scoreLow : scoreHigh,
      lengthA: pair.lengthA,
      lengthB: pair.lengthB,
      tokens: pair.tokens,
      flags: label.flags,
    },
    uncertainty: {
      id: label.id,
      ...uncertainty,
      pA: members.map(({ pA }) => pA),
    },
  };
}

/** Where combined scores go. */
export type EnsembleTarget = {
  /** Folder of scores, read with `readScores`. */
  readonly folder: string;
  /** Folder of `uncertainty.jsonl`; undefined writes none. */
  readonly uncertainty?: string;
  readonly name: string;
  /** Of the manifest: a cascade is an ensemble of whoever has the word. */
  readonly kind?: "ensemble" | "cascade";
  /** Digests of the members and what their calibrators are: all that the combined scores depend on. */
  readonly settings: Readonly<Record<string, unknown>>;
};

/** Combines pair by pair, in the order of the pairs; memory does not grow with them. */
export async function writeEnsembleScores(
  { folder, uncertainty, name, kind = "ensemble", settings }: EnsembleTarget,
  pairs: AsyncIterable<EnsemblePair> | Iterable<EnsemblePair>,
): Promise<UncertaintySummary> {
  const manifest: TeacherManifest = { kind, code: "1", lengthUnit: "tokens", settings };
  const shards: Shard[] = [];
  const mean = summary();
  let chunk: PairScore[] = [];
  const flush = async () => {
    if (chunk.length === 0) return;
    const text = serializeScores(chunk);
    const digest = createHash("sha256")
      .update(`${teacherDigest(manifest)}\n${text}`)
      .digest("hex");
    const shard = { digest, pairs: chunk.length };
    await writeFileAtomic(shardPath(folder, digest), text);
    shards.push(shard);
    chunk = [];
  };
  async function* lines(): AsyncGenerator<Uint8Array> {
    for await (const pair of pairs) {
      const combined = ensembleScore(pair, name);
      mean.add(combined.uncertainty);
      chunk.push(combined.score);
      if (chunk.length === SHARD) await flush();
      const { pA: p_a, ...row } = combined.uncertainty;
      yield Buffer.from(`${JSON.stringify({ ...row, p_a })}\n`);
    }
    await flush();
  }
  if (uncertainty === undefined) for await (const _ of lines());
  else await writeFileAtomic(join(uncertainty, UNCERTAINTY_FILE), lines());
  await writeManifest(folder, manifestOf({ name, manifest }, SHARD, shards));
  return mean.value();
}

function summary() {
  const sums = { pairs: 0, agreement: 0, total: 0, expected: 0, mutualInformation: 0 };
  let members = 0;
  return {
    add(one: PairUncertainty): void {
      members = one.members;
      if (one.agreement === null) return;
      sums.pairs++;
      sums.agreement += one.agreement;
      sums.total += one.total;
      sums.expected += one.expected;
      sums.mutualInformation += one.mutualInformation;
    },
    value(): UncertaintySummary {
      const of = (sum: number) => (sums.pairs === 0 ? null : sum / sums.pairs);
      return {
        members,
        pairs: sums.pairs,
        agreement: of(sums.agreement),
        total: of(sums.total),
        expected: of(sums.expected),
        mutualInformation: of(sums.mutualInformation),
      };
    },
  };
}

/**
 * Goes through several readings of the same pairs side by side.
 * @throws AlignError when they are not about the same pairs in the same order
 */
export async function* together<T extends { readonly id: string }>(
  readings: readonly (AsyncIterable<T> | Iterable<T>)[],
): AsyncGenerator<T[]> {
  const iterators = readings.map((reading) => iterate(reading));
  for (;;) {
    const steps = await Promise.all(iterators.map((iterator) => iterator.next()));
    const items = steps.flatMap((step) => (step.done === true ? [] : [step.value]));
    if (items.length === 0) return;
    const [first] = items;
    if (items.length !== readings.length || items.some(({ id }) => id !== first!.id))
      throw new AlignError(
        "data",
        `ensemble: pair ${JSON.stringify(first!.id)} is not labelled by every teacher in the same order, expected the same pairs. Label the same pool with each.`,
      );
    yield items;
  }
}

async function* iterate<T>(reading: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* reading;
}
