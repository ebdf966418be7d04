/** Loads encoders' reward models and scores token sequences with them. */
import { CheckpointError, NumericsError, show } from "../../base/core/errors.ts";
import { formatShape, sameShape } from "../graph/dims.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import type { PackedBits, PackedWeights } from "../graph/packed.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Encoder } from "../model/encoders/encoder.ts";
import { describeEncoder, ENCODERS } from "../model/encoders/index.ts";
import { packableWeights } from "../model/packable.ts";
import type { Value } from "../runtime/protocol.ts";
import type { Executable, Runtime } from "../runtime/runtime.ts";
import { ints } from "../runtime/values.ts";
import { openPacking } from "./few-bits.ts";
import { openModelFolder, readModelConfig } from "./model-folder.ts";

/** An encoder reward model in a runtime's store, under keys `${id}/${parameter}`. */
export type EncoderModel = {
  readonly id: string;
  readonly encoder: Encoder;
  readonly parameters: ReadonlyMap<string, readonly number[]>;
  /** Weights in few bits: held until the first scores are asked for, then in the program that gives them. */
  readonly packed?: PackedEncoder | undefined;
};

type PackedEncoder = { held: PackedWeights | undefined; program?: Promise<Executable> };

/** One sequence: ids as the tokenizer gives them, [CLS] first; `types` tells a second text apart. */
export type EncoderSequence = { readonly ids: readonly number[]; readonly types?: readonly number[] };

/**
 * The config of an encoder's folder; undefined where a folder holds another kind of model.
 * @throws CheckpointError when its config asks for something that is not computed
 */
export async function loadEncoderConfig(path: string): Promise<Encoder | undefined> {
  return describeEncoder(await readModelConfig(path), `${path}/config.json`);
}

/** Tensors some files carry that are computed here. */
const BUFFER = /(position_ids|inv_freq)$/;

/**
 * Loads a folder of an encoder's reward model.
 * @param options.bits - holds weights in so few bits, for scores alone; the folder stays as it is
 * @throws CheckpointError when something is wrong, missing or left over
 */
export async function loadEncoder(
  runtime: Runtime,
  path: string,
  { id = path, bits }: { readonly id?: string; readonly bits?: PackedBits | undefined } = {},
): Promise<EncoderModel> {
  const folder = await openModelFolder(path);
  try {
    const file = `${folder.path}/config.json`;
    const encoder = describeEncoder(folder.config, file);
    if (encoder === undefined)
      throw new CheckpointError(
        file,
        `"model_type": expected an encoder (${ENCODERS.map(({ modelType }) => modelType).join(", ")}), got ${show(folder.config.model_type)}.`,
      );
    const { context, scores } = encoder.scores();
    const parameters = new Map(
      [...context.parameters()].map(([name, tensor]) => [name, tensor.shape as readonly number[]]),
    );
    const left = folder.names.filter((name) => !parameters.has(name) && !BUFFER.test(name));
    if (left.length > 0)
      throw new CheckpointError(
        path,
        `holds tensors that are not computed here: ${left.slice(0, 5).join(", ")}.`,
      );
    const packing = openPacking(path, bits, (few) => packableWeights(scores, few, () => false));
    for (const [name, shape] of parameters) {
      const { shape: stored } = folder.info(name);
      if (!sameShape(stored, shape))
        throw new CheckpointError(
          path,
          `"${name}" is ${formatShape(stored)}, config.json implies ${formatShape(shape)}.`,
        );
      const data = await folder.read(name);
      if (!packing?.take(name, data)) await runtime.store.set(`${id}/${name}`, shape, data);
    }
    return { id, encoder, parameters, packed: packing && { held: packing.held } };
  } finally {
    await folder.close();
  }
}

/** Feeds of a batch of sequences, right-padded to the longest. @throws CheckpointError for a sequence longer than the model knows */
export function encoderFeeds(encoder: Encoder, sequences: readonly EncoderSequence[]): Record<string, Value> {
  const width = Math.max(...sequences.map((s) => s.ids.length));
  if (width > encoder.maxPositions)
    throw new CheckpointError(
      "encoder",
      `a sequence has ${width} tokens, expected at most ${encoder.maxPositions}. Cut it before scoring.`,
    );
  const shape = [sequences.length, width];
  const [ids, types, mask] = [0, 1, 2].map(() => new Int32Array(sequences.length * width));
  sequences.forEach((sequence, b) => {
    ids!.set(sequence.ids, b * width);
    types!.set(sequence.types ?? [], b * width);
    mask!.fill(1, b * width, b * width + sequence.ids.length);
  });
  return {
    ids: ints(ids!, shape),
    types: ints(types!, shape),
    mask: ints(mask!, shape),
    ...encoder.feeds(width),
  };
}

/** Runs a program over an encoder's parameters; scores alone of one in few bits. */
export async function runEncoder(
  runtime: Runtime,
  model: EncoderModel,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Value>>,
): Promise<Record<string, Value>> {
  const executable = await compiled(runtime, model, outputs);
  const wanted = executable.program.inputs
    .filter(({ name }) => name in feeds)
    .map(({ name }) => [name, feeds[name]!]);
  return executable.run(Object.fromEntries(wanted), { parameter: (name) => `${model.id}/${name}` });
}

/** Weights in few bits are constants of their program, which is compiled once. */
function compiled(
  runtime: Runtime,
  { packed }: EncoderModel,
  outputs: Readonly<Record<string, Tensor>>,
): Promise<Executable> {
  if (packed === undefined) return runtime.compile(writeProgram(outputs, runtime.dialect));
  packed.program ??= runtime.compile(writeProgram(outputs, runtime.dialect, packed.held));
  packed.held = undefined;
  return packed.program;
}

/**
 * Scores sequences, like lengths together. @param batchSize - sequences per run
 * @throws NumericsError when a score is not finite
 */
export async function scoreSequences(
  runtime: Runtime,
  model: EncoderModel,
  sequences: readonly EncoderSequence[],
  batchSize = 16,
): Promise<number[]> {
  const { scores } = model.encoder.scores();
  const order = sequences
    .map((_, i) => i)
    .sort((a, b) => sequences[a]!.ids.length - sequences[b]!.ids.length || a - b);
  const result: number[] = new Array(sequences.length);
  for (let start = 0; start < order.length; start += batchSize) {
    const indices = order.slice(start, start + batchSize);
    const feeds = encoderFeeds(
      model.encoder,
      indices.map((i) => sequences[i]!),
    );
    const values = (await runEncoder(runtime, model, { scores }, feeds))["scores"]!.data;
    indices.forEach((index, i) => {
      result[index] = values[i] as number;
    });
  }
  const bad = result.find((score) => !Number.isFinite(score));
  if (bad !== undefined) throw new NumericsError("score", `a reward is ${bad}, expected a finite number.`);
  return result;
}

/** Takes an encoder's parameters out of the store, and those in few bits out of their program. */
export async function releaseEncoder(runtime: Runtime, model: EncoderModel): Promise<void> {
  await (await model.packed?.program)?.release();
  await runtime.store.delete([...model.parameters.keys()].map((name) => `${model.id}/${name}`));
}
