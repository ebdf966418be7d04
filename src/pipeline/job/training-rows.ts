/** Rows that training stages read: where they come from, in token ids, and how many steps are taken over them. */

import { z } from "zod";
import { DataError } from "../../base/core/errors.ts";
import { type Log, silentLog } from "../../base/core/log.ts";
import { encodePair, encodePromptResponse, type PairFlag, type TokenLimits } from "../../engine/text/pair.ts";
import type { Tokenizer } from "../../engine/text/tokenizer.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import type { PreferenceRow } from "../../method/data/rows.ts";
import { setAside } from "../../method/split/set-aside.ts";
import { stepsOf } from "../../method/train/order.ts";
import type { TrainSettings } from "../../method/train/settings.ts";
import type { Digested } from "../stages/define.ts";
import type { Artefact, WorkFolder } from "../stages/stage.ts";
import { jsonFile } from "../stages/stage-file.ts";

/** A row to train on; weight and probability come from labels. */
export type TrainingRow = PreferenceRow & { readonly weight?: number; readonly pChosen?: number };

/** Rows as they were read. */
export type ReadRows = {
  readonly rows: readonly TrainingRow[];
  /** Rows of the file that were skipped; default none. */
  readonly badRows?: number;
  /** Rows that these are a part of, where training takes as many steps as on all of them; `spec` says so. */
  readonly whole?: readonly TrainingRow[] | undefined;
};

/** What rows are made from: stages before, or a file of the user's with its digest. */
type RowInput = Artefact | Digested<unknown>;

/** Rows that a stage trains on, before they are read. They are made by `defineRows` alone, so they hold all that they depend on. */
export type RowSource = RowOrigin<unknown, RowInput> & { read(log?: Log): Promise<ReadRows> };

type RowOrigin<Spec, From extends RowInput> = {
  /** How they are made from the others; plain JSON, undefined where these alone say it. */
  readonly spec: Spec;
  readonly from: From;
  /** A second stage that they are made from. */
  readonly beside?: Artefact | undefined;
};

/** Defines how rows of a kind are read. `read` stands at the top of a module, as a stage's `run`: it sees what the key of the training holds. */
export const defineRows =
  <Spec = undefined, From extends RowInput = Artefact>(
    read: (origin: RowOrigin<Spec, From>, log: Log) => Promise<ReadRows>,
  ) =>
  (origin: RowOrigin<Spec, From>): RowSource => ({
    ...origin,
    read: (log = silentLog) => read(origin, log),
  });

/** How many rows of a training stage were used. */
export const ROWS_USED = jsonFile(
  "rows.json",
  z.object({
    rows: z.number(),
    used: z.number(),
    validation: z.number().optional(),
    leftOut: z.number(),
    /** Those of them that a trainer of others left out. */
    leftOutByTrainer: z.number().optional(),
    badRows: z.number(),
  }),
);

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
  {
    name,
    rows: read,
    settings,
  }: { readonly name: string; readonly rows: ReadRows; readonly settings: TrainSettings },
  encode: Encode,
): Promise<TrainingParts> {
  const { rows, badRows = 0, whole } = read;
  const divide = (some: readonly TrainingRow[]) =>
    settings.validation === undefined
      ? { training: some, validation: undefined }
      : setAside(some, { share: settings.validation.share, seed: settings.seed, where: name });
  const parts = divide(rows);
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
  await ROWS_USED.write(work, {
    rows: rows.length,
    used: training.kept.length,
    ...(validation && { validation: validation.kept.length }),
    leftOut: rows.length - training.kept.length - (validation?.kept.length ?? 0),
    badRows,
  });
  if (whole === undefined) return { training, validation, settings };
  const all = encode(divide(whole).training).kept.length;
  return { training, validation, settings: { ...settings, maxSteps: stepsOf(all, settings).steps } };
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
