/**
 * Before a teacher in few bits labels anything, it and the same teacher in float32 score some pairs: how far its margins are from those, and how
 * many labels would turn round. Shown to be more than asked, it is refused (docs/decisions/0021).
 */
import { join } from "node:path";
import { z } from "zod";
import { sha256 } from "../../base/core/digest.ts";
import { AlignError } from "../../base/core/errors.ts";
import { valueKind } from "../../base/files/value-file.ts";
import { binomialLowerBound, binomialUpperBound } from "../../base/stats/binomial.ts";
import type { CandidatePair } from "../data/rows.ts";
import { CANARY_PAIRS, PRECISIONS, type Precision } from "./precisions.ts";
import { isBlocked, type PairScore, type Teacher } from "./teacher.ts";

/** What two precisions say of the same pairs; pairs that no label can be made of are not counted. Margins in the unit of the scores. */
export const precisionChangeSchema = z.object({
  precision: z.enum(PRECISIONS),
  pairs: z.number(),
  /** Pairs on which the two prefer different sides, or one of them none. */
  turned: z.number(),
  /** Of the absolute differences between margins, and the median of float32's absolute margins to hold them against. */
  meanDifference: z.number(),
  largestDifference: z.number(),
  medianMargin: z.number(),
});

/** The same as a value. */
export type PrecisionChange = z.output<typeof precisionChangeSchema>;

/** Of a stream of pairs no more are looked at for a draw. */
const LOOKED_AT = 10_000;

/** The pairs to compare on: a draw by the digests of their ids, so that neither a file's order nor chance decides. */
export async function canaryPairs(
  pairs: Iterable<CandidatePair> | AsyncIterable<CandidatePair>,
): Promise<CandidatePair[]> {
  const drawn: { readonly rank: string; readonly pair: CandidatePair }[] = [];
  for await (const pair of pairs) if (drawn.push({ rank: sha256(pair.id), pair }) === LOOKED_AT) break;
  drawn.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return drawn.slice(0, CANARY_PAIRS).map(({ pair }) => pair);
}

/**
 * Scores pairs with a teacher in float32 and then in few bits: one of the two is in memory at a time.
 * @param open - the teacher in a precision
 * @returns the change, and the teacher in few bits, still open
 * @throws AlignError "numerics" when none of the pairs can be compared
 */
export async function comparePrecision(
  open: (precision: Precision) => Promise<Teacher>,
  pairs: readonly CandidatePair[],
  { precision, signal }: { readonly precision: Precision; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly change: PrecisionChange; readonly teacher: Teacher }> {
  const full = await open("float32");
  const scores = await full.scorePairs(pairs, signal).finally(() => full.close());
  const teacher = await open(precision);
  try {
    return { change: precisionChange(precision, scores, await teacher.scorePairs(pairs, signal)), teacher };
  } catch (error) {
    await teacher.close();
    throw error;
  }
}

/** Of a pair's scores what is compared. */
type Compared = Pick<PairScore, "scoreA" | "scoreB" | "flags">;

/** What became of the margins. @throws AlignError "numerics" when none of the pairs can be compared */
export function precisionChange(
  precision: Precision,
  full: readonly Compared[],
  few: readonly Compared[],
): PrecisionChange {
  const counted = full.flatMap((score, i) =>
    isBlocked(score.flags) ? [] : [[marginOf(score), marginOf(few[i]!)] as const],
  );
  if (counted.length === 0)
    throw new AlignError(
      "numerics",
      `precision ${precision}: none of ${full.length} pairs can be compared with float32, since each is cut, empty or the same twice. Raise the token limits, or label in float32.`,
    );
  const differences = counted.map(([a, b]) => Math.abs(a - b));
  const sorted = counted.map(([a]) => Math.abs(a)).sort((a, b) => a - b);
  return {
    precision,
    pairs: counted.length,
    turned: counted.filter(([a, b]) => Math.sign(a) !== Math.sign(b)).length,
    meanDifference: differences.reduce((sum, one) => sum + one, 0) / differences.length,
    largestDifference: differences.reduce((most, one) => Math.max(most, one), 0),
    medianMargin: sorted[sorted.length >> 1]!,
  };
}

const marginOf = ({ scoreA, scoreB }: Compared): number => scoreA - scoreB;

/**
 * Refuses fewer bits that turn more labels than asked: where even the lower 95 % bound (Clopper & Pearson 1934) of the turned share is above it,
 * for one label of few pairs shows nothing yet.
 * @param most - share of labels in [0, 1]
 * @param gold - the gold scorer that it is of; none: a teacher's
 * @throws AlignError "numerics"
 */
export function checkTurned(change: PrecisionChange, most: number, gold?: string): void {
  const { precision, pairs, turned } = change;
  if (binomialLowerBound(turned, pairs) <= most) return;
  throw new AlignError(
    "numerics",
    `${gold === undefined ? "" : `${gold}: `}precision ${precision}: ${changeInWords(change)}. Expected at most ${percent(most)} turned. ${
      gold === undefined
        ? "Nothing was labelled. Label in float32, or allow more (--max-turned, max_turned)."
        : "Nothing was scored. Score in float32, or allow more (max_turned)."
    }`,
  );
}

/** A change in a sentence, with what so many pairs cannot exclude. */
export function changeInWords(change: PrecisionChange): string {
  const { pairs, turned, meanDifference, largestDifference, medianMargin } = change;
  const [mean, largest, median] = [meanDifference, largestDifference, medianMargin].map((x) =>
    x.toPrecision(2),
  );
  const bound = percent(binomialUpperBound(turned, pairs));
  return `of ${pairs} labels ${turned} turn beside float32's (${percent(turned / pairs)}, of all labels below ${bound} with 95 % confidence); margins differ by ${mean} on average and ${largest} at most, and half of float32's are below ${median}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Name of the file of a change, beside the scores that were made after it. */
export const PRECISION_FILE = "precision.json";
const CHANGE = valueKind({ what: PRECISION_FILE, schema: precisionChangeSchema });

/** What a folder of scores says of its teacher's precision; undefined of one in float32. */
export const readPrecision = (folder: string): Promise<PrecisionChange | undefined> =>
  CHANGE.readIfThere(join(folder, PRECISION_FILE));
