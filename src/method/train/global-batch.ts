/** One global batch through the programs, micro-batch by micro-batch. */
import { createRng } from "../../base/core/rng.ts";
import type { Model } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import { planMicroBatches } from "../data/batching.ts";
import { packOptions, packRows } from "../data/packing.ts";
import type { Job, LossData } from "./job.ts";
import type { MicroBatch, MicroBatchResult, TrainingPrograms } from "./programs.ts";

/** What a global batch gave. */
export type GlobalBatchResult = {
  readonly metrics: { readonly loss: number } & Readonly<Record<string, number>>;
  /** Tokens run, each prompt counted once. */
  readonly tokens: number;
};

/** Loss, metrics and gradients (left in the store) of the rows of an optimiser step. */
export async function accumulate(
  programs: TrainingPrograms,
  job: Job,
  rows: readonly number[],
  step: number,
): Promise<GlobalBatchResult> {
  const dropout = createRng(job.settings.seed).fork("dropout", step);
  return runBatch(job, job.data, rows, (batch) => programs.accumulate(batch, dropout.int(2 ** 31)));
}

/** Loss and metrics of all rows of a set, as one batch. */
export async function evaluate(
  programs: TrainingPrograms,
  job: Job,
  data: LossData,
): Promise<GlobalBatchResult> {
  const all = data.rows.map((_, i) => i);
  return runBatch(job, data, all, (batch) => programs.evaluate(batch));
}

async function runBatch(
  job: Job,
  data: LossData,
  rows: readonly number[],
  run: (batch: MicroBatch) => Promise<MicroBatchResult>,
): Promise<GlobalBatchResult> {
  const normaliser = data.normaliser(rows);
  const shared = await data.shared?.(rows);
  const results: MicroBatchResult[] = [];
  let tokens = 0;
  for (const batch of microBatches(data, rows, job.settings.tokens)) {
    const ready = pack(job.model, data, batch, normaliser, shared);
    tokens += ready.packed.tokens;
    results.push(await run(ready));
  }
  return { metrics: job.metrics(results, normaliser), tokens };
}

/** These rows as one micro-batch, which is also the global batch. */
export async function toMicroBatch(
  model: Model,
  data: LossData,
  rows: readonly number[],
): Promise<MicroBatch> {
  return pack(model, data, rows, data.normaliser(rows), await data.shared?.(rows));
}

function pack(
  model: Model,
  data: LossData,
  rows: readonly number[],
  normaliser: number,
  shared: (() => Record<string, Value>) | undefined,
): MicroBatch {
  const packed = packRows(
    rows.map((index) => data.rows[index]!),
    packOptions(model),
  );
  return { packed, extras: { ...data.extras?.(rows), ...shared?.() }, normaliser };
}

/** Row indices of each micro-batch. */
export function microBatches(data: LossData, rows: readonly number[], tokens: number): number[][] {
  const plan = planMicroBatches(
    rows.map((index) => data.rows[index]!),
    { tokens },
  );
  return plan.map((batch) => batch.map((i) => rows[i]!));
}
