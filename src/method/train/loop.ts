/** The one training loop: SFT, preference training and reward heads differ in the loss, the rows and the metrics they hand it. */
import { digestOf } from "../../base/core/digest.ts";
import { ConfigError, InterruptedError, NumericsError } from "../../base/core/errors.ts";
import { keyOf, trainableParameters } from "../../engine/model/model.ts";
import { accumulate, evaluate } from "./global-batch.ts";
import { digestModel, digestRows } from "./identity.ts";
import type { Job, StageDeps, TrainResult } from "./job.ts";
import { evaluationNames, type MetricsLine } from "./metrics.ts";
import { openOptimizer, type StepOptimizer } from "./optimizer.ts";
import { createOrder, type Order } from "./order.ts";
import { compileTraining, type TrainingPrograms } from "./programs.ts";
import { openRunFolder, type RunFolder } from "./run-folder.ts";
import { resultSettings } from "./settings.ts";

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
  const order = createOrder(job.data.rows, job.settings);
  const programs = await compileTraining(runtime, job.model, job.build, job.settings);
  const optimizer = await openOptimizer(runtime, job.model, job.settings, order.steps);
  try {
    const folder = await openFolder(deps, job, order, optimizer);
    await runSteps(deps, { job, order, programs, optimizer, folder });
    return { steps: order.steps, metrics: lastMetrics(folder.lines), history: folder.lines };
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
  if (folder.start.step === 0) await job.check?.(programs);
  const progress = log.progress(job.stage, order.steps, "steps");
  let savedMs = performance.now();
  for (let step = folder.start.step + 1; step <= order.steps; step++) {
    const line = await trainStep(run, step);
    job.watch?.(line);
    const last = step === order.steps;
    if (last || step % (settings.evalSteps ?? order.steps) === 0) await evaluateStep(run, step);
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

async function evaluateStep({ job, order, programs, folder }: Run, step: number): Promise<void> {
  if (job.evaluation === undefined) return;
  const { metrics } = await evaluate(programs, job, job.evaluation);
  await folder.log({ ...evaluationNames(metrics), epoch: step / order.stepsPerEpoch, global_step: step });
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
  const evaluation = lines.findLast((line) => "eval_loss" in line);
  const training = lines.findLast((line) => "loss" in line);
  return { ...evaluation, ...training };
}
