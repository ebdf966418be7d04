/**
 * An audit from top to bottom: rows and folds, the base model, for each fold a teacher that never saw it and its scores, then the
 * judgement. Every step is a stage: an interrupted audit goes on, and another calibration trains nothing.
 */

import { trimVocabulary } from "../../../engine/checkpoint/derive.ts";
import type { TokenLimits } from "../../../engine/text/pair.ts";
import { toCandidates } from "../../../method/data/candidates.ts";
import { plainText } from "../../../method/data/rows.ts";
import { openTeacher } from "../../../method/teacher/choice.ts";
import { checkModels } from "../../job/model-checks.ts";
import { baseModel, inModelFolder, type ModelFolderRef, shallowModel } from "../../job/model-stages.ts";
import { scoreInto, trainedChoice } from "../../job/scores-stage.ts";
import { preferStage, rewardStage, sftStage } from "../../job/train-stages.ts";
import { defineRows, type RowSource } from "../../job/training-rows.ts";
import { defineStage, type Ref, type Running } from "../../stages/define.ts";
import type { JobDeps } from "../../stages/deps.ts";
import type { Artefact } from "../../stages/stage.ts";
import { auditVerdictStage } from "./judge.ts";
import { auditDataStage, readAuditRows } from "./rows.ts";
import type { AuditRequest } from "./settings.ts";

/** What an audit made. */
export type AuditResult = {
  readonly data: Artefact;
  /** Scores of each fold, by its own teacher. */
  readonly scores: readonly Artefact[];
  /** `suspects.jsonl` and `audit.json`. */
  readonly judged: Artefact;
};

/** Runs (or plans) an audit. */
export async function runAuditStages(deps: JobDeps, request: AuditRequest): Promise<AuditResult> {
  await checkModels([request.model.source], request.limits, "language-model");
  const data = await auditDataStage(deps, request);
  const base = await shallowModel(deps, request.model, await baseModel(deps, request.model.source));
  const trimmed = { name: "audit-vocabulary", config: {}, inputs: { model: base, data } };
  const model = request.model.vocabulary === "trim" ? inModelFolder(await trimming(deps, trimmed)) : base;
  const scores: Artefact[] = [];
  for (let fold = 0; fold < request.folds; fold++)
    scores.push(await foldScores(deps, request, data, model, fold));
  return { data, scores, judged: await auditVerdictStage(deps, request, data, scores) };
}

type Trimming = Running<Record<string, never>, { readonly model: Ref; readonly data: Artefact }>;

/** The model with the data's tokens only. */
const trimming = defineStage({
  version: 1,
  async run({ work, inputs: { model, data } }: Trimming) {
    const texts = (await readAuditRows(data)).flatMap(({ prompt, chosen, rejected }) => {
      const start = plainText(prompt);
      return [start, start + plainText(chosen), start + plainText(rejected)];
    });
    await trimVocabulary(model.folder, work.path("model"), { texts: [...new Set(texts)] });
  },
});

const otherFolds = defineRows<{ readonly fold: number }>(async ({ from, spec: { fold } }) => ({
  rows: (await readAuditRows(from)).filter((row) => row.fold !== fold),
}));

/** Trains a teacher on the other folds and scores this one with it. */
async function foldScores(
  deps: JobDeps,
  request: AuditRequest,
  data: Artefact,
  model: ModelFolderRef,
  fold: number,
): Promise<Artefact> {
  const { teacher, limits, seed } = request;
  const prefix = `audit-fold-${fold + 1}`;
  const rows = otherFolds({ from: data, spec: { fold } });
  const start = await sftStage(deps, { name: `${prefix}-sft`, model, rows, limits, settings: teacher.sft });
  const policy = await trainedOn(deps, request, { name: prefix, start, rows });
  const kind = teacher.kind;
  return scoring(deps, {
    name: `${prefix}-scores`,
    config: { kind, beta: "beta" in teacher ? teacher.beta : undefined, limits, fold, seed },
    inputs: { policy, reference: start, data },
  });
}

type Scoring = Running<
  {
    readonly kind: AuditRequest["teacher"]["kind"];
    readonly beta: number | undefined;
    readonly limits: TokenLimits;
    readonly fold: number;
    readonly seed: number;
  },
  { readonly policy: Ref; readonly reference: Ref; readonly data: Artefact }
>;

/** Scores of a fold by a teacher that never saw it. */
const scoring = defineStage({
  version: 3,
  async run({ work, config: { kind, beta, limits, fold, seed }, inputs, tools }: Scoring) {
    const held = (await readAuditRows(inputs.data)).filter((row) => row.fold === fold);
    const choice = trainedChoice({ kind, beta }, inputs);
    const name = `audit-fold-${fold + 1}`;
    const teacher = await openTeacher(tools, choice, { limits, name, replies: work.scratch });
    await scoreInto(work, tools, teacher, toCandidates(held, seed).pairs);
  },
});

/** The second step of a fold's teacher, from its SFT start; a likelihood teacher has none. */
async function trainedOn(
  deps: JobDeps,
  { teacher, limits }: AuditRequest,
  { name, start, rows }: { name: string; start: ModelFolderRef; rows: RowSource },
): Promise<ModelFolderRef> {
  const common = { model: start, rows, limits };
  switch (teacher.kind) {
    case "implicit-reward":
      return preferStage(deps, { ...common, name: `${name}-prefer`, ...teacher.prefer });
    case "reward-head":
      return rewardStage(deps, { ...common, name: `${name}-reward`, settings: teacher.reward });
    case "likelihood":
      return start;
    default:
      return teacher satisfies never;
  }
}
