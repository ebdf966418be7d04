/** A gold model in few bits, compared with itself in float32 before its first scores, as teachers are (docs/decisions/0021). */
import { join } from "node:path";
import { digestOf, sha256 } from "../../base/core/digest.ts";
import type { Log } from "../../base/core/log.ts";
import { valueKind } from "../../base/files/value-file.ts";
import { sameText } from "../data/rows.ts";
import {
  changeInWords,
  checkTurned,
  type PrecisionChange,
  precisionChange,
  precisionChangeSchema,
} from "../teacher/precision.ts";
import type { FewBits } from "../teacher/precision-settings.ts";
import { CANARY_PAIRS } from "../teacher/precisions.ts";
import type { GoldItem } from "./gold-scorer.ts";

/** Told of the flags of each item. */
export type CutCheck = (index: number, flags: readonly string[]) => void;

/** Scores items with one model. */
export interface GoldReader {
  score(items: readonly GoldItem[], cut: CutCheck): Promise<number[]>;
  close(): Promise<void>;
}

/** What is compared, and where it is kept. */
export type GoldPrecision = {
  /** For messages: the scorer. */
  readonly where: string;
  readonly few: FewBits;
  /** All that the comparison depends on. */
  readonly identity: unknown;
  /** Folder that keeps comparisons, so that a run makes one of each scorer; without it each opened scorer makes its own. */
  readonly memory: string | undefined;
  readonly log: Log | undefined;
};

const CHANGE = valueKind({ what: "a comparison of precisions", schema: precisionChangeSchema });

/**
 * Compares before the first scores: until they are asked for nothing is known of what will be scored.
 * @param reader - in few bits
 * @param openFull - the same in float32, open beside it while the two are compared
 * @returns the reader; its `score` throws AlignError "numerics" when more of the comparisons between two responses turn than asked
 */
export function comparedFirst(
  { where, few, identity, memory, log }: GoldPrecision,
  reader: GoldReader,
  openFull: () => Promise<GoldReader>,
): GoldReader {
  const key = digestOf([identity, few.kind]).slice(0, 16);
  const file = memory && join(memory, `gold-precision-${key}.json`);
  let known: PrecisionChange | undefined;
  const compare = async (pairs: readonly ItemPair[]) => {
    log?.info(`${where}: ${few.kind}: ${pairs.length} pairs of responses are scored in float32 first`);
    const full = await openFull();
    const scores = await scorePairs(full, pairs).finally(() => full.close());
    const change = precisionChange(few.kind, scores, await scorePairs(reader, pairs));
    if (file !== undefined) await CHANGE.write(file, change);
    log?.info(`${where}: ${few.kind}: ${changeInWords(change)}`);
    return change;
  };
  return {
    async score(items, cut) {
      const pairs = comparedPairs(items);
      if (file !== undefined) known ??= await CHANGE.readIfThere(file);
      // Of one response there is nothing to turn, and it says nothing of others.
      if (pairs.length > 0) known ??= await compare(pairs);
      if (known !== undefined) checkTurned(known, few.maxTurned, where);
      return reader.score(items, cut);
    },
    close: () => reader.close(),
  };
}

type ItemPair = readonly [GoldItem, GoldItem];

/**
 * Pairs of responses to compare on: neighbours of one prompt, or any neighbours where no prompt has two; of many a draw by their digests,
 * so that no order decides.
 */
export function comparedPairs(items: readonly GoldItem[]): ItemPair[] {
  const ofOne = neighbours(items, (a, b) => sameText(a.prompt, b.prompt));
  const pairs = ofOne.length > 0 ? ofOne : neighbours(items, () => true);
  const ranked = pairs.map((pair) => ({ pair, rank: sha256(JSON.stringify(pair)) }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked.slice(0, CANARY_PAIRS).map(({ pair }) => pair);
}

function neighbours(items: readonly GoldItem[], together: (a: GoldItem, b: GoldItem) => boolean): ItemPair[] {
  const pairs: ItemPair[] = [];
  for (let i = 1; i < items.length; i++)
    if (together(items[i - 1]!, items[i]!)) pairs.push([items[i - 1]!, items[i++]!]);
  return pairs;
}

async function scorePairs(reader: GoldReader, pairs: readonly ItemPair[]) {
  // What does not fit is told of when it is scored to be kept.
  const scores = await reader.score(pairs.flat(), () => {});
  return pairs.map((_, i) => ({ scoreA: scores[2 * i]!, scoreB: scores[2 * i + 1]!, flags: [] }));
}
