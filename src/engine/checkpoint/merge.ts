/** Folds an adapter into the weights it adapts, and says how far the result is from the adapted model. */
import { ConfigError, NumericsError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { writeProgram } from "../graph/onnx/write.ts";
import { add, mul } from "../graph/ops/elementwise.ts";
import { reshape } from "../graph/ops/layout.ts";
import { matmul } from "../graph/ops/matmul.ts";
import { input } from "../graph/tensor.ts";
import { packedAttention, packedInputs } from "../model/attention.ts";
import { createContext, type ModelContext } from "../model/context.ts";
import { packSequences } from "../model/generate-pack.ts";
import { logits, rewardScores, runTrunk } from "../model/heads.ts";
import { isAdapterParameter } from "../model/lora.ts";
import { keyOf, type Model, parameterShapes } from "../model/model.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** How far two models are apart on fixed random rows, in logits at every token, or in rewards. */
export type Comparison = {
  /** Largest absolute difference of an output. */
  readonly largestDifference: number;
  /** Largest absolute output of the first model: float32 rounding grows with it. */
  readonly largestOutput: number;
};

/** A merged model and how exact it is. */
export type Merged = Comparison & {
  /** Without adapter, under an id of its own; the adapted model is left as it was. */
  readonly model: Model;
};

/** Options of `mergeAdapter`. */
export type MergeOptions = {
  /** Id of the merged model in the store, default `${id}/merged`. */
  readonly id?: string;
};

/**
 * W + scale · B·A for every adapted projection, in float32 (Hu et al. 2021, https://arxiv.org/abs/2106.09685, section
 * 4.1); transposed where a family stores weights as [in, out], as GPT-2 does.
 * @throws ConfigError when the model has no adapter; NumericsError when an output of the merged model is not finite
 */
export async function mergeAdapter(
  runtime: Runtime,
  model: Model,
  options: MergeOptions = {},
): Promise<Merged> {
  const { lora } = model;
  if (lora === undefined) throw new ConfigError(`${model.folder || model.id}: has no adapter to merge.`);
  const id = options.id ?? `${model.id}/merged`;
  const merged: Model = {
    ...model,
    id,
    lora: undefined,
    parameters: parameterShapes(model.decoder, model.task),
  };
  const inOut = inOutProjections(model);
  for (const [name, shape] of merged.parameters) {
    const projection = name.replace(/\.weight$/, "");
    if (name.endsWith(".weight") && model.parameters.has(`${projection}.lora_A.weight`))
      await mergeOne(runtime, model, merged, projection, shape, inOut.has(projection));
    else await runtime.store.copy(keyOf(model, name), keyOf(merged, name));
  }
  return { model: merged, ...(await compareModels(runtime, model, merged)) };
}

async function mergeOne(
  runtime: Runtime,
  model: Model,
  merged: Model,
  projection: string,
  shape: readonly number[],
  inOut: boolean,
): Promise<void> {
  const names = { w: "weight", a: "lora_A.weight", b: "lora_B.weight" };
  const keys = Object.fromEntries(
    Object.entries(names).map(([short, name]) => [short, keyOf(model, `${projection}.${name}`)]),
  );
  const part = (short: "a" | "b") =>
    input(short, "float", model.parameters.get(`${projection}.${names[short]}`)!);
  const [a, b] = [part("a"), part("b")];
  // [out, in] is B·A; [in, out] is its transpose, Aᵀ·Bᵀ.
  const product = inOut ? matmul(a, b, { transA: true, transB: true }) : matmul(b, a);
  const sum = add(input("w", "float", shape), mul(product, model.lora!.on(projection)!.scale));
  const program = await runtime.compile(writeProgram({ sum }, runtime.dialect));
  const { sum: result } = await program.run({}, { inputs: keys });
  await runtime.store.set(keyOf(merged, `${projection}.weight`), shape, result!.data);
}

/** Names of the projections whose weights are stored as [in, out]; a square one does not show it. */
export function inOutProjections({ decoder }: Pick<Model, "decoder">): Set<string> {
  const found = new Set<string>();
  const inputs = packedInputs();
  const context = createContext({ ...inputs, attention: packedAttention(inputs) });
  const watching: ModelContext = {
    ...context,
    linear: (x, name, out, options) => {
      if (options?.weightIsInOut === true) found.add(name);
      return context.linear(x, name, out, options);
    },
  };
  runTrunk(watching, decoder);
  return found;
}

/** Rows on which two models are compared: the same for everybody. */
const CANARY = { rows: 3, tokens: 16, seed: 20_240_101 };

/**
 * Compares two models of one shape.
 * @throws NumericsError when an output is not finite
 */
export async function compareModels(runtime: Runtime, first: Model, second: Model): Promise<Comparison> {
  const [a, b] = [await canaryOutputs(runtime, first), await canaryOutputs(runtime, second)];
  let [largestDifference, largestOutput] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!Number.isFinite(difference))
      throw new NumericsError(
        "merge",
        `output ${i} is ${a[i]} in one model and ${b[i]} in the other. Weights are broken.`,
      );
    largestDifference = Math.max(largestDifference, difference);
    largestOutput = Math.max(largestOutput, Math.abs(a[i]!));
  }
  return { largestDifference, largestOutput };
}

async function canaryOutputs(runtime: Runtime, model: Model): Promise<Float32Array> {
  const { decoder, lora, task } = model;
  const { vocabSize, maxPositions } = decoder.config;
  const inputs = packedInputs();
  const context = createContext({ ...inputs, attention: packedAttention(inputs), lora });
  const { hidden } = runTrunk(context, decoder);
  const ends = input("ends", "int", ["S"]);
  const outputs =
    task === "reward" ? rewardScores(context, decoder, hidden, ends) : logits(context, decoder, hidden);
  const program = await runtime.compile(writeProgram({ outputs: reshape(outputs, [-1]) }, runtime.dialect));
  const rng = createRng(CANARY.seed);
  const length = Math.min(CANARY.tokens, maxPositions);
  const rows = Array.from({ length: CANARY.rows }, () => Array.from({ length }, () => rng.int(vocabSize)));
  const { ends: lasts, ...feeds } = packSequences(rows);
  const result = await program.run(task === "reward" ? { ...feeds, ends: lasts } : feeds, {
    parameter: (name) => keyOf(model, name),
  });
  return result.outputs!.data as Float32Array;
}

/** Names of a model's adapted projections. */
export function adaptedProjections({ parameters }: Pick<Model, "parameters">): string[] {
  return [...parameters.keys()].flatMap((name) =>
    isAdapterParameter(name) && name.endsWith(".lora_A.weight")
      ? [name.slice(0, -".lora_A.weight".length)]
      : [],
  );
}
