/**
 * Runs programs on a device, in a thread of its own. A program's parameters live in that thread under keys
 * (`ParameterStore`); what is fed and sent back crosses as transferred arrays.
 */
import { sha256 } from "../../base/core/digest.ts";
import { AlignError, BackendError, ShapeError } from "../../base/core/errors.ts";
import { findPackage, missingPackage } from "../../base/core/packages.ts";
import { bindSymbols, dimParts, evaluateDim } from "../graph/dims.ts";
import { outputName, type Program } from "../graph/onnx/write.ts";
import type { Dialect } from "../graph/tensor.ts";
import { type Copies, openCopies } from "./copies.ts";
import { type Device, defaultThreads, deviceError, dialectOf } from "./device.ts";
import { type Link, startWorker } from "./link.ts";
import { withProgramFolder } from "./program-folder.ts";
import type { Binding, OutputSize, Request, Value } from "./protocol.ts";
import { openStore, type ParameterStore } from "./store.ts";

/** Options of `openRuntime`. */
export type RuntimeOptions = { device?: Device | undefined; threads?: number | undefined };

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
  /** Without its file of constants, which the session has. */
  readonly program: Omit<Program, "file">;
  /**
   * Runs once. `feeds` are handed over: their arrays must not be used afterwards.
   * @returns the outputs that are not bound to the store
   * @throws ShapeError when a feed is missing, unknown or of the wrong shape; BackendError when the run fails
   */
  run(feeds: Readonly<Record<string, Value>>, bindings?: Bindings): Promise<Record<string, Value>>;
  /** Frees a program that holds constants of a file, which is nobody else's; others stay compiled, for they may be. */
  release(): Promise<void>;
}

/** One device with its compute thread. Close it, or the process stays alive. */
export interface Runtime {
  readonly device: Device;
  readonly threads: number;
  readonly dialect: Dialect;
  readonly store: ParameterStore;
  /** Compiles, or gives back what was compiled from the same bytes before; one with a file of constants is compiled for each caller. */
  compile(program: Program): Promise<Executable>;
  /**
   * Computing threads beside each other, each with an equal share of the cores (docs/decisions/0015). The first is this runtime's own
   * thread; every other reads this store's parameters from copies, renewed when they have changed, and keeps what its runs are bound
   * to in a store of its own. They close with this runtime. A lane has no lanes but itself.
   * @param count - 1 to `threads`
   */
  lanes(count: number): readonly Runtime[];
  /**
   * Brings a lane's copies of these parameters up to date. A run does so by itself; asked for before runs of the other lanes, it does not
   * wait for them.
   */
  refresh(keys: readonly string[]): Promise<void>;
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
  const link = startWorker({ provider: device });
  const copies = openCopies(link);
  const store = openStore(link, { changed: copies.changed, deleted: copies.forget });
  const own: Place = { link, device, wrote: copies.changed };
  /** Threads beside the first, started when they are first asked for. */
  const others: { place: Place; store: ParameterStore }[] = [];
  const other = (index: number) => {
    others[index] ??= openOther(startWorker({ provider: device }), device, copies);
    return others[index];
  };
  const closeAll = async () => {
    await Promise.all([link, ...others.map(({ place }) => place.link)].map((each) => each.close()));
  };
  const open = (place: Place, cores: number, arrays: ParameterStore, lanes: Runtime["lanes"]): Runtime => ({
    device,
    threads: cores,
    dialect: dialectOf(device),
    store: arrays,
    compile: compiler(place, cores),
    lanes,
    refresh: async (keys) => place.reads?.(keys),
    memory: async () => (await link.ask({ kind: "memory" })) as { rssBytes: number; peakRssBytes: number },
    close: closeAll,
  });
  const opened = new Map<number, readonly Runtime[]>();
  const runtime: Runtime = open(own, threads, store, (count) => {
    if (!Number.isInteger(count) || count < 1 || count > threads)
      throw new AlignError("config", `lanes: expected an integer from 1 to ${threads}, got ${count}.`);
    if (count === 1) return [runtime];
    const known = opened.get(count) ?? makeLanes(count);
    opened.set(count, known);
    return known;
  });
  const makeLanes = (count: number): readonly Runtime[] =>
    Array.from({ length: count }, (_, index) => {
      const { place, store: arrays } = index === 0 ? { place: own, store } : other(index - 1);
      const lane: Runtime = open(place, Math.floor(threads / count), arrays, () => [lane]);
      return lane;
    });
  return runtime;
}

/** A computing thread and what its runs have to do with the other threads. */
type Place = {
  readonly link: Link;
  readonly device: Device;
  /** Waited for before a run that reads these parameters. */
  readonly reads?: (keys: readonly string[]) => Promise<void>;
  /** Told the keys that a run is about to write. */
  readonly wrote?: (keys: readonly string[]) => void;
};

function openOther(link: Link, device: Device, copies: Copies): { place: Place; store: ParameterStore } {
  return { place: { link, device, reads: copies.for(link) }, store: openStore(link) };
}

/** Compiles once for each program. */
function compiler(place: Place, threads: number): Runtime["compile"] {
  const compiled = new Map<string, Promise<Executable>>();
  let own = 0;
  return (program) => {
    const name = `${sha256(program.bytes)}/${threads}`;
    if (program.file !== undefined) return compile(place, `${name}/${own++}`, threads, program);
    const known = compiled.get(name) ?? compile(place, name, threads, program);
    compiled.set(name, known);
    return known;
  };
}

async function compile(
  place: Place,
  name: string,
  threads: number,
  { file, ...program }: Program,
): Promise<Executable> {
  const { link, device } = place;
  const { bytes, precision } = program;
  const ask = (what: Uint8Array | string) =>
    link.ask({ kind: "compile", program: name, bytes: what, precision, threads });
  await (file === undefined ? ask(bytes) : withProgramFolder(bytes, file, ask)).catch((error: Error) => {
    if (!(error instanceof BackendError)) throw error;
    throw device === "cpu"
      ? new BackendError(device, `cannot compile a program: ${error.message}`)
      : deviceError(device, error.message);
  });
  return executableOf(place, { name, program, own: file !== undefined });
}

/** A function of its own, so that what runs holds no file of constants. */
function executableOf(
  { link, reads, wrote }: Place,
  { name, program, own }: { name: string; program: Executable["program"]; own: boolean },
): Executable {
  return {
    program,
    release: async () => {
      if (own) await link.ask({ kind: "release", program: name });
    },
    async run(feeds, bindings = {}) {
      const inputs = bindings.inputs ?? {};
      const symbols = checkFeeds(program, feeds, inputs);
      checkNames("input", Object.keys(inputs), program.inputs);
      checkNames("output", Object.keys(bindings.outputs ?? {}), program.outputs);
      const keyOf = bindings.parameter ?? ((parameter) => parameter);
      const parameters = program.parameters.map((port) => [port.name, keyOf(port.name)] as const);
      const bind = { ...Object.fromEntries(parameters), ...inputs };
      const fetch = Object.fromEntries(
        program.outputs.map((port) => [outputName(port.name), bindings.outputs?.[port.name] ?? null]),
      );
      const sizes = outputSizes(program, symbols);
      const spare = (bindings.spare ?? []).filter(isWhole);
      const request: Request = { kind: "run", program: name, feeds, bind, fetch, sizes, spare };
      const buffers = spare.map(({ buffer }) => buffer);
      // Not awaited where there is nothing to wait for: requests keep the order of the calls.
      if (reads !== undefined) await reads(parameters.map(([, key]) => key));
      const asked = link.ask(request, buffers);
      wrote?.(Object.values(bindings.outputs ?? {}).map((to) => (typeof to === "string" ? to : to.key)));
      const result = (await asked) as Record<string, Value>;
      return Object.fromEntries(
        Object.entries(result).map(([output, value]) => [output.slice(outputName("").length), value]),
      );
    },
  };
}

/** Only a whole buffer of its own can be handed over. */
const isWhole = (array: Float32Array): array is Float32Array<ArrayBuffer> =>
  array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength && array.length > 0;

function checkFeeds(
  program: Executable["program"],
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
function outputSizes(
  program: Executable["program"],
  symbols: ReadonlyMap<string, number>,
): Record<string, OutputSize> {
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
