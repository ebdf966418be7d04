/** One global batch through the programs, micro-batch by micro-batch. */
import { createRng } from "../../base/core/rng.ts";
import type { Model } from "../../engine/model/model.ts";
import { overLanes } from "../../engine/runtime/lanes.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import { planMicroBatches } from "../data/batching.ts";
import { packOptions, packRows } from "../data/packing.ts";
import type { Job, LossData } from "./job.ts";
import { dealRows } from "./parts.ts";
import type { MicroBatch, MicroBatchResult, TrainingPrograms } from "./programs.ts";

/** What a global batch gave. */
export type GlobalBatchResult = {
  readonly metrics: { readonly loss: number } & Readonly<Record<string, number>>;
  /** Tokens run, each prompt counted once. */
  readonly tokens: number;
};

/**
 * Loss, metrics and gradients (left in the store) of the rows of an optimiser step. Its rows are dealt to parts, computed beside each other
 * where there are lanes for it; what they are and the order of every sum follow from the rows and the model.
 */
export async function accumulate(
  programs: TrainingPrograms,
  job: Job,
  rows: readonly number[],
  step: number,
): Promise<GlobalBatchResult> {
  const dropout = createRng(job.settings.seed).fork("dropout", step);
  const dealt = dealRows(job.data.rows, rows, programs.parts);
  const parts = dealt.map((some, part) =>
    microBatches(job.data, some, job.settings.tokens).map((batch) => ({
      batch,
      of: { part, parts: dealt.length, seed: dropout.int(2 ** 31) },
    })),
  );
  const { packed, finish } = await globalBatch(job, job.data, rows);
  await programs.prepare(parts.length);
  const results = await overLanes(parts.length, parts, async (batches) => {
    const done: MicroBatchResult[] = [];
    for (const { batch, of } of batches) done.push(await programs.accumulate(packed(batch), of));
    return done;
  });
  await programs.sumParts(parts.length);
  return finish(results.flat());
}

/** Loss and metrics of all rows of a set, as one batch. */
export async function evaluate(
  programs: TrainingPrograms,
  job: Job,
  data: LossData,
): Promise<GlobalBatchResult> {
  const all = data.rows.map((_, i) => i);
  const { packed, finish } = await globalBatch(job, data, all);
  const batches = microBatches(data, all, job.settings.tokens);
  return finish(
    await overLanes(programs.lanes, batches, (batch, lane) => programs.evaluate(packed(batch), lane)),
  );
}

/** Makes the micro-batches of a global batch, and of their results, in order, what the whole gave. */
async function globalBatch(job: Job, data: LossData, rows: readonly number[]) {
  const normaliser = data.normaliser(rows);
  const shared = await data.shared?.(rows);
  let tokens = 0;
  return {
    packed(batch: readonly number[]): MicroBatch {
      const ready = pack(job.model, data, batch, normaliser, shared);
      tokens += ready.packed.tokens;
      return ready;
    },
    finish: (results: readonly MicroBatchResult[]): GlobalBatchResult => ({
      metrics: job.metrics(results, normaliser),
      tokens,
    }),
  };
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
