/** Writes small GGUF files: a header of metadata and float32 tensors, as llama.cpp lays them out. */

type Scalar = number | boolean | string;
/** Metadata values: whole numbers become uint32, others float32. */
export type GgufValues = Readonly<Record<string, Scalar | readonly Scalar[]>>;
/** A tensor: shape outermost first, values row by row. */
export type GgufFloats = {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly type?: number;
};

const ALIGNMENT = 32;

/** The bytes of a GGUF file of version 3. */
export function ggufBytes(values: GgufValues, tensors: Readonly<Record<string, GgufFloats>>): Uint8Array {
  const parts: Buffer[] = [
    Buffer.from("GGUF"),
    u32(3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(values).length),
  ];
  for (const [key, value] of Object.entries(values)) parts.push(text(key), ...typed(value));
  let offset = 0;
  for (const [name, { shape, data, type = 0 }] of Object.entries(tensors)) {
    parts.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64), u32(type), u64(offset));
    offset += padded(4 * data.length);
  }
  const header = Buffer.concat(parts);
  const bodies = Object.values(tensors).map(({ data }) => pad(Buffer.from(Float32Array.from(data).buffer)));
  return Buffer.concat([pad(header), ...bodies]);
}

const padded = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const f32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const text = (value: string) => {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
};

function typed(value: Scalar | readonly Scalar[]): Buffer[] {
  if (!Array.isArray(value)) return [u32(typeOf(value as Scalar)), bare(value as Scalar)];
  const inner = value.length === 0 ? 4 : typeOf(value[0]);
  return [
    u32(9),
    u32(inner),
    u64(value.length),
    ...value.map((item: Scalar) => (inner === 6 ? f32(item as number) : bare(item))),
  ];
}

function typeOf(value: Scalar): number {
  if (typeof value === "string") return 8;
  if (typeof value === "boolean") return 7;
  return Number.isInteger(value) && value >= 0 ? 4 : 6;
}

function bare(value: Scalar): Buffer {
  if (typeof value === "string") return text(value);
  if (typeof value === "boolean") return Buffer.from([value ? 1 : 0]);
  return typeOf(value) === 4 ? u32(value) : f32(value);
}
