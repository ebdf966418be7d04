/**
 * A bench for graph tests: feeds with symbolic sizes, and one runtime that runs graphs in either precision.
 * It lives outside src because graph/ may not import runtime/, not even from a test.
 */
import { createRng } from "../../src/base/core/rng.ts";
import { bindSymbols, evaluateDim, type Shape } from "../../src/engine/graph/dims.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { type Dialect, type DType, input, type Tensor } from "../../src/engine/graph/tensor.ts";
import type { Value } from "../../src/engine/runtime/protocol.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { doubles, floats, ints } from "../../src/engine/runtime/values.ts";

export { floats, ints, openRuntime, type Runtime };

/** A concrete value for an input whose declared sizes may be symbols. */
export type Feed = {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly sizes: readonly number[];
  readonly data: readonly number[];
  /** True when the op promises no gradient for it. */
  readonly constant?: boolean;
};

/** Sizes the symbols of the tests stand for: odd, and all different. */
export const SIZES: ReadonlyMap<string, number> = new Map([
  ["B", 3],
  ["T", 5],
  ["N", 7],
]);

const count = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);
const sizesOf = (shape: Shape) => shape.map((dim) => evaluateDim(dim, SIZES));

/** Seeded numbers, uniform in [from, to). */
export function real(shape: Shape, { seed = 1, from = -1.5, to = 1.5 } = {}): Feed {
  const rng = createRng(`${seed}:${shape}`);
  const sizes = sizesOf(shape);
  return {
    dtype: "float",
    shape,
    sizes,
    data: Array.from({ length: count(sizes) }, () => from + (to - from) * rng.next()),
  };
}

/** The given floats. */
export const exact = (shape: Shape, data: readonly number[]): Feed => ({
  dtype: "float",
  shape,
  sizes: sizesOf(shape),
  data,
});

/** The given ints. */
export const whole = (shape: Shape, data: readonly number[]): Feed => ({
  dtype: "int",
  shape,
  sizes: sizesOf(shape),
  data,
});

/** The given bools, as 0 and 1. */
export const truth = (shape: Shape, data: readonly number[]): Feed => ({
  dtype: "bool",
  shape,
  sizes: sizesOf(shape),
  data,
});

/** The same feed, which gets no gradient. */
export const constant = (feed: Feed): Feed => ({ ...feed, constant: true });

/** One input tensor per feed. */
export function tensorsOf<N extends string>(feeds: Record<N, Feed>): Record<N, Tensor> {
  const entries = Object.entries<Feed>(feeds).map(([name, feed]) => [
    name,
    input(name, feed.dtype, feed.shape),
  ]);
  return Object.fromEntries(entries) as Record<N, Tensor>;
}

/** The symbols' values as the feeds give them. */
export function symbolsOf(feeds: Readonly<Record<string, Feed>>): Map<string, number> {
  const bound = new Map<string, number>();
  for (const [name, feed] of Object.entries(feeds)) bindSymbols(name, feed.shape, feed.sizes, bound);
  return bound;
}

function concrete({ dtype, data, sizes }: Feed, precision: Dialect["precision"]): Value {
  if (dtype === "int") return ints(data, sizes);
  if (dtype === "bool") return { data: Uint8Array.from(data), shape: sizes, bool: true };
  return precision === "float64" ? doubles(data, sizes) : floats(data, sizes);
}

/** Results by output name. */
export type Results = Record<string, { data: number[]; shape: readonly number[] }>;

/** Runs graphs. */
export interface Lab {
  readonly runtime: Runtime;
  /** Compiles (once per graph) and runs. */
  run(
    outputs: Readonly<Record<string, Tensor>>,
    feeds: Readonly<Record<string, Feed>>,
    dialect?: Dialect,
  ): Promise<Results>;
  close(): Promise<void>;
}

/** What float64 checks are written in. */
export const DOUBLE: Dialect = { precision: "float64", fusedMatMul: false };

/** What runs in earnest on the CPU. */
export const SINGLE: Dialect = { precision: "float32", fusedMatMul: true };

/** Starts a runtime, of one thread by default; close it. */
export function openLab({ threads = 1 } = {}): Lab {
  const runtime = openRuntime({ threads });
  return {
    runtime,
    async run(outputs, feeds, dialect = DOUBLE) {
      const program = writeProgram(outputs, dialect);
      const executable = await runtime.compile(program);
      const used = program.inputs.map(
        ({ name }) => [name, concrete(feeds[name]!, dialect.precision)] as const,
      );
      const results = await executable.run(Object.fromEntries(used));
      const plain = Object.entries(results).map(([name, { data, shape }]) => [
        name,
        { data: Array.from(data, Number), shape },
      ]);
      return Object.fromEntries(plain) as Results;
    },
    close: () => runtime.close(),
  };
}
