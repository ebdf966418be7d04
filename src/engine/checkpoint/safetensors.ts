/**
 * Reads and writes safetensors files. Reading is lazy: opening reads the header, a tensor's bytes are read when
 * asked for. Nothing is allocated before its size was checked against the file's.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { CheckpointError, pathProblem } from "../../base/core/errors.ts";
import { openFileAtomic, writeFileAtomic } from "../../base/core/files.ts";
import { openForReading } from "../../base/core/regular-file.ts";
import { temporaryFor } from "../../base/core/temporaries.ts";
import { sameShape } from "../graph/dims.ts";
import {
  DTYPE_BYTES,
  decodeFloats,
  encodeFloats,
  firstNonFinite,
  isFloatDtype,
  type StoredDtype,
  storedDtype,
  type WeightDtype,
} from "./dtypes.ts";
import {
  elementCount,
  formatHeader,
  MAX_HEADER_BYTES,
  parseHeader,
  type TensorEntry,
  type TensorLayout,
} from "./safetensors-header.ts";

/** What is known of a stored tensor without reading it. */
export type TensorInfo = { readonly dtype: StoredDtype; readonly shape: readonly number[] };

/** A float32 tensor on its way to a file: row-major `data` of `shape`. */
export type NamedTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
};

/** Stored tensors by name; `close` when done. */
export interface TensorSource {
  /** Path the tensors come from, for messages. */
  readonly path: string;
  /** Names as stored, in the file's order. */
  readonly names: readonly string[];
  /** dtype and shape. @throws CheckpointError when there is no such tensor */
  info(name: string): TensorInfo;
  /**
   * The tensor as float32, row-major.
   * @throws CheckpointError when it is missing, of a dtype that is no float, or holds NaN or infinity
   */
  read(name: string): Promise<Float32Array>;
  /** The tensor's bytes as stored, in chunks. @throws CheckpointError when there is no such tensor */
  bytes(name: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Conversion and copying go through pieces of this many bytes. */
const CHUNK = 2 ** 22;

/**
 * Opens a safetensors file and checks its header.
 * @throws CheckpointError naming the file, and the tensor where it is one's fault
 */
export async function openSafetensors(path: string): Promise<TensorSource> {
  const file = await openForReading(path).catch((error) => {
    throw new CheckpointError(path, pathProblem(error, "cannot be opened"), { cause: error });
  });
  try {
    const { size } = await file.stat();
    const headerBytes = await readHeaderLength(path, file, size);
    const json = new Uint8Array(headerBytes);
    await readFully(path, file, json, 8);
    const dataStart = 8 + headerBytes;
    return tensorSource(path, file, parseHeader(path, json, size - dataStart), dataStart);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Writes tensors in the order given, atomically; values are rounded to nearest even. Streams: one tensor is held at a time,
 * where no layout is given at the price of copying the bytes once on disk, because the header comes first and is known last.
 * @param layout - names and sizes of these tensors, in their order
 * @returns total bytes of tensor data
 * @throws CheckpointError for a duplicate name, a shape that does not fit its data, or a value the dtype cannot hold
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<NamedTensor> | AsyncIterable<NamedTensor>,
  dtype: WeightDtype = "float32",
  layout?: readonly TensorLayout[],
): Promise<number> {
  const writer = await createSafetensorsWriter(path, dtype, layout);
  try {
    for await (const tensor of tensors) await writer.add(tensor);
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** A safetensors file being written: `add` tensors, then `finish` or `abort`. */
export interface SafetensorsWriter {
  add(tensor: NamedTensor): Promise<void>;
  /** Puts the file in place; returns the bytes of tensor data. */
  finish(): Promise<number>;
  abort(): Promise<void>;
}

/**
 * Starts a safetensors file. Its header comes first: with the layout of all tensors, in order, it is written at once and every byte once;
 * without, data is collected aside until `finish`, and copied.
 */
export async function createSafetensorsWriter(
  path: string,
  dtype: WeightDtype,
  layout?: readonly TensorLayout[],
): Promise<SafetensorsWriter> {
  if (layout !== undefined) return directWriter(path, dtype, layout);
  const part = await temporaryFor(path);
  const file = await open(part, "w");
  const entries = new Map<string, ReturnType<typeof storedEntry>>();
  let total = 0;
  const drop = () => rm(part, { force: true });
  return {
    async add(tensor) {
      if (entries.has(tensor.name)) throw new CheckpointError(path, `tensor "${tensor.name}": given twice.`);
      entries.set(tensor.name, storedEntry({ name: tensor.name, shape: tensor.shape }, dtype));
      total += await writeTensor(path, (bytes) => file.writeFile(bytes), tensor, dtype);
    },
    async finish() {
      await file.close();
      const data = createReadStream(part, { highWaterMark: CHUNK });
      await writeFileAtomic(path, concatenate(formatHeader(entries.values()), data));
      await drop();
      return total;
    },
    async abort() {
      await file.close().catch(() => {});
      await drop();
    },
  };
}

const storedEntry = (tensor: TensorLayout, dtype: WeightDtype) => ({ ...tensor, dtype: storedDtype(dtype) });

async function directWriter(
  path: string,
  dtype: WeightDtype,
  layout: readonly TensorLayout[],
): Promise<SafetensorsWriter> {
  const file = await openFileAtomic(path);
  await file.write(formatHeader(layout.map((tensor) => storedEntry(tensor, dtype))));
  let [written, total] = [0, 0];
  return {
    async add(tensor) {
      const expected = layout[written++];
      if (expected?.name !== tensor.name || !sameShape(expected.shape, tensor.shape))
        throw new Error(`internal: tensor "${tensor.name}" is not the one that the layout has here`);
      total += await writeTensor(path, file.write, tensor, dtype);
    },
    async finish() {
      if (written !== layout.length) throw new Error("internal: tensors of the layout were not given");
      await file.commit();
      return total;
    },
    abort: () => file.discard(),
  };
}

async function writeTensor(
  path: string,
  write: (bytes: Uint8Array) => Promise<void>,
  tensor: NamedTensor,
  dtype: WeightDtype,
): Promise<number> {
  const { name, shape, data } = tensor;
  if (elementCount(shape) !== data.length)
    throw new CheckpointError(
      path,
      `tensor "${name}": [${shape.join(", ")}] does not hold ${data.length} values.`,
    );
  checkFinite(path, name, data);
  const perChunk = CHUNK / DTYPE_BYTES[storedDtype(dtype)];
  for (let at = 0; at < data.length; at += perChunk) {
    const values = data.subarray(at, at + perChunk);
    if (dtype !== "float32") checkRange(path, name, values, dtype);
    await write(encodeFloats(values, dtype));
  }
  return data.length * DTYPE_BYTES[storedDtype(dtype)];
}

function tensorSource(
  path: string,
  file: FileHandle,
  entries: Map<string, TensorEntry>,
  start: number,
): TensorSource {
  const entryOf = (name: string) => {
    const entry = entries.get(name);
    if (entry === undefined) throw new CheckpointError(path, `tensor "${name}" is missing.`);
    return entry;
  };
  async function* bytes(name: string) {
    const { begin, end } = entryOf(name);
    for (let at = begin; at < end; at += CHUNK) {
      const chunk = new Uint8Array(Math.min(CHUNK, end - at));
      await readFully(path, file, chunk, start + at);
      yield chunk;
    }
  }
  return {
    path,
    names: [...entries.keys()],
    info: (name) => {
      const { dtype, shape } = entryOf(name);
      return { dtype, shape };
    },
    read: async (name) => {
      const { dtype, shape, begin } = entryOf(name);
      if (!isFloatDtype(dtype))
        throw new CheckpointError(path, `tensor "${name}" is ${dtype}, expected F32, F16, BF16 or F64.`);
      const out = new Float32Array(elementCount(shape));
      if (dtype === "F32") await readFully(path, file, new Uint8Array(out.buffer), start + begin);
      else await decodeChunks(bytes(name), dtype, out);
      checkFinite(path, name, out);
      return out;
    },
    bytes,
    close: () => file.close(),
  };
}

async function decodeChunks(
  chunks: AsyncIterable<Uint8Array>,
  dtype: "F64" | "F16" | "BF16",
  out: Float32Array,
): Promise<void> {
  let at = 0;
  for await (const chunk of chunks) {
    decodeFloats(chunk, dtype, out, at);
    at += chunk.length / DTYPE_BYTES[dtype];
  }
}

async function readHeaderLength(path: string, file: FileHandle, size: number): Promise<number> {
  if (size < 8)
    throw new CheckpointError(path, `is no safetensors file, expected at least 8 bytes, got ${size}.`);
  const prefix = Buffer.alloc(8);
  await readFully(path, file, prefix, 0);
  const length = prefix.readBigUInt64LE();
  const most = Math.min(MAX_HEADER_BYTES, size - 8);
  if (length < 2n || length > BigInt(most))
    throw new CheckpointError(path, `header length is wrong, expected 2 to ${most} bytes, got ${length}.`);
  return Number(length);
}

/** Fills `into` from the file at `position`; a file that ends early is an error. */
async function readFully(path: string, file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const length = Math.min(into.length - done, 2 ** 30);
    const { bytesRead } = await file.read(into, done, length, position + done);
    if (bytesRead === 0)
      throw new CheckpointError(
        path,
        `ends early, expected ${into.length} bytes at ${position}, got ${done}.`,
      );
    done += bytesRead;
  }
}

function checkFinite(path: string, name: string, values: Float32Array): void {
  const index = firstNonFinite(values);
  if (index >= 0)
    throw new CheckpointError(
      path,
      `tensor "${name}" holds ${values[index]} at flat index ${index}, expected finite weights. The model is broken.`,
    );
}

/** Refuses finite values that would round to infinity: 65520 and above in float16, (2 - 2^-8) 2^127 and above in bfloat16. */
function checkRange(path: string, name: string, values: Float32Array, dtype: WeightDtype): void {
  const limit = dtype === "float16" ? 65520 : (2 - 2 ** -8) * 2 ** 127;
  const value = values.find((x) => Math.abs(x) >= limit);
  if (value !== undefined)
    throw new CheckpointError(
      path,
      `tensor "${name}" holds ${value}, too large for ${dtype}. Write float32 instead.`,
    );
}

async function* concatenate(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
