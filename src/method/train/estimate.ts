/** What a run will take, before it starts: time from counted floating-point operations, memory from counted arrays. */
import { formatBytes, formatSeconds } from "../../base/core/log.ts";
import { type Model, parameterCount, trainableParameters } from "../../engine/model/model.ts";
import type { Runtime } from "../../engine/runtime/runtime.ts";
import { planMicroBatches } from "../data/batching.ts";
import { rowLength, type TokenRow } from "../data/packing.ts";
import { createOrder, type Order } from "./order.ts";
import { mostParts, partsOfStep, trainingLanes } from "./parts.ts";
import type { TrainSettings } from "./settings.ts";

/** The part of a model that its cost depends on. */
export type ModelShape = Pick<Model, "decoder" | "parameters" | "lora" | "task"> & {
  /** What stays of it is the adapter alone. */
  readonly keepsAdapter?: boolean;
};

/** What an estimate is made for. */
export type Machine = Pick<Runtime, "device" | "threads"> & {
  /** 10^9 floating-point operations per second of plain float32 products on all cores, from `measureRate`. */
  readonly gflops: number;
};

/** What a training run will take; rough, meant to tell minutes from hours and fitting from not. */
export type TrainEstimate = {
  readonly steps: number;
  /** Tokens of the whole run, each prompt counted once. */
  readonly tokens: number;
  readonly parameters: number;
  readonly trainable: number;
  /** Floating-point operations of the whole run. */
  readonly flops: number;
  readonly seconds: number;
  /** Bytes at the peak, by what they are for. */
  readonly memory: Readonly<Record<"weights" | "gradients" | "moments" | "activations" | "runtime", number>>;
  readonly disk: TrainingDisk;
};

/** Bytes on the disk: the model that stays, and what lies there with it while it is written. */
export type TrainingDisk = { readonly kept: number; readonly peak: number };

/** Bytes of a trained parameter in a checkpoint: weight and two moments; the best weights of a validation are without them. */
export const CHECKPOINT_BYTES = 12;

/** The model in float32, or the adapter that is kept in its place, and the checkpoints that are there at one time: as many as are kept, and the one that is being written. */
export function trainingDisk(
  { parameters, trainable, steps }: Pick<TrainEstimate, "parameters" | "trainable" | "steps">,
  {
    saveSteps,
    saveTotalLimit,
    validation,
  }: Pick<TrainSettings, "saveSteps" | "saveTotalLimit" | "validation">,
  keepsAdapter = false,
): TrainingDisk {
  const checkpoints = Math.min(saveTotalLimit + 1, Math.max(1, Math.floor(steps / saveSteps)));
  const best = validation === undefined ? 0 : 4 * trainable;
  const kept = 4 * (keepsAdapter ? trainable : parameters);
  return { kept, peak: kept + checkpoints * CHECKPOINT_BYTES * trainable + best };
}

/** Share of the plain matrix rate that training reaches; seen 0.55 to 0.65 of what `measureRate` gives on the demo (docs/log.md). */
const EFFICIENCY = 0.6;
/** Seconds to start one op, and ops of a layer forwards and backwards. */
export const OP_SECONDS = 8e-6;
const OPS_PER_LAYER = 120;
/** Seconds to make a session, for each layer of its program; from 6 to 30 layers. */
const OPEN_SECONDS_PER_LAYER = 0.15;
/** Bytes per second that an optimiser update or one token of generation moves, and bytes it moves per parameter: p, m, v, g in and out. */
export const UPDATE_RATE = 1e10;
const UPDATE_BYTES = 32;
/** Logit-sized arrays alive at once, and what ONNX Runtime's allocator takes beyond what is alive; both measured. */
const LOGIT_COPIES = 5;
const ALLOCATOR = 1.6;
/** Node.js and ONNX Runtime themselves, bytes. */
export const RUNTIME_BYTES = 2e8;

/** Estimates a run, with patience as if it never ended. */
export function estimateTraining(
  model: ModelShape,
  given: readonly TokenRow[],
  settings: TrainSettings,
  machine: Machine,
): TrainEstimate {
  const { gflops } = machine;
  const { validation } = settings;
  // Of like length one row is as good as another.
  const aside = validation === undefined ? 0 : Math.round(validation.share * given.length);
  const [measured, rows] = [given.slice(0, aside), given.slice(aside)];
  const order = createOrder(rows, settings);
  const stepsCounted = Math.min(order.steps, order.stepsPerEpoch);
  const total = { flops: 0, tokens: 0, runs: 0 };
  let parts = 1;
  for (let step = 1; step <= stepsCounted; step++) {
    const batch = order.batch(step).map((row) => rows[row]!);
    parts = Math.max(parts, partsOfStep(batch.length, sizesOf(batch).tokens, mostParts(model)));
    for (const part of planMicroBatches(batch, settings)) {
      const micro = part.map((i) => batch[i]!);
      total.flops += trainingFlops(model, micro, settings);
      total.tokens += micro.reduce((sum, row) => sum + rowLength(row), 0);
      total.runs++;
    }
  }
  const epochs = order.steps / stepsCounted;
  const flops = epochs * total.flops + measuringFlops(model, measured, settings, order);
  const trainable = parameterCount(model.parameters, trainableParameters(model));
  const seconds =
    flops / (gflops * 1e9 * EFFICIENCY) +
    epochs * total.runs * model.decoder.config.layers * OPS_PER_LAYER * OP_SECONDS +
    (order.steps * trainable * UPDATE_BYTES) / UPDATE_RATE +
    model.decoder.config.layers * OPEN_SECONDS_PER_LAYER;
  const size = { steps: order.steps, parameters: parameterCount(model.parameters), trainable };
  return {
    ...size,
    disk: trainingDisk(size, settings, model.keepsAdapter),
    tokens: Math.round(epochs * total.tokens),
    flops,
    seconds,
    memory: memoryOf(model, rows, settings, {
      parts,
      lanes: parts === 1 ? 1 : trainingLanes(machine, model),
    }),
  };
}

/** One or two lines for a person. */
export function formatEstimate({
  steps,
  tokens,
  parameters,
  trainable,
  seconds,
  memory,
}: TrainEstimate): string {
  const total = Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
  const millions = (count: number) => `${(count / 1e6).toFixed(1)}M`;
  return (
    `${steps} steps, ${millions(tokens)} tokens, ${millions(trainable)} of ${millions(parameters)} parameters trained: ` +
    `about ${formatSeconds(seconds)} and ${formatBytes(total)} of memory ` +
    `(${(Object.entries(memory) as [string, number][]).map(([name, bytes]) => `${name} ${formatBytes(bytes)}`).join(", ")})`
  );
}

/** Weights a token of the trunk is multiplied by: matrices, without embeddings and heads. */
export function trunkWeights({ decoder, parameters }: ModelShape): number {
  let total = 0;
  for (const [name, shape] of parameters)
    if (
      shape.length === 2 &&
      name !== decoder.embeddingName &&
      name !== decoder.headName &&
      !/embed|wpe|score/.test(name)
    )
      total += shape[0]! * shape[1]!;
  return total;
}

function trainingFlops(model: ModelShape, rows: readonly TokenRow[], settings: TrainSettings): number {
  const { trunk, head } = forwardFlops(model, rows);
  // Backwards costs two products for one forwards: by the weight's gradient, which frozen weights lack, and by the input's.
  const factor = (model.lora === undefined ? 3 : 2) + (settings.gradientCheckpointing ? 1 : 0);
  return factor * trunk + (model.lora === undefined ? 3 : 2) * head;
}

/** Of all measurements on rows that are set aside. */
function measuringFlops(
  model: ModelShape,
  rows: readonly TokenRow[],
  { validation }: TrainSettings,
  { steps, stepsPerEpoch }: Order,
): number {
  if (rows.length === 0) return 0;
  const { trunk, head } = forwardFlops(model, rows);
  return Math.ceil(steps / (validation?.steps ?? stepsPerEpoch)) * (trunk + head);
}

/** Floating-point operations of one pass over packed rows: the layers, and the logits of predicted tokens. */
export function forwardFlops(
  model: ModelShape,
  rows: readonly TokenRow[],
): { readonly trunk: number; readonly head: number } {
  const { layers, heads, headDim, vocabSize, embeddingSize } = model.decoder.config;
  const { tokens, targets, width } = sizesOf(rows);
  const attention = rows.length * layers * 4 * heads * headDim * width ** 2;
  return {
    trunk: 2 * tokens * trunkWeights(model) + attention,
    head: model.task === "reward" ? 0 : 2 * targets * vocabSize * embeddingSize,
  };
}

function memoryOf(
  model: ModelShape,
  rows: readonly TokenRow[],
  settings: TrainSettings,
  { parts, lanes }: { readonly parts: number; readonly lanes: number },
): TrainEstimate["memory"] {
  const { layers, hiddenSize, intermediateSize, heads, kvHeads, headDim, vocabSize } = model.decoder.config;
  const peaks = planMicroBatches(rows, settings)
    .slice(0, 1)
    .map((part) => sizesOf(part.map((i) => rows[i]!)));
  const { tokens = 0, targets = 0, width = 0, count = 0 } = peaks[0] ?? {};
  // Kept of a layer for the backward pass: residuals, norms, projections and their spread form, the feed-forward layer.
  const perToken = 6 * hiddenSize + 4 * (heads + kvHeads) * headDim + 4 * intermediateSize;
  const layer = tokens * perToken + 2 * count * heads * width ** 2;
  const kept = settings.gradientCheckpointing ? layers * tokens * hiddenSize + 2 * layer : layers * layer;
  const trainable = parameterCount(model.parameters, trainableParameters(model));
  const head = model.task === "reward" ? 0 : LOGIT_COPIES * targets * vocabSize;
  return {
    weights: 4 * parameterCount(model.parameters) * lanes,
    gradients: 4 * trainable * parts,
    moments: 8 * trainable,
    activations: 4 * ALLOCATOR * (kept + head) * lanes,
    runtime: RUNTIME_BYTES,
  };
}

function sizesOf(rows: readonly TokenRow[]): {
  tokens: number;
  targets: number;
  width: number;
  count: number;
} {
  const lengths = rows.map(rowLength);
  const total = lengths.reduce((a, b) => a + b, 0);
  return {
    tokens: total,
    targets: total - rows.reduce((sum, row) => sum + row.prompt.length, 0),
    width: lengths.reduce((a, b) => Math.max(a, b), 0),
    count: rows.length,
  };
}
