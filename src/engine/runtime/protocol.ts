/** Messages between the main thread and the thread that computes. Plain data only. */

import type { Program } from "../graph/onnx/write.ts";

/** Arrays that tensors are made of. */
export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A concrete tensor: row-major data and sizes. Bools are bytes 0 and 1. */
export type Value = { readonly data: TensorData; readonly shape: readonly number[]; readonly bool?: boolean };

/** `length` numbers of a stored array from `offset` on, as a vector: no copy. */
export type StoreView = { readonly key: string; readonly offset: number; readonly length: number };

/** What a name is bound to: a whole array under its key, or a part of one. */
export type Binding = string | StoreView;

/** How the worker's ONNX Runtime is set up. */
export type WorkerSetup = { readonly provider: "cpu" | "webgpu" | "cuda" };

/** Element type and sizes of an output. */
export type OutputSize = {
  readonly type: "float32" | "float64" | "int32" | "bool";
  readonly shape: readonly number[];
};

/** What the main thread asks for. */
export type Request =
  | {
      readonly kind: "compile";
      readonly program: string;
      /** The program, or its path where it has a file of constants. */
      readonly bytes: Uint8Array | string;
      readonly precision: Program["precision"];
      /** Cores that one run of it uses. */
      readonly threads: number;
    }
  | {
      readonly kind: "run";
      readonly program: string;
      readonly feeds: Readonly<Record<string, Value>>;
      /** Program input → what of the store it reads. */
      readonly bind: Readonly<Record<string, Binding>>;
      /** Program output → what of the store it is written to, or null to send it back. */
      readonly fetch: Readonly<Record<string, Binding | null>>;
      /** Sizes of the outputs that are sent back, where they are known before the run. */
      readonly sizes: Readonly<Record<string, OutputSize>>;
      /** Arrays to write outputs of their size into, handed over. */
      readonly spare: readonly Float32Array<ArrayBuffer>[];
    }
  | { readonly kind: "set"; readonly key: string; readonly value: Value }
  /** Many arrays at once, handed over. */
  | { readonly kind: "put"; readonly values: Readonly<Record<string, Value>> }
  /** Hands arrays over, out of the store. */
  | { readonly kind: "take"; readonly keys: readonly string[] }
  /** Adds arrays, handed over, onto those under their keys; hands them back as zeros. */
  | { readonly kind: "add"; readonly values: Readonly<Record<string, Value>> }
  /** Writes what is stored under their keys into arrays, handed over, and hands them back. */
  | { readonly kind: "fill"; readonly values: Readonly<Record<string, Value>> }
  | { readonly kind: "zeros"; readonly keys: Readonly<Record<string, readonly number[]>> }
  | { readonly kind: "get"; readonly key: string }
  | { readonly kind: "copy"; readonly from: string; readonly to: string }
  | { readonly kind: "delete"; readonly keys: readonly string[] }
  | { readonly kind: "release"; readonly program: string }
  | { readonly kind: "memory" }
  /** Ends the thread after what is running; what waits is dropped. */
  | { readonly kind: "close" };

/** A numbered request. */
export type Envelope = { readonly id: number; readonly request: Request };

/** The answer to one request: its result or why there is none. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
