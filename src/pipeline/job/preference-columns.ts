/** What a preference loss reads beside the policy, of training rows and of validation rows alike; computed before any update and kept until the stage is done. */
import { join } from "node:path";
import { DataError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import type { Model } from "../../engine/model/model.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import type { ResolvedLossSpec } from "../../method/objective/loss-spec.ts";
import { lossInputs } from "../../method/objective/preference.ts";
import { openScorer, type RowScore } from "../../method/objective/score.ts";
import { mismatchedRows, type PreferencePairs } from "../../method/train/preference-data.ts";
import type { StageTools } from "../stages/define.ts";
import type { WorkFolder } from "../stages/stage.ts";
import { type RatioModels, teacherLogratios } from "./teacher-logratios.ts";
import type { EncodedRows, TrainingRow } from "./training-rows.ts";

/** What columns are made with. */
export type ColumnSetup = {
  readonly deps: StageTools;
  readonly work: WorkFolder;
  /** Name of the stage, for messages. */
  readonly name: string;
  /** The model that training starts from: the reference. */
  readonly policy: Model;
  /** Folder of that model: its tokenizer made the rows. */
  readonly student: string;
  readonly loss: ResolvedLossSpec;
  readonly seed: number;
  /** The teacher's models, for wspo. */
  readonly teacher: RatioModels | undefined;
};

/**
 * Pairs with the columns that a loss reads.
 * @param part - "" or "validation-": before the names of the files in which columns are kept
 * @throws DataError when a row lacks a weight or a probability that the loss reads
 */
export async function preferencePairs(
  setup: ColumnSetup,
  { kept, tokenRows }: EncodedRows,
  part: "" | "validation-" = "",
): Promise<PreferencePairs> {
  const { name, student } = setup;
  const wanted = lossInputs(setup.loss);
  const scored = (rows: readonly TokenRow[], file: string, perToken = false) =>
    referenceScores(setup, rows, `${part}${file}`, perToken);
  const mismatched = async () => {
    // Responses beside prompts that are not theirs: KTO's estimate of the KL.
    const rows = mismatchedRows(tokenRows, setup.seed);
    return { rows, reference: (await scored(rows, "mismatched.json")).map(({ logps }) => logps[0]!) };
  };
  return {
    rows: tokenRows,
    reference: wanted.has("reference")
      ? await scored(tokenRows, "reference.json", wanted.has("tokens"))
      : undefined,
    weights: wanted.has("weights") ? kept.map((row) => required(name, row, "weight")) : undefined,
    mismatched: wanted.has("klEstimate") ? await mismatched() : undefined,
    softLabels: wanted.has("pChosen") ? kept.map((row) => required(name, row, "pChosen")) : undefined,
    teacherLogratios: wanted.has("tokens")
      ? await teacherLogratios(setup.deps, setup.work, ratiosOf(setup), student, tokenRows, part)
      : undefined,
  };
}

function ratiosOf({ name, teacher }: ColumnSetup): RatioModels {
  if (teacher === undefined) throw new Error(`internal: ${name} has a loss that needs a teacher's models`);
  return teacher;
}

type ReferenceScore = {
  readonly logps: readonly number[];
  readonly perToken?: readonly (readonly number[])[];
};

const REFERENCE_CHUNK = 512;

async function referenceScores(
  { deps, work, policy }: ColumnSetup,
  rows: readonly TokenRow[],
  name: string,
  perToken: boolean,
): Promise<ReferenceScore[]> {
  const file = join(work.scratch, name);
  if (await exists(file)) return (await readJson(file, 2 ** 32)) as ReferenceScore[];
  const scorer = await openScorer(deps.runtime(), policy, { perToken });
  const progress = deps.log.progress("reference", rows.length, "pairs");
  const scores: ReferenceScore[] = [];
  for (let start = 0; start < rows.length; start += REFERENCE_CHUNK) {
    const chunk = await scorer.score(rows.slice(start, start + REFERENCE_CHUNK));
    // Lists, not typed arrays, which JSON would keep as objects.
    const lists = ({ perToken: tokens }: RowScore) =>
      tokens === undefined ? {} : { perToken: tokens.map((one) => Array.from(one)) };
    scores.push(...chunk.map((score) => ({ logps: score.logps, ...lists(score) })));
    progress.update(scores.length);
  }
  progress.end();
  await writeJsonAtomic(file, scores);
  return scores;
}

function required(name: string, row: TrainingRow, column: "weight" | "pChosen"): number {
  const value = row[column];
  if (value === undefined)
    throw new DataError(name, 0, `row ${row.id} has no ${column}, which the loss reads.`);
  return value;
}
