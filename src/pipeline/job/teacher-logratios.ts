/**
 * What WSPO regresses the student onto: log π_teacher - log π_teacher's reference of every response token (`method/objective/wspo.ts`). Tokens
 * must be the same ones, so their tokenizers must give the same ids; which is asked of what decides ids, not of names or of the files' bytes.
 */
import { join } from "node:path";
import { CheckpointError } from "../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../base/core/files.ts";
import { loadModel } from "../../engine/checkpoint/load-model.ts";
import { type Model, releaseModel } from "../../engine/model/model.ts";
import { idsDifference } from "../../engine/text/same-ids.ts";
import type { TokenRow } from "../../method/data/packing.ts";
import { openScorer } from "../../method/objective/score.ts";
import type { StageTools } from "../stages/define.ts";
import type { WorkFolder } from "../stages/stage.ts";
import type { ModelFolderRef } from "./model-stages.ts";

/** The two models of an implicit reward. */
export type RatioModels = { readonly policy: ModelFolderRef; readonly reference: ModelFolderRef };

/** One list per response of each row, one number per token, nats. */
export type TokenLogratios = readonly (readonly (readonly number[])[])[];

const CHUNK = 512;

/**
 * Scores rows with both models, once: a stage that goes on finds them in its scratch folder.
 * @param student - folder of the model whose tokenizer made the rows
 * @param part - before the name of the file in which they are kept
 * @throws CheckpointError when a model's tokenizer gives other ids
 */
export async function teacherLogratios(
  deps: StageTools,
  work: WorkFolder,
  { policy, reference }: RatioModels,
  student: string,
  rows: readonly TokenRow[],
  part: string,
): Promise<TokenLogratios> {
  const file = join(work.scratch, `${part}teacher-logratios.json`);
  if (await exists(file)) return (await readJson(file, 2 ** 32)) as TokenLogratios;
  for (const { folder } of [policy, reference]) await checkTokenizer(folder, student);
  const trained = await tokenLogps(deps, policy, rows);
  const base = await tokenLogps(deps, reference, rows);
  const ratios = trained.map((responses, row) =>
    responses.map((logps, side) => logps.map((logp, t) => logp - base[row]![side]![t]!)),
  );
  await writeJsonAtomic(file, ratios);
  return ratios;
}

async function checkTokenizer(folder: string, student: string): Promise<void> {
  const difference = await idsDifference(folder, student);
  if (difference !== undefined)
    throw new CheckpointError(
      folder,
      `tokenises differently from the student: ${difference}; wspo compares token by token. ` +
        "Take teacher and student of one family, both with the same models.*.vocabulary.",
    );
}

async function tokenLogps(
  deps: StageTools,
  { folder }: ModelFolderRef,
  rows: readonly TokenRow[],
): Promise<number[][][]> {
  const runtime = deps.runtime();
  const model = await loadModel(runtime, folder, { id: "teacher" });
  try {
    return await tokenScores(deps, model, rows);
  } finally {
    await releaseModel(runtime, model);
  }
}

async function tokenScores(
  { runtime, log }: StageTools,
  model: Model,
  rows: readonly TokenRow[],
): Promise<number[][][]> {
  const scorer = await openScorer(runtime(), model, { perToken: true });
  const progress = log.progress("teacher, per token", rows.length, "pairs");
  const scores: number[][][] = [];
  for (let start = 0; start < rows.length; start += CHUNK) {
    const chunk = await scorer.score(rows.slice(start, start + CHUNK));
    scores.push(...chunk.map(({ perToken }) => perToken!.map((tokens) => Array.from(tokens))));
    progress.update(scores.length);
  }
  progress.end();
  return scores;
}
