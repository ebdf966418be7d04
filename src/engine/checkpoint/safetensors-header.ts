/**
 * The JSON header of a safetensors file, checked as strictly as the reference implementation does: the
 * tensors tile the data without overlap or hole, so a truncated or doctored file cannot pass.
 * Format: https://github.com/huggingface/safetensors#format
 */
import { CheckpointError, messageOf, show } from "../../base/core/errors.ts";
import { parseJson, RepeatedMemberError } from "../../base/core/json-text.ts";
import { DTYPE_BYTES, type StoredDtype } from "./dtypes.ts";

/** Most bytes of a header, and tensors in it: a model of 128 experts a layer has some 40,000 in all its files, at about 130 bytes each. */
export const MAX_HEADER_BYTES = 2 ** 25;
/** Most tensors of a file, or of all files of an index. */
export const MAX_TENSORS = 2 ** 17;
/** No weight has more axes; keeps products of sizes short. */
const MAX_RANK = 8;

/** What the header says of a tensor: dtype as stored, sizes, and where its bytes lie after the header. */
export type TensorEntry = {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
};

/**
 * Parses and checks a header.
 *
 * @param json - the header's bytes
 * @param dataBytes - how many bytes follow the header in the file
 * @throws CheckpointError naming the file and the tensor for anything the format forbids
 */
export function parseHeader(file: string, json: Uint8Array, dataBytes: number): Map<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>();
  const header = Object.entries(parseObject(file, json));
  if (header.length > MAX_TENSORS)
    throw new CheckpointError(
      file,
      `header names ${header.length} tensors, expected at most ${MAX_TENSORS}. Save the model in several files.`,
    );
  for (const [name, value] of header) {
    if (name !== "__metadata__") entries.set(name, parseEntry(file, name, value, dataBytes));
  }
  checkTiling(file, entries, dataBytes);
  return entries;
}

/** Header bytes for tensors in the order given: u64 length, JSON, spaces up to a multiple of eight. */
export function formatHeader(
  tensors: Iterable<{ name: string; dtype: StoredDtype; shape: readonly number[] }>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = begin + elementCount(shape) * DTYPE_BYTES[dtype];
    header[name] = { dtype, shape, data_offsets: [begin, end] };
    begin = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const bytes = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, " ");
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function parseObject(file: string, json: Uint8Array): object {
  let value: unknown;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(json), { longNumbers: "round" });
  } catch (error) {
    // Which of two tensors of one name is meant, nobody can say; the reference implementation refuses them as well.
    if (error instanceof RepeatedMemberError)
      throw new CheckpointError(
        file,
        `header names ${show(error.member, 120)} twice, expected each name once. Write the file again with safetensors.`,
      );
    throw new CheckpointError(
      file,
      `header is not JSON: ${messageOf(error)}. The file is damaged: fetch it again.`,
    );
  }
  if (!isObject(value))
    throw new CheckpointError(file, `header is not a JSON object, got ${show(value, 120)}.`);
  return value;
}

function parseEntry(file: string, name: string, value: unknown, dataBytes: number): TensorEntry {
  const fail = (problem: string) => new CheckpointError(file, `tensor ${show(name, 120)}: ${problem}.`);
  if (!isObject(value)) throw fail(`expected {dtype, shape, data_offsets}, got ${show(value, 120)}`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (!isDtype(dtype))
    throw fail(`dtype is ${show(dtype, 120)}, expected one of ${Object.keys(DTYPE_BYTES).join(", ")}`);
  if (!isSizes(shape) || shape.length > MAX_RANK)
    throw fail(`shape is ${show(shape, 120)}, expected at most ${MAX_RANK} whole numbers`);
  if (!isSizes(offsets) || offsets.length !== 2)
    throw fail(`data_offsets is ${show(offsets, 120)}, expected [begin, end]`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataBytes)
    throw fail(`data_offsets [${begin}, ${end}] lie outside the file's ${dataBytes} data bytes`);
  const bytes = elementCount(shape) * DTYPE_BYTES[dtype];
  if (bytes !== end - begin)
    throw fail(`${dtype} [${shape.join(", ")}] takes ${bytes} bytes, data_offsets give it ${end - begin}`);
  return { dtype, shape, begin, end };
}

function checkTiling(file: string, entries: Map<string, TensorEntry>, dataBytes: number): void {
  const inOrder = [...entries].sort(([, x], [, y]) => x.begin - y.begin || x.end - y.end);
  let at = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== at) {
      const problem = begin < at ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new CheckpointError(
        file,
        `tensor ${show(name, 120)}: ${problem}, expected to begin at ${at}, got ${begin}.`,
      );
    }
    at = end;
  }
  if (at !== dataBytes)
    throw new CheckpointError(
      file,
      `${dataBytes} data bytes, but the tensors end at ${at}. The file is damaged.`,
    );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDtype(value: unknown): value is StoredDtype {
  return typeof value === "string" && Object.hasOwn(DTYPE_BYTES, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** What is known of a tensor before its numbers are. */
export type TensorLayout = { readonly name: string; readonly shape: readonly number[] };
