/**
 * Opens a GGUF file: its metadata, and its tensors by name, read and decoded one at a time.
 * Offsets are checked against the file's size before anything is allocated.
 */
import type { FileHandle } from "node:fs/promises";
import { CheckpointError, pathProblem, show } from "../../../base/core/errors.ts";
import { openForReading } from "../../../base/core/regular-file.ts";
import { decodeBlocks, isReadable, TYPE_NAMES, typeSizes } from "./dequantize.ts";
import { type GgufHeader, HeaderCut, parseGgufHeader, type TensorHeader } from "./gguf-header.ts";
import { MetadataReader } from "./metadata.ts";

/** A tensor of the file. */
export type GgufTensor = {
  readonly name: string;
  /** Outermost size first, as safetensors has it; GGUF stores the reverse. */
  readonly shape: readonly number[];
  /** ggml's number of the storage type. */
  readonly type: number;
  /** First byte in the file, and how many. */
  readonly start: number;
  readonly bytes: number;
};

/** An open GGUF file; `close` when done. */
export interface GgufFile {
  readonly path: string;
  readonly metadata: MetadataReader;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** A tensor as float32, row-major. @throws CheckpointError when the file ends before it */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Decoded at once: a multiple of every block's bytes is read, so that the largest embedding needs no second copy. */
const CHUNK_BLOCKS = 2 ** 15;

/**
 * Opens a file and checks its tensors.
 * @throws CheckpointError when it is no GGUF file, is one part of several, is cut, or holds a tensor of a type that is not read
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const file = await openForReading(path).catch((error) => {
    throw new CheckpointError(path, pathProblem(error, "cannot be opened"), { cause: error });
  });
  try {
    const { size } = await file.stat();
    const { metadata: values, tensors: headers, dataStart } = await readHeader(path, file, size);
    const metadata = new MetadataReader(path, values);
    refuseParts(metadata);
    const tensors = new Map(
      headers.map((header) => [header.name, placeTensor(path, header, dataStart, size)]),
    );
    if (tensors.size !== headers.length) throw new CheckpointError(path, "names a tensor twice.");
    return {
      path,
      metadata,
      tensors,
      read: (name) => readTensor(path, file, tensors.get(name)),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Headers of large vocabularies are some 10 MB; one beyond the last of these is a broken or hostile file. */
const HEADER_BYTES = [2 ** 24, 2 ** 27, 2 ** 29];

/** Reads as much of the file's begin as the header takes. */
async function readHeader(path: string, file: FileHandle, size: number): Promise<GgufHeader> {
  for (const bytes of HEADER_BYTES) {
    const begin = new Uint8Array(Math.min(bytes, size));
    await readFully(path, file, begin, 0);
    try {
      return parseGgufHeader(path, begin);
    } catch (error) {
      if (!(error instanceof HeaderCut)) throw error;
      if (begin.length === size) break;
    }
  }
  throw new CheckpointError(path, `ends inside its header, after ${size} bytes. Fetch the file again.`);
}

function refuseParts(metadata: MetadataReader): void {
  const parts = metadata.optionalNumber("split.count") ?? 1;
  if (parts > 1)
    throw new CheckpointError(
      metadata.file,
      `is one of ${parts} parts. Join them first, with llama.cpp's "llama-gguf-split --merge FIRST_PART WHOLE.gguf".`,
    );
}

function placeTensor(path: string, header: TensorHeader, dataStart: number, fileBytes: number): GgufTensor {
  const { name, type } = header;
  const shape = [...header.dims].reverse();
  const at = `tensor ${show(name)}`;
  if (!isReadable(type))
    throw new CheckpointError(
      path,
      `${at}: stored as ${TYPE_NAMES[type] ?? `type ${type}`}, expected one of ${readable()}. Take a file quantised to one of these.`,
    );
  const { blockBytes, blockSize } = typeSizes(type);
  const elements = shape.reduce((product, length) => product * length, 1);
  const row = shape.at(-1) ?? 0;
  if (elements < 1 || !Number.isSafeInteger(elements) || row % blockSize !== 0)
    throw new CheckpointError(
      path,
      `${at}: shape ${show(shape)} does not fit blocks of ${blockSize} numbers.`,
    );
  const start = dataStart + header.offset;
  const bytes = (elements / blockSize) * blockBytes;
  if (start + bytes > fileBytes)
    throw new CheckpointError(
      path,
      `${at}: lies at bytes ${start} to ${start + bytes}, but the file ends at ${fileBytes}. Fetch the file again.`,
    );
  return { name, shape, type, start, bytes };
}

const readable = () =>
  Object.entries(TYPE_NAMES)
    .flatMap(([type, name]) => (isReadable(Number(type)) ? [name] : []))
    .join(", ");

async function readTensor(
  path: string,
  file: FileHandle,
  tensor: GgufTensor | undefined,
): Promise<Float32Array> {
  if (tensor === undefined) throw new Error("internal: a tensor was read that the file does not have");
  const { blockBytes, blockSize } = typeSizes(tensor.type);
  const out = new Float32Array((tensor.bytes / blockBytes) * blockSize);
  const chunk = new Uint8Array(Math.min(tensor.bytes, CHUNK_BLOCKS * blockBytes));
  for (let done = 0; done < tensor.bytes; done += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, tensor.bytes - done));
    await readFully(path, file, part, tensor.start + done);
    decodeBlocks(tensor.type, part, out, (done / blockBytes) * blockSize);
  }
  return out;
}

async function readFully(path: string, file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new CheckpointError(path, "ended while it was read. Fetch the file again.");
    done += bytesRead;
  }
}
