/** The programs of a training run: one that adds a micro-batch's gradients onto the step's, and one that only evaluates. */

import { gradients } from "../../engine/graph/gradients.ts";
import { type Program, writeProgram } from "../../engine/graph/onnx/write.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { adapterDropout, DROPOUT_SEED } from "../../engine/model/dropout.ts";
import { keyOf, type Model, trainableParameters } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Bindings, Executable, Runtime } from "../../engine/runtime/runtime.ts";
import { floats, ints } from "../../engine/runtime/values.ts";
import type { PackedBatch } from "../data/packing.ts";
import { type PackedRun, runPacked } from "../objective/logps.ts";
import { mostParts, trainingLanes } from "./parts.ts";

/** What a loss makes of a packed batch. */
export type LossGraph = {
  /** Σ losses of the micro-batch / normaliser of the global batch, a scalar `[]`. */
  readonly loss: Tensor;
  /** Values that metrics are made of, such as each pair's rewards `[P]`, by name. */
  readonly values: Readonly<Record<string, Tensor>>;
};

/** What a loss is built with. */
export type LossSetup = {
  /** The scalar that belongs to the global batch. */
  readonly normaliser: Tensor;
  /** Parts in which logits are made: one where they are kept for the gradients anyway. */
  readonly chunks: 1 | 4;
};

/** Builds a loss on a decoder's run. */
export type BuildLoss = (run: PackedRun, model: Model, setup: LossSetup) => LossGraph;

/** What one micro-batch gave. */
export type MicroBatchResult = {
  /** Its share of the global batch's loss. */
  readonly loss: number;
  readonly values: Readonly<Record<string, ArrayLike<number>>>;
};

/** A micro-batch ready to run. */
export type MicroBatch = {
  readonly packed: PackedBatch;
  /** What the loss reads besides the packed batch. */
  readonly extras: Readonly<Record<string, Value>>;
  readonly normaliser: number;
};

/** Which part of a step a micro-batch belongs to, of how many, and the seed of its dropout. */
export type PartOfStep = { readonly part: number; readonly parts: number; readonly seed: number };

/** Compiled programs of a run. */
export interface TrainingPrograms {
  /** Most parts of a step whose gradients are summed apart. It follows from the model, never from the machine. */
  readonly parts: number;
  /** Evaluations that can be under way at once. */
  readonly lanes: number;
  /** Begins to make the session of a first step of so many parts, where another lane can compute meanwhile. */
  open(parts: number): Promise<void>;
  /** Before the micro-batches of a step: its lanes get the parameters as the optimiser left them. */
  prepare(parts: number): Promise<void>;
  /** Adds the micro-batch's gradients onto its part's, which start at 0. Micro-batches of one part run one after another. */
  accumulate(batch: MicroBatch, of: PartOfStep): Promise<MicroBatchResult>;
  /** Adds the gradients of the later parts onto the first's, in order, which the optimiser reads. */
  sumParts(parts: number): Promise<void>;
  /** Loss and values alone, without dropout, in a lane, by default the last. */
  evaluate(batch: MicroBatch, lane?: number): Promise<MicroBatchResult>;
  /** Takes the gradients out of the store. */
  release(): Promise<void>;
}

/** Store key of a parameter's gradient, or of a later part's. */
export const gradientKeyOf = (model: Pick<Model, "id">, name: string, part = 0): string =>
  `${model.id}/grad${part === 0 ? "" : `-${part + 1}`}:${name}`;

/** Compiles the programs of a model under a loss, when they are first needed; gradients are those of the trainable parameters alone. */
export async function compileTraining(
  runtime: Runtime,
  model: Model,
  build: BuildLoss,
  options: { readonly gradientCheckpointing: boolean },
): Promise<TrainingPrograms> {
  const trainable = trainableParameters(model);
  const most = mostParts(model);
  const lanes = runtime.lanes(trainingLanes(runtime, model));
  /**
   * Lanes that parts are computed in: the first alone for the first step, since a session of a deep model takes seconds to make, and two
   * made beside each other would hold that step up. A step of one part is computed on all cores.
   */
  let using: readonly Runtime[] = [lanes[0]!];
  /** The sessions of the other lanes, asked for when the first's is there. */
  let others: Promise<unknown> | undefined;
  const laneOf = (part: number): Runtime => using[part % using.length]!;
  const keysOf = (part: number) => trainable.map((name) => gradientKeyOf(model, name, part));
  const zeros = (part: number) =>
    Object.fromEntries(
      trainable.map((name) => [gradientKeyOf(model, name, part), model.parameters.get(name)!]),
    );
  const parameter = (name: string) => keyOf(model, name);
  const keys = [...model.parameters.keys()].map(parameter);
  const bindingsOf = (part: number): Bindings => {
    const bound = (prefix: string) =>
      Object.fromEntries(trainable.map((name) => [`${prefix}:${name}`, gradientKeyOf(model, name, part)]));
    return { parameter, inputs: bound("acc"), outputs: bound("grad") };
  };
  const bindings = Array.from({ length: most }, (_, part) => bindingsOf(part));
  const training = compiledOnce(() => trainingOutputs(model, build, trainable, options));
  const evaluation = compiledOnce(() =>
    lossOutputs(model, build, runPacked(model.decoder, { lora: model.lora }), 4),
  );
  const later = Array.from({ length: most - 1 }, (_, i) => i + 1);
  const makeZeros = (parts: readonly number[]) =>
    Promise.all(parts.map((part) => laneOf(part).store.zeros(zeros(part)))); // the optimiser and sums leave zeros behind
  const drop = (parts: readonly number[]) =>
    Promise.all(parts.map((part) => laneOf(part).store.delete(keysOf(part))));
  await makeZeros([0, ...later]);
  return {
    parts: most,
    lanes: lanes.length,
    async open(parts) {
      if (parts === 1 || lanes.length === 1) return;
      await lanes.at(-1)!.refresh(keys); // the first lane answers nothing until its session is made
      training(lanes[0]!).catch(() => {}); // thrown in the step, which waits for it
    },
    async prepare(parts) {
      if (parts === 1 || lanes.length === 1) return;
      if (others === undefined) {
        await training(lanes[0]!);
        others = Promise.all(lanes.slice(1).map(training));
        others.catch(() => {}); // thrown in the next step, which waits for them
        return;
      }
      await others;
      if (using.length === 1) {
        await drop(later);
        using = lanes;
        await makeZeros(later);
      }
      for (let part = 1; part < parts; part++) await laneOf(part).refresh(keys);
    },
    async accumulate(batch, { part, parts, seed }) {
      const executable = await training(parts === 1 ? runtime : laneOf(part));
      return runOnce(executable, batch, bindings[part]!, seed);
    },
    async sumParts(parts) {
      for (let part = 1; part < parts; part++) {
        const { store } = laneOf(part);
        const [from, to] = [keysOf(part), keysOf(0)];
        const taken = await store.take(from);
        const zeroed = await runtime.store.add(renamed(taken, from, to));
        await store.put(renamed(zeroed, to, from));
      }
    },
    evaluate: async (batch, lane = lanes.length - 1) =>
      runOnce(await evaluation(lanes[lane]!), batch, { parameter }, 0),
    async release() {
      await drop([0, ...later]);
    },
  };
}

/** Values under other keys, key by key. */
function renamed<T>(values: Readonly<Record<string, T>>, from: readonly string[], to: readonly string[]) {
  return Object.fromEntries(from.map((key, i) => [to[i]!, values[key]!]));
}

/** Compiles a program in each runtime that asks for it: the graph is written once, and where nobody asks, never. */
function compiledOnce(
  outputs: () => Readonly<Record<string, Tensor>>,
): (runtime: Runtime) => Promise<Executable> {
  let program: Program | undefined;
  const compiled = new Map<Runtime, Promise<Executable>>();
  return (runtime) => {
    program ??= writeProgram(outputs(), runtime.dialect);
    const known = compiled.get(runtime) ?? runtime.compile(program);
    compiled.set(runtime, known);
    return known;
  };
}

function lossOutputs(
  model: Model,
  build: BuildLoss,
  run: PackedRun,
  chunks: LossSetup["chunks"],
): Record<string, Tensor> & { loss: Tensor } {
  const { loss, values } = build(run, model, { normaliser: input("normaliser", "float", []), chunks });
  return { ...values, loss };
}

function trainingOutputs(
  model: Model,
  build: BuildLoss,
  trainable: readonly string[],
  options: { readonly gradientCheckpointing: boolean },
): Record<string, Tensor> {
  const run = runPacked(model.decoder, {
    lora: model.lora,
    dropout: adapterDropout(model.lora?.dropout ?? 0),
  });
  const outputs = lossOutputs(model, build, run, 1);
  const parameters = run.context.parameters();
  const wanted = trainable.map((name) => parameters.get(name)!);
  const bases = trainable.map((name) => input(`acc:${name}`, "float", model.parameters.get(name)!));
  const checkpoints = options.gradientCheckpointing ? run.layers : [];
  const sums = gradients(outputs.loss, wanted, { bases, checkpoints, boundaries: run.layers });
  return { ...outputs, ...Object.fromEntries(trainable.map((name, i) => [`grad:${name}`, sums[i]!])) };
}

async function runOnce(
  executable: Executable,
  { packed, extras, normaliser }: MicroBatch,
  bindings: Bindings,
  seed: number,
): Promise<MicroBatchResult> {
  const offered: Readonly<Record<string, Value>> = {
    ...packed.feeds,
    ...extras,
    normaliser: floats([normaliser], []),
    [DROPOUT_SEED]: ints([seed], []),
  };
  const feeds = Object.fromEntries(
    executable.program.inputs.flatMap(({ name }) => (name in offered ? [[name, offered[name]!]] : [])),
  );
  const { loss, ...values } = await executable.run(feeds, bindings);
  return {
    loss: loss!.data[0] as number,
    values: Object.fromEntries(
      Object.entries(values).map(([name, { data }]) => [name, data as Float32Array]),
    ),
  };
}
