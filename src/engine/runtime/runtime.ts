/**
 * Runs programs on a device, in a thread of its own. A program's parameters live in that thread under keys
 * (`ParameterStore`); what is fed and sent back crosses as transferred arrays.
 */
import { Worker } from "node:worker_threads";
import { sha256 } from "../../base/core/digest.ts";
import { AlignError, BackendError, ShapeError } from "../../base/core/errors.ts";
import { findPackage, missingPackage } from "../../base/core/packages.ts";
import { bindSymbols, dimParts, evaluateDim } from "../graph/dims.ts";
import { outputName, type Program } from "../graph/onnx/write.ts";
import type { Dialect } from "../graph/tensor.ts";
import { type Device, defaultThreads, deviceError, dialectOf } from "./device.ts";
import type { Binding, OutputSize, Reply, Request, TensorData, Value, WorkerSetup } from "./protocol.ts";

/** Options of `openRuntime`. */
export type RuntimeOptions = { device?: Device; threads?: number };

/** Where a run's parameters come from and where its outputs go. */
export type Bindings = {
  /** Store key of a parameter; default: its own name. */
  readonly parameter?: (name: string) => string;
  /** Inputs that are bound to the store instead of fed: name → key, or part of an array. */
  readonly inputs?: Readonly<Record<string, Binding>>;
  /** Outputs written into the store instead of sent back: name → key, or part of an array. */
  readonly outputs?: Readonly<Record<string, Binding>>;
  /**
   * Arrays of earlier results that nobody needs any more. They are handed over, and outputs of equal size are written into them: with a
   * fresh array of megabytes for every step, collecting garbage takes a sixth of the time.
   */
  readonly spare?: readonly Float32Array[];
};

/** A compiled program. */
export interface Executable {
  readonly program: Program;
  /**
   * Runs once. `feeds` are handed over: their arrays must not be used afterwards.
   * @returns the outputs that are not bound to the store
   * @throws ShapeError when a feed is missing, unknown or of the wrong shape; BackendError when the run fails
   */
  run(feeds: Readonly<Record<string, Value>>, bindings?: Bindings): Promise<Record<string, Value>>;
}

/** Arrays that live in the computing thread, by key. */
export interface ParameterStore {
  /** Takes over `data`. */
  set(key: string, shape: readonly number[], data: TensorData): Promise<void>;
  /** Makes arrays of zeros, or zeroes those that are there. */
  zeros(shapes: Readonly<Record<string, readonly number[]>>): Promise<void>;
  /** A copy. @throws BackendError when nothing is stored under the key */
  get(key: string): Promise<Float32Array>;
  copy(from: string, to: string): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
}

/** One device with its compute thread. Close it, or the process stays alive. */
export interface Runtime {
  readonly device: Device;
  readonly threads: number;
  readonly dialect: Dialect;
  readonly store: ParameterStore;
  /** Compiles, or gives back what was compiled from the same bytes before. */
  compile(program: Program): Promise<Executable>;
  /** Resident memory of the process now and at its peak, bytes. */
  memory(): Promise<{ rssBytes: number; peakRssBytes: number }>;
  close(): Promise<void>;
}

/**
 * Starts the compute thread.
 * @param options.threads - cores to compute on, default all
 * @throws ConfigError when threads is not a positive integer; BackendError when ONNX Runtime is not installed
 */
export function openRuntime({ device = "cpu", threads = defaultThreads() }: RuntimeOptions = {}): Runtime {
  if (!Number.isInteger(threads) || threads < 1)
    throw new AlignError("config", `--threads: expected a positive integer, got ${threads}.`);
  if (findPackage("onnxruntime-node") === undefined)
    throw new BackendError(device, `cannot compute: ${missingPackage("onnxruntime-node")}`);
  const link = startWorker({ provider: device, threads });
  const compiled = new Map<string, Promise<Executable>>();
  return {
    device,
    threads,
    dialect: dialectOf(device),
    store: openStore(link),
    compile(program) {
      const digest = sha256(program.bytes);
      const known = compiled.get(digest);
      if (known !== undefined) return known;
      const fresh = compile(link, device, digest, program);
      compiled.set(digest, fresh);
      return fresh;
    },
    memory: async () => (await link.ask({ kind: "memory" })) as { rssBytes: number; peakRssBytes: number },
    close: () => link.close(),
  };
}

async function compile(link: Link, device: Device, digest: string, program: Program): Promise<Executable> {
  await link
    .ask({ kind: "compile", program: digest, bytes: program.bytes, precision: program.precision })
    .catch((error: Error) => {
      throw device === "cpu"
        ? new BackendError(device, `cannot compile a program: ${error.message}`)
        : deviceError(device, error.message);
    });
  return {
    program,
    async run(feeds, bindings = {}) {
      const inputs = bindings.inputs ?? {};
      const symbols = checkFeeds(program, feeds, inputs);
      checkNames("input", Object.keys(inputs), program.inputs);
      checkNames("output", Object.keys(bindings.outputs ?? {}), program.outputs);
      const keyOf = bindings.parameter ?? ((name) => name);
      const bind = {
        ...Object.fromEntries(program.parameters.map(({ name }) => [name, keyOf(name)])),
        ...inputs,
      };
      const fetch = Object.fromEntries(
        program.outputs.map(({ name }) => [outputName(name), bindings.outputs?.[name] ?? null]),
      );
      const sizes = outputSizes(program, symbols);
      const spare = (bindings.spare ?? []).filter(isWhole);
      const request: Request = { kind: "run", program: digest, feeds, bind, fetch, sizes, spare };
      const buffers = spare.map(({ buffer }) => buffer);
      const result = (await link.ask(request, buffers)) as Record<string, Value>;
      return Object.fromEntries(
        Object.entries(result).map(([name, value]) => [name.slice(outputName("").length), value]),
      );
    },
  };
}

/** Only a whole buffer of its own can be handed over. */
const isWhole = (array: Float32Array): array is Float32Array<ArrayBuffer> =>
  array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength && array.length > 0;

function checkFeeds(
  program: Program,
  feeds: Readonly<Record<string, Value>>,
  inputs: Readonly<Record<string, Binding>>,
): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const port of program.inputs) {
    const value = feeds[port.name];
    if (value === undefined) {
      if (port.name in inputs) continue;
      throw new ShapeError(
        "run",
        `input "${port.name}" is not fed; expected ${program.inputs.map((p) => p.name).join(", ")}.`,
      );
    }
    bindSymbols(port.name, port.shape, value.shape, sizes);
  }
  // Again, now that every symbol has its value: products such as B*T can only be compared.
  for (const port of program.inputs) {
    const value = feeds[port.name];
    if (value === undefined) continue;
    bindSymbols(port.name, port.shape, value.shape, sizes);
    const count = value.shape.reduce((product, dim) => product * dim, 1);
    if (value.data.length !== count)
      throw new ShapeError(
        port.name,
        `expected ${count} numbers for [${value.shape}], got ${value.data.length}.`,
      );
  }
  checkNames("input", Object.keys(feeds), program.inputs);
  const twice = Object.keys(feeds).find((name) => name in inputs);
  if (twice !== undefined) throw new ShapeError("run", `"${twice}" is both fed and bound to the store.`);
  return sizes;
}

/** Sizes of the outputs whose symbols are all known from what is fed. */
function outputSizes(program: Program, symbols: ReadonlyMap<string, number>): Record<string, OutputSize> {
  const known = program.outputs.filter(({ shape }) =>
    shape.every((dim) => dimParts(dim).symbols.every((symbol) => symbols.has(symbol))),
  );
  const types = { float: program.precision, int: "int32", bool: "bool" } as const;
  return Object.fromEntries(
    known.map(({ name, dtype, shape }) => [
      outputName(name),
      { type: types[dtype], shape: shape.map((dim) => evaluateDim(dim, symbols)) },
    ]),
  );
}

function checkNames(
  what: string,
  names: readonly string[],
  ports: readonly { readonly name: string }[],
): void {
  const unknown = names.find((name) => !ports.some((port) => port.name === name));
  if (unknown === undefined) return;
  const known = ports.map(({ name }) => name).join(", ");
  throw new ShapeError("run", `"${unknown}" is no ${what} of the program, expected one of ${known}.`);
}

function openStore(link: Link): ParameterStore {
  return {
    set: async (key, shape, data) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      if (data.length !== size)
        throw new ShapeError(key, `expected ${size} numbers for [${shape}], got ${data.length}.`);
      // A part of a larger buffer is copied: handing the buffer over would take the rest of it away, too.
      if (data.byteLength !== data.buffer.byteLength) data = data.slice();
      await link.ask({ kind: "set", key, value: { data, shape } }, [data.buffer as ArrayBuffer]);
    },
    zeros: async (keys) => {
      await link.ask({ kind: "zeros", keys });
    },
    get: async (key) => ((await link.ask({ kind: "get", key })) as Value).data as Float32Array,
    copy: async (from, to) => {
      await link.ask({ kind: "copy", from, to });
    },
    delete: async (keys) => {
      await link.ask({ kind: "delete", keys });
    },
  };
}

interface Link {
  ask(request: Request, transfer?: readonly ArrayBuffer[]): Promise<unknown>;
  close(): Promise<void>;
}

function startWorker(setup: WorkerSetup): Link {
  const worker = spawnWorker(setup);
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on("message", (reply: Reply) => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if ("error" in reply) caller?.reject(new BackendError(setup.provider, reply.error));
    else caller?.resolve(reply.result);
  });
  worker.on("error", (error) =>
    end(new BackendError(setup.provider, `the compute thread failed: ${error.message}`)),
  );
  let gone = false;
  worker.on("exit", () => {
    gone = true;
  });
  worker.on("exit", (code) =>
    end(new BackendError(setup.provider, `the compute thread ended with code ${code}`)),
  );
  worker.unref(); // an idle runtime does not keep the process alive
  return {
    ask(request, transfer = []) {
      if (ended !== undefined) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, request }, transfer);
      });
    },
    // Not `terminate`: a thread ended inside a native run takes the process with it, now and then.
    close: () =>
      new Promise((resolve) => {
        if (gone) return resolve();
        worker.once("exit", () => resolve());
        worker.ref();
        worker.postMessage({ id: -1, request: { kind: "close" } });
        end(new BackendError(setup.provider, "the runtime was closed"));
      }),
  };
}

function spawnWorker(setup: WorkerSetup): Worker {
  if (!import.meta.url.endsWith(".ts"))
    return new Worker(new URL("./worker.js", import.meta.url), { workerData: setup });
  // From source (tests) the worker is TypeScript, which Node 20 reads through tsx, registered inside the thread.
  const url = JSON.stringify(new URL("./worker.ts", import.meta.url).href);
  const start = `import("tsx/esm/api").then(({ register }) => { register(); return import(${url}); })`;
  return new Worker(start, { eval: true, workerData: setup });
}
