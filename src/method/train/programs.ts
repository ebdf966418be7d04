/** The programs of a training run: one that adds a micro-batch's gradients onto the step's, and one that only evaluates. */

import { gradients } from "../../engine/graph/gradients.ts";
import { writeProgram } from "../../engine/graph/onnx/write.ts";
import { input, type Tensor } from "../../engine/graph/tensor.ts";
import { adapterDropout, DROPOUT_SEED } from "../../engine/model/dropout.ts";
import { keyOf, type Model, trainableParameters } from "../../engine/model/model.ts";
import type { Value } from "../../engine/runtime/protocol.ts";
import type { Bindings, Executable, Runtime } from "../../engine/runtime/runtime.ts";
import { floats, ints } from "../../engine/runtime/values.ts";
import type { PackedBatch } from "../data/packing.ts";
import { type PackedRun, runPacked } from "../objective/logps.ts";

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

/** Compiled programs of a run. */
export interface TrainingPrograms {
  /** Adds the micro-batch's gradients onto the step's, which start at 0. `seed` is that of its dropout. */
  accumulate(batch: MicroBatch, seed: number): Promise<MicroBatchResult>;
  /** Loss and values alone, without dropout. */
  evaluate(batch: MicroBatch): Promise<MicroBatchResult>;
  /** Takes the gradients out of the store. */
  release(): Promise<void>;
}

/** Store key of a parameter's gradient. */
export const gradientKeyOf = (model: Pick<Model, "id">, name: string): string => `${model.id}/grad:${name}`;

/** Compiles the programs of a model under a loss; gradients are those of the trainable parameters alone. */
export async function compileTraining(
  runtime: Runtime,
  model: Model,
  build: BuildLoss,
  options: { readonly gradientCheckpointing: boolean },
): Promise<TrainingPrograms> {
  const trainable = trainableParameters(model);
  const shapes = Object.fromEntries(
    trainable.map((name) => [gradientKeyOf(model, name), model.parameters.get(name)!]),
  );
  const parameter = (name: string) => keyOf(model, name);
  const inPlace: Bindings = {
    parameter,
    inputs: Object.fromEntries(trainable.map((name) => [`acc:${name}`, gradientKeyOf(model, name)])),
    outputs: Object.fromEntries(trainable.map((name) => [`grad:${name}`, gradientKeyOf(model, name)])),
  };
  const training = await runtime.compile(
    writeProgram(trainingOutputs(model, build, trainable, options), runtime.dialect),
  );
  await runtime.store.zeros(shapes); // the optimiser leaves zeros behind
  let evaluation: Promise<Executable> | undefined;
  return {
    accumulate: (batch, seed) => runOnce(training, batch, inPlace, seed),
    evaluate: async (batch) => {
      // Compiled when first needed: many runs evaluate nothing.
      evaluation ??= runtime.compile(
        writeProgram(
          lossOutputs(model, build, runPacked(model.decoder, { lora: model.lora }), 4),
          runtime.dialect,
        ),
      );
      return runOnce(await evaluation, batch, { parameter }, 0);
    },
    release: () => runtime.store.delete(Object.keys(shapes)),
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
