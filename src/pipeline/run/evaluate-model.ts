/**
 * Measures a checkpoint that was trained elsewhere as one more arm of a finished run: the run's own test prompts, gold scorers and
 * test pairs, with the same stages, so that its figures stand beside those of the run's students.
 */

import { join } from "node:path";
import { digestPath } from "../../base/core/contents.ts";
import { ConfigError } from "../../base/core/errors.ts";
import { writeJsonAtomic } from "../../base/core/files.ts";
import { silentLog } from "../../base/core/log.ts";
import { loadAdapter } from "../../engine/checkpoint/adapter-model.ts";
import { loadModel, saveModel } from "../../engine/checkpoint/load-model.ts";
import { mergeAdapter } from "../../engine/checkpoint/merge.ts";
import { releaseModel } from "../../engine/model/model.ts";
import { readPrompts, readTest } from "../job/data-files.ts";
import { measureStudent } from "../job/main-job.ts";
import { givenModel, inModelFolder, type ModelFolderRef } from "../job/model-stages.ts";
import { checkTestRows } from "../job/row-checks.ts";
import { checkSameModel, type SameWords } from "../job/same-model.ts";
import { computeOf } from "../recipe/job.ts";
import { defineStage, type Ref, type Running } from "../stages/define.ts";
import type { JobDeps } from "../stages/deps.ts";
import { withDeps } from "../stages/open-deps.ts";
import { type OpenedRun, openFinishedRun, type RunOptions, type RunOutcome } from "./run.ts";
import { reportOf } from "./run-reports.ts";

/** What to measure. */
export type EvaluateRequest = RunOptions & {
  /** Folder of the checkpoint, or of the adapter's base. */
  readonly model: string;
  /** PEFT folder to fold into the model first. */
  readonly adapter?: string | undefined;
  /** Where its preference training began: KL and implicit accuracy are measured against it. */
  readonly start?: string | undefined;
  /** The arm's name in tables and folders. */
  readonly name: string;
  /** Folder of the report, default `evaluate-<name>` in the run's. */
  readonly out?: string | undefined;
};

/**
 * Measures a model and writes a report with it beside the run's arms.
 * @throws ConfigError for a name that is taken or ill-formed; CheckpointError for a model with another tokenizer or architecture
 *   than the run's students, or an adapter that does not fit; ConfigError, too, for one whose template refuses test rows; AlignError "pipeline" when the run is not finished
 */
export async function evaluateModel(folder: string, request: EvaluateRequest): Promise<RunOutcome> {
  const run = await openFinishedRun(folder, request);
  checkName(run, request.name);
  const students = run.result.arms[0]!.start.folder;
  const rows = { prompts: await readPrompts(run.result.data), rows: await readTest(run.result.data) };
  for (const other of [request.model, request.start]) {
    if (other === undefined) continue;
    await checkSameModel(other, students, STUDENTS);
    await checkTestRows(other, rows);
  }
  const { log = silentLog, signal, code, fresh = false } = request;
  const { job, result, asked } = run;
  const how = {
    ...{ folder: run.folder, code, log, signal, fresh, ...computeOf(run.recipe) },
  };
  const { result: measured, steps: own } = await withDeps(how, async (deps) => {
    const model = await modelOf(deps, request);
    const start = request.start === undefined ? model : await givenModel(request.start);
    return measureStudent(deps, job, result.data, { name: request.name, model, start, arm: undefined });
  });
  const steps = [...run.steps, ...own];
  const out = request.out ?? join(run.folder, `evaluate-${request.name}`);
  const all = { ...result, students: [...result.students, measured] };
  return { folder: run.folder, steps, report: await reportOf(asked, job, all, steps, code, out) };
}

function checkName({ job }: OpenedRun, name: string): void {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    throw new ConfigError(`--name ${name}: expected lower-case words with dashes.`);
  if (job.arms.some((arm) => arm.name === name))
    throw new ConfigError(`--name ${name}: the run has an arm of this name. Choose another.`);
}

const STUDENTS: SameWords = {
  whose: "the run's students",
  advice: "Evaluate a model trained from the run's student (with `vocabulary: trim`, from the trimmed one).",
};

/** A model with the user's own adapter folded in. */
const merging = defineStage({
  version: 1,
  async run({
    work,
    inputs,
    tools,
  }: Running<Record<string, never>, { readonly base: Ref; readonly adapter: Ref }>) {
    const runtime = tools.runtime();
    const plain = await loadModel(runtime, inputs.base.folder, { id: "imported" });
    try {
      const adapted = await loadAdapter(runtime, plain, inputs.adapter.folder, { log: tools.log });
      const { model: merged, ...comparison } = await mergeAdapter(runtime, adapted);
      await saveModel(runtime, merged, work.path("model"));
      await writeJsonAtomic(work.path("merge.json"), comparison);
      await releaseModel(runtime, merged);
      await releaseModel(runtime, adapted);
    } finally {
      await releaseModel(runtime, plain);
    }
  },
});

/** The checkpoint as it is, or its base with the adapter folded in, which is a stage of its own. */
async function modelOf(deps: JobDeps, { model, adapter, name }: EvaluateRequest): Promise<ModelFolderRef> {
  const base = await givenModel(model);
  if (adapter === undefined) return base;
  const inputs = { base, adapter: { folder: adapter, source: await digestPath(adapter) } };
  return inModelFolder(await merging(deps, { name: `merge-${name}`, config: {}, inputs }));
}
