/** The programs of generation: prefill, step, and moving cache rows; built and compiled once per model and mode. */
import { writeProgram } from "../graph/onnx/write.ts";
import { exp, lessEqual, mul, scalar, sub, where } from "../graph/ops/elementwise.ts";
import { argmax, maxLast } from "../graph/ops/extremes.ts";
import { gatherRows, setRows } from "../graph/ops/gather.ts";
import { padTo, reshape, sum } from "../graph/ops/layout.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { Executable, Runtime } from "../runtime/runtime.ts";
import { packedAttention, packedInputs } from "./attention.ts";
import { fillingAttention, steppingAttention } from "./cached-attention.ts";
import { type ContextSetup, createContext } from "./context.ts";
import type { Decoder } from "./family.ts";
import { logits, runTrunk } from "./heads.ts";
import type { LoraSpec } from "./lora.ts";
import type { Model } from "./model.ts";
import { MASS_CHUNK } from "./sampling.ts";

/** "greedy" sends back one id per sequence, "sample" the logits and what `sampleToken` wants beside them. */
export type GenerationMode = "greedy" | "sample";

/** Compiled programs of one model. */
export type GenerationPrograms = {
  /** Fills the cache with prompts (a packed batch) and predicts what follows the tokens "ends" `[E]`. */
  readonly prefill: Executable;
  /** One more token for each of N sequences. */
  readonly step: Executable;
  /** Copies rows "from" of the cache array "old" to rows "to" of "new". */
  readonly move: Executable;
};

/** Programs by runtime, decoder, adapter and mode; a program does not depend on the weights. */
const known = new WeakMap<Runtime, WeakMap<Decoder, Map<string, Promise<GenerationPrograms>>>>();

/** Compiles a model's programs, or gives those made before. */
export function generationPrograms(
  runtime: Runtime,
  model: Model,
  mode: GenerationMode,
): Promise<GenerationPrograms> {
  const byDecoder = known.get(runtime) ?? new WeakMap<Decoder, Map<string, Promise<GenerationPrograms>>>();
  known.set(runtime, byDecoder);
  const byKey = byDecoder.get(model.decoder) ?? new Map<string, Promise<GenerationPrograms>>();
  byDecoder.set(model.decoder, byKey);
  const { rank, scale, targets, parts } = model.lora ?? {};
  const key = JSON.stringify([mode, rank, scale, targets, parts && [...parts]]);
  const programs = byKey.get(key) ?? compilePrograms(runtime, model, mode);
  byKey.set(key, programs);
  return programs;
}

async function compilePrograms(
  runtime: Runtime,
  { decoder, lora }: Model,
  mode: GenerationMode,
): Promise<GenerationPrograms> {
  const compile = (outputs: Readonly<Record<string, Tensor>>) =>
    runtime.compile(writeProgram(outputs, runtime.dialect));
  return {
    prefill: await compile(prefillOutputs(decoder, lora, mode)),
    step: await compile(stepOutputs(decoder, lora, mode)),
    move: await compile(moveOutputs(decoder.config.headDim)),
  };
}

type Outputs = Record<string, Tensor>;

function prefillOutputs(decoder: Decoder, lora: LoraSpec | undefined, mode: GenerationMode): Outputs {
  const inputs = packedInputs();
  const { attention, written } = fillingAttention(packedAttention(inputs));
  const setup = { ...inputs, attention, lora };
  return { ...predictions(decoder, setup, mode, input("ends", "int", ["E"])), ...written };
}

function stepOutputs(decoder: Decoder, lora: LoraSpec | undefined, mode: GenerationMode): Outputs {
  const [ids, positions] = [input("ids", "int", ["N"]), input("positions", "int", ["N"])];
  const { attention, written } = steppingAttention(positions);
  const reaches = (position: number) => where(lessEqual(position, positions), scalar(1), scalar(0));
  return { ...predictions(decoder, { ids, positions, attention, reaches, lora }, mode), ...written };
}

/** What follows the tokens at `ends`, or every token. "check" is finite where all logits are. */
function predictions(decoder: Decoder, setup: ContextSetup, mode: GenerationMode, ends?: Tensor): Outputs {
  const context = createContext(setup);
  const { hidden } = runTrunk(context, decoder);
  const scores = logits(context, decoder, ends === undefined ? hidden : gatherRows(hidden, ends)); // [E, V]
  const check = sum(scores, [1]);
  if (mode === "greedy") return { check, token: argmax(scores) };
  const max = maxLast(scores);
  const weights = exp(mul(sub(scores, max), input("inverseTemperature", "float", [])));
  return { check, logits: scores, max, masses: chunkSums(weights) };
}

/** Sums over chunks of `MASS_CHUNK` columns, the last one padded: `[E, V]` → `[E, ⌈V / 256⌉]`. */
function chunkSums(x: Tensor): Tensor {
  const [rows, width] = x.shape as readonly [string, number];
  const chunks = Math.ceil(width / MASS_CHUNK);
  const full = chunks * MASS_CHUNK;
  const padded = full === width ? x : padTo(x, 1, 0, full);
  return sum(reshape(padded, [rows, chunks, MASS_CHUNK]), [2]);
}

function moveOutputs(headDim: number): Outputs {
  const [old, fresh] = [input("old", "float", ["P", headDim]), input("new", "float", ["Q", headDim])];
  const [from, to] = [input("from", "int", ["R"]), input("to", "int", ["R"])];
  return { new: setRows(fresh, to, gatherRows(old, from)) };
}
