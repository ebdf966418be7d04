/**
 * The public surface, a table of contents: what a command does, one call does. Pages: docs/api.
 *
 * Deliberately not exported, and why:
 * - Stages, keys and the cache (`pipeline/stages`): folders of runs are read through `status`, `report` and `compare`; their layout changes.
 * - `init`, `doctor`, `inspect`, `explain`, `parity`, `import`, `completion`: they answer a person; the engine's parts are in `weak-teacher/engine`.
 * - `--jobs`: several processes are several calls at one folder, which share the work.
 * - Charts and pages (`report/`): a report is its three files; `report.json` has every number.
 * Subpaths: `weak-teacher/engine` (models, training, scoring), `/data` (rows, readers, writers), `/labels` (scores to labels), `/stats`.
 */

export {
  AlignError,
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  InterruptedError,
  NumericsError,
  ShapeError,
} from "./base/core/errors.ts";
export { createLog, type Log, type Progress, silentLog } from "./base/core/log.ts";
export {
  type AskCall,
  type AuditCall,
  ask,
  audit,
  type CombineCall,
  combine,
  type LabelCall,
  label,
  type MergeCall,
  mergeAnswerFile as mergeAnswers,
} from "./interfaces/library/label.ts";
export type { Into, Reading, Settings, Work } from "./interfaces/library/options.ts";
export { type PlanCall, type PlanOutcome, plan } from "./interfaces/library/plan.ts";
export {
  type Checkpoint,
  type Comparison,
  compare,
  compareSeeds,
  type ExportSettings,
  evaluateCheckpoint as evaluate,
  exportFor as exportRun,
  type PushSettings,
  prune,
  push,
  type RunSettings,
  report,
  run,
  runAllSeeds as runSeeds,
  type StudySettings,
  status,
  study,
} from "./interfaces/library/run.ts";
export { type ServeOptions, serve } from "./interfaces/library/serve.ts";
export { studio } from "./interfaces/library/studio.ts";
export {
  type GenerateCall,
  generateResponses as generate,
  prefer,
  type RewardBenchCall,
  reward,
  rewardBench,
  sft,
  type TrainCall,
} from "./interfaces/library/train.ts";
export type { TeacherServer } from "./interfaces/serve/server.ts";
export type { Studio, StudioOptions } from "./interfaces/studio/server.ts";
export type { Source } from "./method/data/source.ts";
export type { AskResult } from "./method/labels/ask.ts";
export type { TeacherChoice } from "./method/teacher/choice.ts";
export type { ExportOutcome } from "./pipeline/export/export.ts";
export type { PushOutcome } from "./pipeline/export/push.ts";
export type { GenerateFacts } from "./pipeline/job/generate-stage.ts";
export type { AnswerFacts } from "./pipeline/label/answers-stage.ts";
export type { AuditOutcome } from "./pipeline/label/audit/run-audit.ts";
export type { CombineFacts } from "./pipeline/label/combine-stage.ts";
export type { LabelPoolOutcome } from "./pipeline/label/label-pool.ts";
export type { LabelFactsFile } from "./pipeline/label/label-stage.ts";
export { loadRecipe } from "./pipeline/recipe/parse.ts";
export type { Recipe } from "./pipeline/recipe/schema.ts";
export type { BenchResult, BenchScorer } from "./pipeline/results/bench.ts";
export type { Pruned } from "./pipeline/run/prune.ts";
export type { RunOutcome } from "./pipeline/run/run.ts";
export type { SeedsOutcome } from "./pipeline/run/run-seeds.ts";
export type { FolderStatus } from "./pipeline/run/status.ts";
export { type Verified, verifyFolder as verify } from "./pipeline/run/verify.ts";
export type { StageStep } from "./pipeline/stages/steps.ts";
export type { StudiesOutcome } from "./pipeline/study/run-studies.ts";
export type { ReportFiles } from "./report/render.ts";
