/** Rows that training stages read: where they come from, in token ids, and how many steps are taken over them. */

import { encodePair, type PairFlag, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import { stepsOf } from "../../method/train/order.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { Artefact } from "../stages/stage.ts";

/** A row to train on; weight and probability come from labels. */
export type TrainingRow = PreferenceRow & { readonly weight?: number; readonly pChosen?: number };

/** Rows of a stage before it, and all that they depend on. */
export type RowSource = {
  readonly from: Artefact;
  /** A second stage that they are made from. */
  readonly beside?: Artefact | undefined;
  /** How they are made from these; plain JSON, undefined where the stages alone say it. */
  readonly spec?: unknown;
  read(): Promise<readonly TrainingRow[]>;
  /** Rows of the file that `read` skipped. */
  badRows?(): number;
  /** Rows that these are a part of, where training takes as many steps as on all of them; `spec` says so. */
  readonly whole?: (() => Promise<readonly TrainingRow[]>) | undefined;
};

/** Rows that say nothing of a preference, or whose response has no tokens, are not trained on. */
export const UNUSABLE: readonly PairFlag[] = ["empty_a", "empty_b", "empty_response", "identical"];

/** Settings with the steps of the whole, where rows ask for them; schedules and warm-up follow. @param usable - rows that are trained on */
export async function withSteps(
  settings: TrainSettings,
  { whole }: RowSource,
  usable: (rows: readonly TrainingRow[]) => number,
): Promise<TrainSettings> {
  return whole === undefined
    ? settings
    : { ...settings, maxSteps: stepsOf(usable(await whole()), settings).steps };
}

/** Pairs in token ids, without those that cannot be trained on. */
export function encodeRows(
  tokenizer: Tokenizer,
  rows: readonly TrainingRow[],
  limits: TokenLimits,
): { kept: TrainingRow[]; tokenRows: TokenRow[] } {
  const kept: TrainingRow[] = [];
  const tokenRows: TokenRow[] = [];
  for (const row of rows) {
    const { prompt, a, b, flags } = encodePair(
      tokenizer,
      { prompt: row.prompt, a: row.chosen, b: row.rejected },
      limits,
    );
    if (flags.some((flag) => UNUSABLE.includes(flag))) continue;
    kept.push(row);
    tokenRows.push({ prompt, responses: [a, b] });
  }
  return { kept, tokenRows };
}
