/**
 * An audit from top to bottom: rows and folds, the base model, for each fold a teacher that never saw it and its scores, then the
 * judgement. Every step is a stage: an interrupted audit goes on, and another calibration trains nothing.
 */

import { writeJsonAtomic } from "../../../base/core/files.ts";
import { trimVocabulary } from "../../../engine/checkpoint/derive.ts";
import { toCandidates } from "../../../method/data/candidates.ts";
import { plainText } from "../../../method/data/rows.ts";
import { openTeacher, type TeacherChoice } from "../../../method/teacher/choice.ts";
import { labelPool } from "../../../method/teacher/score-pool.ts";
import { checkModels } from "../../job/model-checks.ts";
import { baseModel, inModelFolder, type ModelFolderRef, shallowModel } from "../../job/model-stages.ts";
import { preferStage, rewardStage, sftStage } from "../../job/train-stages.ts";
import type { JobDeps } from "../../stages/deps.ts";
import type { Artefact } from "../../stages/stage.ts";
import { judgeStage } from "./judge.ts";
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
  await checkModels([request.model.from], request.limits, "language-model");
  const data = await auditDataStage(deps, request);
  const base = await shallowModel(deps, request.model, await baseModel(deps, request.model.from));
  const model = request.model.trimVocabulary ? await trimmed(deps, base, data) : base;
  const scores: Artefact[] = [];
  for (let fold = 0; fold < request.folds; fold++)
    scores.push(await foldScores(deps, request, data, model, fold));
  return { data, scores, judged: await judgeStage(deps, request, data, scores) };
}

/** The model with the data's tokens only. */
async function trimmed(
  { pipeline }: JobDeps,
  model: ModelFolderRef,
  data: Artefact,
): Promise<ModelFolderRef> {
  const stage = await pipeline.stage({
    name: "audit-vocabulary",
    version: 1,
    config: {},
    inputs: { model: model.source, data },
    run: async (work) => {
      const texts = (await readAuditRows(data)).flatMap(({ prompt, chosen, rejected }) => {
        const start = plainText(prompt);
        return [start, start + plainText(chosen), start + plainText(rejected)];
      });
      await trimVocabulary(model.folder, work.path("model"), { texts: [...new Set(texts)] });
    },
  });
  return inModelFolder(stage);
}

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
  const read = async () => (await readAuditRows(data)).filter((row) => row.fold !== fold);
  const rows = { from: data, read };
  const start = await sftStage(deps, { name: `${prefix}-sft`, model, rows, limits, settings: teacher.sft });
  const { choice, policy } = await trainedOn(deps, request, { name: prefix, start, rows });
  return deps.pipeline.stage({
    name: `${prefix}-scores`,
    version: 2,
    config: { kind: teacher.kind, ...("beta" in teacher ? { beta: teacher.beta } : {}), limits, fold, seed },
    inputs: { policy: policy.source, reference: start.source, data },
    run: async (work) => {
      const held = (await readAuditRows(data)).filter((row) => row.fold === fold);
      const opened = await openTeacher(deps, choice, { limits, name: prefix, replies: work.scratch });
      try {
        const { pairs } = toCandidates(held, seed);
        const { log, signal } = deps;
        const { report } = await labelPool({
          teacher: opened,
          pairs,
          folder: work.path("scores"),
          log,
          signal,
        });
        await writeJsonAtomic(`${work.log}/rate.json`, report);
      } finally {
        await opened.close();
      }
    },
  });
}

type FoldRows = Parameters<typeof sftStage>[1]["rows"];

/** The second step of a fold's teacher, from its SFT start; a likelihood teacher has none. */
async function trainedOn(
  deps: JobDeps,
  { teacher, limits }: AuditRequest,
  { name, start, rows }: { name: string; start: ModelFolderRef; rows: FoldRows },
): Promise<{ choice: TeacherChoice; policy: ModelFolderRef }> {
  const common = { model: start, rows, limits };
  switch (teacher.kind) {
    case "implicit-reward": {
      const policy = await preferStage(deps, { ...common, name: `${name}-prefer`, ...teacher.prefer });
      const { beta } = teacher;
      return {
        policy,
        choice: { kind: teacher.kind, policy: policy.folder, reference: start.folder, beta },
      };
    }
    case "reward-head": {
      const settings = teacher.reward;
      const policy = await rewardStage(deps, { ...common, name: `${name}-reward`, settings });
      return { policy, choice: { kind: teacher.kind, model: policy.folder } };
    }
    case "likelihood":
      return { policy: start, choice: { kind: teacher.kind, policy: start.folder } };
    default:
      return teacher satisfies never;
  }
}
