/**
 * Parses the header of a GGUF file (versions 2 and 3, little-endian): metadata and the list of tensors.
 *
 * Our own, although `@huggingface/gguf` exists: it decodes strings with a decoder that drops byte order marks, and six tokens of Gemma's
 * vocabulary begin with one, so that two tokens become the same (0.4.6). Every count is checked against the bytes that are left
 * before anything is made of it.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
import { CheckpointError, show } from "../../../base/core/errors.ts";

/** A tensor as the header lists it. */
export type TensorHeader = {
  readonly name: string;
  /** Innermost size first, as GGUF has it. */
  readonly dims: readonly number[];
  /** ggml's number of the storage type. */
  readonly type: number;
  /** From the begin of the data. */
  readonly offset: number;
};

/** A parsed header. */
export type GgufHeader = {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly TensorHeader[];
  /** First byte of the tensors' data. */
  readonly dataStart: number;
};

/** Thrown when the bytes given end before the header does; the caller reads more, or the file is cut. */
export class HeaderCut extends Error {}

const MAX_DIMS = 4;
const DEFAULT_ALIGNMENT = 32;

/**
 * Parses a header from the first bytes of a file.
 * @throws HeaderCut when the bytes end inside it
 * @throws CheckpointError when it is no GGUF header, or one of another version or byte order
 */
export function parseGgufHeader(path: string, bytes: Uint8Array): GgufHeader {
  const cursor = new Cursor(path, bytes);
  checkVersion(path, cursor);
  const tensorCount = cursor.count();
  const valueCount = cursor.count();
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < valueCount; i++) {
    const key = cursor.text();
    if (metadata.has(key)) throw new CheckpointError(path, `metadata ${show(key)}: stands twice.`);
    metadata.set(key, cursor.value(cursor.u32()));
  }
  const tensors: TensorHeader[] = [];
  for (let i = 0; i < tensorCount; i++) tensors.push(readTensorHeader(path, cursor));
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== "number" || !(alignment >= 1) || !Number.isInteger(alignment))
    throw new CheckpointError(
      path,
      `metadata "general.alignment": expected a positive integer, got ${show(alignment)}.`,
    );
  return { metadata, tensors, dataStart: Math.ceil(cursor.at / alignment) * alignment };
}

function checkVersion(path: string, cursor: Cursor): void {
  const magic = String.fromCharCode(...cursor.take(4));
  if (magic !== "GGUF") {
    const hint = magic === "vers" ? " It looks like a Git LFS pointer: fetch the file itself." : "";
    throw new CheckpointError(path, `is no GGUF file: begins with ${show(magic)}, expected "GGUF".${hint}`);
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return;
  const order = version > 2 ** 24 ? " (a big-endian file)" : "";
  throw new CheckpointError(path, `is of GGUF version ${version}${order}, expected 2 or 3.`);
}

function readTensorHeader(path: string, cursor: Cursor): TensorHeader {
  const name = cursor.text();
  const count = cursor.u32();
  if (count > MAX_DIMS)
    throw new CheckpointError(
      path,
      `tensor ${show(name)}: has ${count} dimensions, expected at most ${MAX_DIMS}.`,
    );
  const dims = Array.from({ length: count }, () => cursor.u64());
  return { name, dims, type: cursor.u32(), offset: cursor.u64() };
}

const STRING = 8;
const LIST = 9;
/** Bytes and reader of each scalar type, by its number in the format. */
const SCALARS: Readonly<
  Record<number, readonly [bytes: number, read: (view: DataView, at: number) => unknown]>
> = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  7: [1, (view, at) => view.getUint8(at) !== 0],
  10: [8, (view, at) => Number(view.getBigUint64(at, true))],
  11: [8, (view, at) => Number(view.getBigInt64(at, true))],
  12: [8, (view, at) => view.getFloat64(at, true)],
};

/** Walks through the bytes. */
class Cursor {
  readonly #path: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  at = 0;

  constructor(path: string, bytes: Uint8Array) {
    this.#path = path;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.at) throw new HeaderCut();
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  u32(): number {
    return this.#scalar(4) as number;
  }

  /** A 64-bit length or size. @throws CheckpointError when it is beyond what a file can have */
  u64(): number {
    const value = this.#scalar(10) as number;
    if (!Number.isSafeInteger(value))
      throw new CheckpointError(this.#path, `byte ${this.at - 8}: a size of ${value}. The file is damaged.`);
    return value;
  }

  /** How many things follow: each takes at least one byte. */
  count(most = MAX_COUNT): number {
    const value = this.u64();
    if (value > most)
      throw new CheckpointError(this.#path, `byte ${this.at - 8}: a count of ${value}. The file is damaged.`);
    return value;
  }

  text(): string {
    const length = this.count();
    const start = this.at;
    const bytes = this.take(length);
    try {
      return this.#decoder.decode(bytes);
    } catch (error) {
      throw new CheckpointError(this.#path, `byte ${start}: a text that is no UTF-8. The file is damaged.`, {
        cause: error,
      });
    }
  }

  value(type: number, depth = 0): unknown {
    if (type === STRING) return this.text();
    if (type !== LIST) return this.#scalar(type);
    if (depth > 2)
      throw new CheckpointError(
        this.#path,
        `byte ${this.at}: lists inside lists inside lists. The file is damaged.`,
      );
    const inner = this.u32();
    const length = this.count(MAX_LIST);
    const list: unknown[] = [];
    for (let i = 0; i < length; i++) list.push(this.value(inner, depth + 1));
    return list;
  }

  #scalar(type: number): unknown {
    const scalar = SCALARS[type];
    if (scalar === undefined)
      throw new CheckpointError(
        this.#path,
        `byte ${this.at}: a value of type ${type}, which GGUF does not have. The file is damaged.`,
      );
    const [bytes, read] = scalar;
    this.take(bytes);
    return read(this.#view, this.at - bytes);
  }
}

/** More tokens, merges, tensors or bytes of text than any model has. */
const MAX_COUNT = 2 ** 27;
/** A list takes more memory than its bytes. */
const MAX_LIST = 2 ** 23;
