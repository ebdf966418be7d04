/** Arrays that live in a computing thread, as the main thread sees them. */
import { ShapeError } from "../../base/core/errors.ts";
import type { Link } from "./link.ts";
import type { TensorData, Value } from "./protocol.ts";

/** Arrays that live in the computing thread, by key. */
export interface ParameterStore {
  /** Takes over `data`. */
  set(key: string, shape: readonly number[], data: TensorData): Promise<void>;
  /** Makes arrays of zeros, or zeroes those that are there. */
  zeros(shapes: Readonly<Record<string, readonly number[]>>): Promise<void>;
  /** A copy. @throws BackendError when nothing is stored under the key */
  get(key: string): Promise<Float32Array>;
  copy(from: string, to: string): Promise<void>;
  /** Takes arrays out of the store: they are the caller's. @throws BackendError when nothing is stored under a key */
  take(keys: readonly string[]): Promise<Record<string, Value>>;
  /** Takes over arrays, by key. */
  put(values: Readonly<Record<string, Value>>): Promise<void>;
  /**
   * Adds float32 arrays onto those stored under their keys; hands them over, and gives them back as zeros.
   * @throws BackendError when one is not there or of another size
   */
  add(values: Readonly<Record<string, Value>>): Promise<Record<string, Value>>;
  delete(keys: readonly string[]): Promise<void>;
}

/** Who is told of what becomes of arrays, as the request is sent. */
export type StoreWatch = {
  readonly changed: (keys: readonly string[]) => void;
  readonly deleted: (keys: readonly string[]) => Promise<void>;
};

/** The arrays of a computing thread. */
export function openStore(link: Link, watch?: StoreWatch): ParameterStore {
  return {
    set: async (key, shape, data) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      if (data.length !== size)
        throw new ShapeError(key, `expected ${size} numbers for [${shape}], got ${data.length}.`);
      // A part of a larger buffer is copied: handing the buffer over would take the rest of it away, too.
      if (data.byteLength !== data.buffer.byteLength) data = data.slice();
      watch?.changed([key]);
      await link.ask({ kind: "set", key, value: { data, shape } }, [data.buffer as ArrayBuffer]);
    },
    zeros: async (keys) => {
      watch?.changed(Object.keys(keys));
      await link.ask({ kind: "zeros", keys });
    },
    get: async (key) => ((await link.ask({ kind: "get", key })) as Value).data as Float32Array,
    copy: async (from, to) => {
      watch?.changed([to]);
      await link.ask({ kind: "copy", from, to });
    },
    take: async (keys) => {
      watch?.changed(keys);
      return (await link.ask({ kind: "take", keys })) as Record<string, Value>;
    },
    put: async (values) => {
      watch?.changed(Object.keys(values));
      await link.ask({ kind: "put", values }, buffersOf(values));
    },
    add: async (values) => {
      watch?.changed(Object.keys(values));
      return (await link.ask({ kind: "add", values }, buffersOf(values))) as Record<string, Value>;
    },
    delete: async (keys) => {
      await Promise.all([link.ask({ kind: "delete", keys }), watch?.deleted(keys)]);
    },
  };
}

/** What is handed over with arrays that are whole buffers. */
export const buffersOf = (values: Readonly<Record<string, Value>>): ArrayBuffer[] =>
  Object.values(values).map(({ data }) => data.buffer as ArrayBuffer);
