/** The one training loop: SFT, preference training and reward heads differ in the loss, the rows and the metrics they hand it. */
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, InterruptedError, NumericsError } from "../../base/core/errors.ts";
import { keyOf, trainableParameters } from "../../engine/model/model.ts";
import { accumulate, evaluate } from "./global-batch.ts";
import { digestModel, digestRows } from "./identity.ts";
import type { Job, StageDeps, TrainResult } from "./job.ts";
import { evaluationNames, type MetricsLine, withoutEvaluationNames } from "./metrics.ts";
import { openOptimizer, type StepOptimizer } from "./optimizer.ts";
import { createOrder, type Order } from "./order.ts";
import { dealRows } from "./parts.ts";
import { compileTraining, type TrainingPrograms } from "./programs.ts";
import { openRunFolder, type RunFolder } from "./run-folder.ts";
import { resultSettings } from "./settings.ts";
import { isOver, metricOf, type ValidationResult, validated, validationWords } from "./validation.ts";

/** The parts of a run under way. */
type Run = {
  readonly job: Job;
  readonly order: Order;
  readonly programs: TrainingPrograms;
  readonly optimizer: StepOptimizer;
  readonly folder: RunFolder;
};

/**
 * Trains a model in place.
 * @throws ConfigError when there are no rows; CheckpointError when the folder belongs to another run; NumericsError for
 *   a loss or gradient that is not finite; InterruptedError when the signal fired, after saving
 */
export async function train(deps: StageDeps, job: Job): Promise<TrainResult> {
  const { runtime } = deps;
  if (job.data.rows.length === 0) throw new ConfigError(`${job.stage}: expected rows to train on, got none.`);
  if (job.settings.validation !== undefined && !job.validation?.rows.length)
    throw new ConfigError(`${job.stage}: validation: expected rows to measure on, got none.`);
  const order = createOrder(job.data.rows, job.settings);
  const programs = await compileTraining(runtime, job.model, job.build, job.settings);
  const optimizer = await openOptimizer(runtime, job.model, job.settings, order.steps);
  try {
    const folder = await openFolder(deps, job, order, optimizer);
    const run = { job, order, programs, optimizer, folder };
    await runSteps(deps, run);
    await folder.restoreBest();
    const validation = validationOf(run);
    if (validation !== undefined) deps.log.info(`${job.stage}: ${validationWords(validation)}`);
    return {
      steps: folder.step,
      metrics: lastMetrics(folder.lines),
      history: folder.lines,
      ...(validation && { validation }),
    };
  } finally {
    await programs.release();
    await optimizer.release();
  }
}

async function openFolder(
  deps: StageDeps,
  job: Job,
  order: Order,
  optimizer: StepOptimizer,
): Promise<RunFolder> {
  const { model, settings, data } = job;
  const digest = digestOf([
    job.stage,
    resultSettings(settings),
    job.identity,
    digestRows(data.rows),
    await digestModel(deps.runtime, model),
  ]);
  const folder = await openRunFolder({
    folder: job.folder,
    runtime: deps.runtime,
    identity: { digest, seed: settings.seed, steps: order.steps },
    parameters: new Map(
      trainableParameters(model).map((name) => [
        name,
        { key: keyOf(model, name), shape: model.parameters.get(name)! },
      ]),
    ),
    moments: optimizer.moments,
    keep: settings.saveTotalLimit,
    keepsBest: settings.validation?.keep === "best",
    fresh: job.fresh ?? false,
    log: deps.log,
  });
  if (folder.start.step > 0)
    deps.log.info(
      `${job.stage}: goes on after step ${folder.start.step} of ${order.steps} (${folder.newest})`,
    );
  return folder;
}

async function runSteps({ log, signal }: StageDeps, run: Run): Promise<void> {
  const { job, order, folder, programs } = run;
  const { settings } = job;
  if (folder.start.step === 0) {
    await programs.open(dealRows(job.data.rows, order.batch(1), programs.parts).length);
    await job.check?.(programs);
  }
  const progress = log.progress(job.stage, order.steps, "steps");
  let savedMs = performance.now();
  for (let step = folder.start.step + 1; step <= order.steps && !hasEnded(run); step++) {
    const line = await trainStep(run, step);
    job.watch?.(line);
    if (step === order.steps || step % measuredEvery(run) === 0) await measure(run, step);
    const last = step === order.steps || hasEnded(run);
    progress.update(step, `loss ${line.loss!.toPrecision(4)}`, folder.start.step);
    const stop = signal?.aborted === true && !last;
    const due = step % settings.saveSteps === 0 || performance.now() - savedMs > 1000 * settings.saveSeconds;
    if (last || stop || due) {
      await folder.save();
      savedMs = performance.now();
    }
    if (stop) throw new InterruptedError(`${job.stage} after step ${step}`);
  }
  progress.end();
}

/** One optimiser step: gradients of the global batch, then the update; its metrics are written down. */
async function trainStep(run: Run, step: number): Promise<MetricsLine> {
  const { job, order, programs, optimizer, folder } = run;
  const { metrics, tokens } = await accumulate(programs, job, order.batch(step), step);
  if (!Number.isFinite(metrics.loss)) throw notFinite(run, step, `the loss is ${metrics.loss}`);
  const { gradNorm, learningRate } = await optimizer.step(step).catch((error: unknown) => {
    throw error instanceof NumericsError ? notFinite(run, step, "the gradients' norm is not finite") : error;
  });
  folder.advance(step, step / order.stepsPerEpoch, tokens);
  const line = {
    ...metrics,
    learning_rate: learningRate,
    grad_norm: gradNorm,
    epoch: step / order.stepsPerEpoch,
    global_step: step,
    num_tokens: folder.tokens,
  };
  await folder.log(line);
  return line;
}

/** Steps from one measurement on validation rows to the next. */
const measuredEvery = ({ job: { settings }, order }: Run): number =>
  settings.validation === undefined ? order.steps : (settings.validation.steps ?? order.stepsPerEpoch);

/** Whether patience ended the run. */
const hasEnded = ({ job: { settings }, folder }: Run): boolean =>
  settings.validation !== undefined && isOver(settings.validation, folder.validated);

/** Measures on the validation rows: nothing random, and no gradient, is touched. */
async function measure(run: Run, step: number): Promise<void> {
  const { job, order, programs, folder } = run;
  if (job.validation === undefined) return;
  const { metrics } = await evaluate(programs, job, job.validation);
  await folder.log({ ...evaluationNames(metrics), epoch: step / order.stepsPerEpoch, global_step: step });
  const rule = job.settings.validation;
  if (rule === undefined) return;
  const value = metricOf(rule, metrics);
  if (!Number.isFinite(value))
    throw notFinite(run, step, `the validation ${rule.metric ?? "loss"} is ${value}`);
  const { now, better } = validated(rule, folder.validated, step, value);
  await folder.validate(now, better);
}

/** What came of validation, by the lines written; undefined without it. */
function validationOf({ job, order, folder }: Run): ValidationResult | undefined {
  const { validation: rule } = job.settings;
  const { best } = folder.validated;
  const line = folder.lines.findLast((one) => "eval_loss" in one);
  if (rule === undefined || best === undefined || line === undefined) return undefined;
  return {
    rows: job.validation!.rows.length,
    metric: rule.metric ?? "loss",
    best,
    last: { step: line.global_step, value: metricOf(rule, withoutEvaluationNames(line)) },
    kept: rule.keep === "best" ? best.step : folder.step,
    planned: order.steps,
    ended: folder.step < order.steps ? "patience" : "steps",
  };
}

function notFinite({ job, folder }: Run, step: number, what: string): NumericsError {
  const saved =
    folder.newest === undefined ? "There is no checkpoint yet" : `The last checkpoint is ${folder.newest}`;
  return new NumericsError(
    `${job.stage} step ${step}`,
    `${what}; nothing was updated. ${saved}; lower the learning rate or look at the rows of that step.`,
  );
}

/** The last value of every name. */
function lastMetrics(lines: readonly MetricsLine[]): Record<string, number> {
  const measured = lines.findLast((line) => "eval_loss" in line);
  const training = lines.findLast((line) => "loss" in line);
  return { ...measured, ...training };
}
