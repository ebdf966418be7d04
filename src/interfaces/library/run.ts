/** Whole runs as functions: what `run`, `status`, `report`, `prune`, `evaluate`, `compare`, `study` and `export` do. */
import { join, resolve } from "node:path";
import type { Log } from "../../base/core/log.ts";
import type { ExportTool } from "../../pipeline/elsewhere/request.ts";
import { type ExportOutcome, exportRun } from "../../pipeline/export/export.ts";
import { type PushOutcome, type PushRequest, pushFolder } from "../../pipeline/export/push.ts";
import type { Recipe } from "../../pipeline/recipe/schema.ts";
import { compareRuns, type RunComparison } from "../../pipeline/results/compare/compare-runs.ts";
import { openRuns } from "../../pipeline/results/compare/run-folder.ts";
import { seedsReport } from "../../pipeline/results/seeds/report.ts";
import { evaluateModel } from "../../pipeline/run/evaluate-model.ts";
import { type Pruned, pruneFolder } from "../../pipeline/run/prune.ts";
import { type RunOutcome, reportRun, runRecipe } from "../../pipeline/run/run.ts";
import { reportSeeds, runSeeds, type SeedsOutcome, seedsIn } from "../../pipeline/run/run-seeds.ts";
import { type FolderStatus, folderStatus } from "../../pipeline/run/status.ts";
import { runStudies, type StudiesOutcome } from "../../pipeline/study/run-studies.ts";
import type { ReportData } from "../../report/data.ts";
import { type ReportFiles, writeReport } from "../../report/render.ts";
import { code, given, type Work } from "./options.ts";

/** How a recipe is run; where to compute stands in the recipe. */
export type RunSettings = Pick<Work, "log" | "signal"> & {
  /** Plan and estimate; nothing is computed, downloaded or written. */
  readonly dryRun?: boolean;
  /** Compute everything again, whatever is kept. */
  readonly fresh?: boolean;
  /** With an executor that is a cluster: submit everything and return. */
  readonly detach?: boolean;
};

/**
 * Runs a recipe from data to report, going on from what is kept in `recipe.out`. A recipe with `seeds` goes to `runSeeds`.
 * @returns the steps, the report (none of a dry run), and the estimate of a dry run
 * @throws AlignError as the stages do; InterruptedError when `signal` fires, with everything finished kept
 */
export const run = (recipe: Recipe, settings: RunSettings = {}): Promise<RunOutcome> =>
  runRecipe(recipe, { ...given(settings), code: code() });

/** Runs a recipe once for each of its `seeds`, one after another, and reports over them. @throws as `run` */
export const runAllSeeds = (recipe: Recipe, settings: RunSettings = {}): Promise<SeedsOutcome> =>
  runSeeds(recipe, { ...given(settings), code: code() });

/** How far a run, a labelling or a generation is, told by its files alone. @throws ConfigError when the folder holds none */
export const status = (folder: string): Promise<FolderStatus> => folderStatus(folder, code());

/**
 * Writes the report of a finished run, or of several seeds, again; nothing is computed.
 * @throws AlignError "pipeline" when the run is not finished
 */
export async function report(
  folder: string,
  { log }: { readonly log?: Log } = {},
): Promise<RunOutcome | SeedsOutcome> {
  const seeds = await seedsIn(folder);
  const how = { ...given({ log }), code: code() };
  return seeds === undefined ? reportRun(folder, how) : reportSeeds(folder, seeds, how);
}

/**
 * What models of a run, of its seeds or of a study take on the disk and need not be kept; removed where `apply` says so.
 * @param options.keep - `students`, `starts`, `teachers`, `bases`, or names of stages
 * @param options.attempts - also what attempts that were cut off left
 * @throws ConfigError when it is no such folder, somebody works in it, or a name to keep is none
 */
export const prune = (
  folder: string,
  options: { readonly keep?: readonly string[]; readonly attempts?: boolean; readonly apply?: boolean } = {},
): Promise<Pruned> => pruneFolder(folder, { ...options, code: code() });

/** A checkpoint that was trained elsewhere. */
export type Checkpoint = {
  /** The folder, or the base of `adapter`; tokenizer and sizes as the run's student. */
  readonly model: string;
  /** Its name in tables and folders. */
  readonly name: string;
  /** A PEFT LoRA folder that is folded into the model first. */
  readonly adapter?: string;
  /** The SFT model it was trained from: KL and implicit accuracy are measured against it. */
  readonly start?: string;
};

/**
 * Measures a checkpoint with a finished run's own prompts, gold scorers and held-out pairs, and reports it beside the run's students.
 * @throws ConfigError for a name that is taken; CheckpointError for a model that is not the student's kind
 */
export const evaluateCheckpoint = (
  run: string,
  checkpoint: Checkpoint,
  settings: Pick<Work, "log" | "signal"> & { readonly out?: string; readonly fresh?: boolean } = {},
): Promise<RunOutcome> => evaluateModel(run, { ...checkpoint, ...given(settings), code: code() });

/** A comparison and the files of its report. */
export type Comparison = Omit<RunComparison, "report"> & { readonly report: ReportFiles };

/**
 * Puts finished runs side by side; the others are measured against the first. Nothing is computed again.
 * @param options.out - folder of the report, default `comparison`
 * @param options.resamples - behind each interval, default 2000
 * @param options.examples - most changed responses of each kind, default 20
 * @throws ConfigError for fewer than two runs, or folders that are no finished runs
 */
export async function compare(
  runs: readonly string[],
  {
    out = "comparison",
    resamples = 2000,
    examples = 20,
  }: { out?: string; resamples?: number; examples?: number } = {},
): Promise<Comparison> {
  const { report: data, ...comparison } = await compareRuns(runs, { version: code(), resamples, examples });
  return { ...comparison, report: await writeReport(out, data) };
}

/** Finished runs of one recipe as its seeds: one report, whose intervals hold for further seeds and prompts. @throws as `compare` */
export async function compareSeeds(
  runs: readonly string[],
  { out = "comparison" }: { out?: string } = {},
): Promise<ReportFiles & { readonly data: ReportData }> {
  const data = seedsReport(await openRuns(runs), { version: code(), folder: resolve(out) });
  return { ...(await writeReport(out, data)), data };
}

/** Which grid to run. */
export type StudySettings = Pick<Work, "log" | "signal"> & {
  /** `small` (default) is a made-up world, `paper` the papers' settings. */
  readonly scale?: "small" | "paper";
  /** A base recipe in place of the scale's: a file or a preset. */
  readonly recipe?: string;
  /** Settings of the base, as texts of `--set`. */
  readonly set?: readonly string[];
  /** How many seeds, or a list (`1,2,3`). */
  readonly seeds?: string;
  /** Teachers and students of the sweeps. */
  readonly weak?: readonly string[];
  readonly student?: readonly string[];
  /** Instruct models whose labels are a baseline, as of `--judge`. */
  readonly judge?: readonly string[];
  /** Folder of all studies, default `runs/studies`. */
  readonly out?: string;
  readonly dryRun?: boolean;
};

/**
 * Runs studies by name (`all` is every one) in this process and writes one report of them.
 * @throws ConfigError for a name that is no study; AlignError as the stages do
 */
export function study(names: readonly string[], settings: StudySettings = {}): Promise<StudiesOutcome> {
  const { scale = "small", recipe, set = [], seeds, weak = [], student = [], judge = [], ...rest } = settings;
  const { out = join("runs", "studies"), dryRun = false, ...work } = rest;
  const request = { scale, recipe, set, seeds, weak, student, judge, out };
  return runStudies(request, names, { ...given(work), code: code(), dryRun, jobs: 1 });
}

/** What is exported of a run, for whom. */
export type ExportSettings = {
  readonly tool: ExportTool;
  /** Default `export-<tool>` in the run's folder. */
  readonly out?: string;
  /** The student, default the first that trains on weak labels. */
  readonly arm?: string;
  /** The base model as the other machine will find it, default the recipe's. */
  readonly model?: string;
  /** Settings for a folder of labels: a recipe file. */
  readonly recipe?: string;
  /** What becomes of weights where the tool has none. */
  readonly weights?: "filter" | "resample" | "none";
  readonly minConfidence?: number;
  readonly budget?: number;
  /** GPUs that a batch is spread over, in bfloat16; 0 trains on processors, in float32. Default 1. */
  readonly gpus?: number;
  readonly license?: string;
  readonly log?: Log;
};

/**
 * Writes a run's labelled rows and a student's settings for another trainer: data, configuration, a card.
 * @param folder - of a run, or one that `label` filled
 * @throws ConfigError for a loss or setting that the tool lacks, naming those that have it
 */
export const exportFor = (folder: string, settings: ExportSettings): Promise<ExportOutcome> =>
  exportRun(folder, {
    gpus: 1,
    ...given(settings),
    tool: settings.tool,
    out: settings.out ?? join(folder, `export-${settings.tool}`),
    code: code(),
  });

/** How a push is done. */
export type PushSettings = Omit<PushRequest, "to" | "code">;

/**
 * Sends a folder of labels or of a model to a repository of the hub, with a card that says how they were made.
 * @param to - `hub:Owner/name`; the token is read from HF_TOKEN, or from the file of `hf auth login`
 * @throws ConfigError for a name of another form, a folder that is neither, a missing token; AlignError "hub" when it is refused, "network"
 */
export const push = (folder: string, to: string, settings: PushSettings = {}): Promise<PushOutcome> =>
  pushFolder(folder, { ...settings, to, code: code() });
