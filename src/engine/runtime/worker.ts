/**
 * The thread that computes: ONNX Runtime sessions and the arrays they read and write. It knows programs and
 * keys, nothing of models or training. `session.run` blocks this thread; the main thread stays free.
 */
import { parentPort, workerData } from "node:worker_threads";
import type * as Ort from "onnxruntime-node";
import { loadPackage } from "../../base/core/packages.ts";
import { SENTINEL } from "../graph/onnx/write.ts";
import type {
  Binding,
  Envelope,
  OutputSize,
  Reply,
  Request,
  TensorData,
  Value,
  WorkerSetup,
} from "./protocol.ts";

const ort = loadPackage("onnxruntime-node").exports as typeof Ort;
const setup = workerData as WorkerSetup;
const sessions = new Map<string, Ort.InferenceSession>();
const store = new Map<string, Value>();

ort.env.logLevel = "error";

const sessionOptions: Ort.InferenceSession.SessionOptions = {
  executionProviders: [setup.provider],
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
  enableMemPattern: false, // shapes change from batch to batch
};

/** Float64 programs are checks: the extended fusions would turn them into ops that have only float kernels. */
function optionsFor({
  precision,
  threads,
}: Extract<Request, { kind: "compile" }>): Ort.InferenceSession.SessionOptions {
  const options = { ...sessionOptions, intraOpNumThreads: threads };
  return precision === "float32" ? options : { ...options, graphOptimizationLevel: "basic" };
}

/** The two spellings have declarations of their own. */
const create = (request: Extract<Request, { kind: "compile" }>): Promise<Ort.InferenceSession> =>
  typeof request.bytes === "string"
    ? ort.InferenceSession.create(request.bytes, optionsFor(request))
    : ort.InferenceSession.create(request.bytes, optionsFor(request));

function elementType(value: Value): Ort.Tensor.Type {
  if (value.bool) return "bool";
  if (value.data instanceof Float32Array) return "float32";
  if (value.data instanceof Float64Array) return "float64";
  if (value.data instanceof Int32Array) return "int32";
  return value.data instanceof BigInt64Array ? "int64" : "uint8";
}

function tensorOf(value: Value): Ort.Tensor {
  return new ort.Tensor(elementType(value), value.data, value.shape as number[]);
}

function stored(key: string): Value {
  const value = store.get(key);
  if (value === undefined) throw new Error(`nothing is stored under "${key}"`);
  return value;
}

function bound(binding: Binding): Ort.Tensor {
  if (typeof binding === "string") return tensorOf(stored(binding));
  const { key, offset, length } = binding;
  const { data } = stored(key);
  if (!(offset >= 0 && length >= 0 && offset + length <= data.length))
    throw new Error(`"${key}" holds ${data.length} numbers, not ${length} from ${offset} on`);
  return tensorOf({ data: data.subarray(offset, offset + length), shape: [length] });
}

async function run(request: Extract<Request, { kind: "run" }>): Promise<Record<string, Value>> {
  const session = sessions.get(request.program);
  if (session === undefined) throw new Error(`program ${request.program} was not compiled`);
  const feeds: Record<string, Ort.Tensor> = {};
  for (const [name, value] of Object.entries(request.feeds)) feeds[name] = tensorOf(value);
  for (const [name, binding] of Object.entries(request.bind)) feeds[name] = bound(binding);
  const back: Record<string, Value> = {};
  const fetches: Record<string, Ort.Tensor | null> = {};
  const spare = [...request.spare];
  // An output may be written to the array an input reads: programs do so only where each element is read
  // before it is written (sums onto gradients, optimiser updates, cache rows).
  for (const [name, binding] of Object.entries(request.fetch)) {
    const size = request.sizes[name];
    if (binding === null && size !== undefined) back[name] = emptyValue(size, spare);
    fetches[name] = binding !== null ? bound(binding) : back[name] ? tensorOf(back[name]) : null;
  }
  if (await runInPlace(session, feeds, fetches)) return back;
  const results = await session.run(feeds, fetches as Ort.InferenceSession.OnnxValueMapType, RUN_OPTIONS);
  for (const [name, tensor] of Object.entries(fetches)) {
    if (tensor !== null) continue;
    const result = results[name]!;
    const data = (await result.getData()) as TensorData;
    back[name] = { data, shape: result.dims, ...(result.type === "bool" ? { bool: true } : {}) };
  }
  return back;
}

const RUN_OPTIONS: Ort.InferenceSession.RunOptions = { logSeverityLevel: 3 };

/** What onnxruntime-node says of a sequence, which it cannot hand to JavaScript. */
const SENTINEL_REFUSED = /Non tensor type is temporarily not supported/;

/**
 * Runs with every output written where it belongs. onnxruntime-node 1.30 copies each output into a fresh array even where one
 * was given for it: for gradients that is the size of the model, every micro-batch. It copies in the order of outputs and stops at
 * the first it cannot convert, so the sentinel (docs/decisions/0007) is asked for first. Where it does convert it, nothing is lost.
 * @returns false when an output has no array yet, and nothing was run
 */
async function runInPlace(
  session: Ort.InferenceSession,
  feeds: Record<string, Ort.Tensor>,
  fetches: Readonly<Record<string, Ort.Tensor | null>>,
): Promise<boolean> {
  if (Object.values(fetches).includes(null)) return false;
  const outputs = { [SENTINEL]: null, ...fetches } as unknown as Ort.InferenceSession.OnnxValueMapType;
  try {
    await session.run(feeds, outputs, RUN_OPTIONS);
  } catch (error) {
    if (!(error instanceof Error && SENTINEL_REFUSED.test(error.message))) throw error;
  }
  return true;
}

/** An array for an output; one of the spare ones, which is used up then, where its size is right. */
function emptyValue({ type, shape }: OutputSize, spare: Float32Array<ArrayBuffer>[]): Value {
  const size = shape.reduce((product, dim) => product * dim, 1);
  switch (type) {
    case "float32": {
      const at = spare.findIndex(({ length }) => length === size);
      return { data: at < 0 ? new Float32Array(size) : spare.splice(at, 1)[0]!, shape };
    }
    case "float64":
      return { data: new Float64Array(size), shape };
    case "int32":
      return { data: new Int32Array(size), shape };
    case "bool":
      return { data: new Uint8Array(size), shape, bool: true };
    default:
      return type satisfies never;
  }
}

function floatsUnder(key: string): Float32Array {
  const { data } = stored(key);
  if (data instanceof Float32Array) return data;
  throw new Error(`"${key}" holds ${data.constructor.name}, expected float32 numbers`);
}

/** Adds numbers onto others of the same count, and leaves zeros where they were. */
function addOnto(sums: Float32Array, numbers: TensorData): void {
  if (!(numbers instanceof Float32Array) || numbers.length !== sums.length)
    throw new Error(`cannot add ${numbers.length} numbers onto ${sums.length}`);
  for (let i = 0; i < sums.length; i++) sums[i]! += numbers[i]!;
  numbers.fill(0);
}

/** A copy of a value, in the array that is given where it fits. */
function filled(into: TensorData, { data, shape, ...more }: Value): Value {
  if (into.length !== data.length || into.constructor !== data.constructor)
    return { data: data.slice(), shape, ...more };
  into.set(data as never);
  return { data: into, shape, ...more };
}

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "compile":
      sessions.set(request.program, await create(request));
      return undefined;
    case "run":
      return run(request);
    case "set":
      store.set(request.key, request.value);
      return undefined;
    case "put":
      for (const [key, value] of Object.entries(request.values)) store.set(key, value);
      return undefined;
    case "take": {
      const values = Object.fromEntries(request.keys.map((key) => [key, stored(key)]));
      for (const key of request.keys) store.delete(key);
      return values;
    }
    case "add":
      for (const [key, { data }] of Object.entries(request.values)) addOnto(floatsUnder(key), data);
      return request.values;
    case "fill":
      return Object.fromEntries(
        Object.entries(request.values).map(([key, { data }]) => [key, filled(data, stored(key))]),
      );
    case "zeros":
      for (const [key, shape] of Object.entries(request.keys)) {
        const size = shape.reduce((product, dim) => product * dim, 1);
        const known = store.get(key);
        const data = known?.data.length === size ? known.data : new Float32Array(size);
        if (data === known?.data) data.fill(0 as never);
        store.set(key, { data, shape });
      }
      return undefined;
    case "get": {
      const { data, shape } = stored(request.key);
      return { data: data.slice(), shape };
    }
    case "copy": {
      const { data, shape } = stored(request.from);
      const target = store.get(request.to);
      const reuse = target?.data.length === data.length && target.data.constructor === data.constructor;
      if (reuse) target.data.set(data as never);
      store.set(request.to, { data: reuse ? target.data : data.slice(), shape });
      return undefined;
    }
    case "delete":
      for (const key of request.keys) store.delete(key);
      return undefined;
    case "release":
      await sessions.get(request.program)?.release();
      sessions.delete(request.program);
      return undefined;
    case "memory":
      return { rssBytes: process.memoryUsage().rss, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
    case "close":
      return undefined;
    default:
      request satisfies never;
      return undefined;
  }
}

function transferables(result: unknown): ArrayBuffer[] {
  if (result === null || typeof result !== "object") return [];
  const values = "data" in result ? [result as Value] : Object.values(result as Record<string, Value>);
  return values.flatMap((value) => (value?.data?.buffer instanceof ArrayBuffer ? [value.data.buffer] : []));
}

// One request at a time, in order: a run sees every array as the requests before it left them.
let queue = Promise.resolve();
let closing = false;
parentPort!.on("message", ({ id, request }: Envelope) => {
  if (request.kind === "close") {
    closing = true;
    queue = queue.then(() => process.exit(0)); // in a thread this ends the thread
    return;
  }
  queue = queue.then(async () => {
    if (closing) return;
    try {
      const result = await answer(request);
      parentPort!.postMessage({ id, result } satisfies Reply, [...new Set(transferables(result))]);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      parentPort!.postMessage({ id, error: message } satisfies Reply);
    }
  });
});
