/** Rows that training stages read: where they come from, in token ids, and how many steps are taken over them. */

import { DataError } from "../../base/core/errors.ts";
import { writeJsonAtomic } from "../../base/core/files.ts";
import { encodePair, encodePromptResponse, type PairFlag, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import { setAside } from "../../method/split/set-aside.ts";
import { stepsOf } from "../../method/train/order.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";

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
const UNUSABLE: readonly PairFlag[] = ["empty_a", "empty_b", "empty_response", "identical"];

/** Rows that can be trained on, as they are and in token ids. */
export type EncodedRows = { readonly kept: readonly TrainingRow[]; readonly tokenRows: readonly TokenRow[] };

type Encode = (rows: readonly TrainingRow[]) => EncodedRows;

/** What a training stage reads: rows to train on, rows set aside to validate on, and how many steps are taken. */
export type TrainingParts = {
  readonly training: EncodedRows;
  readonly validation: EncodedRows | undefined;
  /** With the steps of the whole, where rows ask for them; schedules and warm-up follow. */
  readonly settings: TrainSettings;
};

/**
 * Reads the rows of a training stage, and writes into `rows.json` how many of them are used.
 * @throws DataError when none is left to train on, or to validate on; ConfigError as `setAside`
 */
export async function trainingParts(
  work: WorkFolder,
  request: { readonly name: string; readonly rows: RowSource; readonly settings: TrainSettings },
  encode: Encode,
): Promise<TrainingParts> {
  const { name, rows, settings } = request;
  const divide = (some: readonly TrainingRow[]) =>
    settings.validation === undefined
      ? { training: some, validation: undefined }
      : setAside(some, { share: settings.validation.share, seed: settings.seed, where: name });
  const read = await rows.read();
  const parts = divide(read);
  const training = encode(parts.training);
  const validation = parts.validation && encode(parts.validation);
  const total = parts.training.length;
  if (training.kept.length === 0)
    throw new DataError(
      name,
      0,
      `none of ${total} rows can be trained on: every label is a tie, abstained or empty.`,
    );
  if (validation?.kept.length === 0)
    throw new DataError(
      name,
      0,
      `none of ${parts.validation!.length} rows set aside by validation.share can be measured on: each is empty, or has two equal responses. Set a larger share aside.`,
    );
  await writeJsonAtomic(work.path("rows.json"), {
    rows: read.length,
    used: training.kept.length,
    ...(validation && { validation: validation.kept.length }),
    leftOut: read.length - training.kept.length - (validation?.kept.length ?? 0),
    badRows: rows.badRows?.() ?? 0,
  });
  if (rows.whole === undefined) return { training, validation, settings };
  const whole = encode(divide(await rows.whole()).training).kept.length;
  return { training, validation, settings: { ...settings, maxSteps: stepsOf(whole, settings).steps } };
}

/** Chosen responses in token ids, without those that cannot be trained on. */
export function encodeResponses(
  tokenizer: Tokenizer,
  rows: readonly TrainingRow[],
  limits: TokenLimits,
): EncodedRows {
  const encoded = rows.map(({ prompt, chosen }) =>
    encodePromptResponse(tokenizer, { prompt, response: chosen }, limits),
  );
  const usable = encoded.map(({ flags }) => !flags.some((flag) => UNUSABLE.includes(flag)));
  return {
    kept: rows.filter((_, i) => usable[i]),
    tokenRows: encoded
      .filter((_, i) => usable[i])
      .map(({ prompt, response }) => ({ prompt, responses: [response] })),
  };
}

/** Pairs in token ids, without those that cannot be trained on. */
export function encodeRows(
  tokenizer: Tokenizer,
  rows: readonly TrainingRow[],
  limits: TokenLimits,
): EncodedRows {
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
