/** Runs a loss on plain numbers, for tests of objectives. */
import { gradients } from "../../src/engine/graph/gradients.ts";
import { writeProgram } from "../../src/engine/graph/onnx/write.ts";
import { sum } from "../../src/engine/graph/ops/layout.ts";
import { type Dialect, input, type Tensor } from "../../src/engine/graph/tensor.ts";
import type { Runtime } from "../../src/engine/runtime/runtime.ts";
import { doubles, floats, ints } from "../../src/engine/runtime/values.ts";

/** Numbers by input name: floats, of rank 1 (`[B]`) or 0 (a plain number). */
export type Numbers = Readonly<Record<string, readonly number[] | number>>;

/** A loss as a test writes it: named inputs → tensors to look at; "losses" is what is differentiated. */
export type Build<K extends string> = (
  inputs: Readonly<Record<string, Tensor>>,
) => Readonly<Record<K, Tensor>>;

/** Options of `evaluate`. */
export type EvaluateOptions = {
  /** Default float64. */
  readonly precision?: Dialect["precision"];
  /** Inputs of ints. */
  readonly ints?: readonly string[];
  /** Inputs whose axis is another than "B". */
  readonly axes?: Readonly<Record<string, string>>;
};

/**
 * Runs a program and differentiates the sum of `losses` with respect to all float inputs, so that `d.x[i]` is the
 * derivative of row i's own loss where rows do not meet.
 */
export async function evaluate<K extends string>(
  runtime: Runtime,
  numbers: Numbers,
  build: Build<K | "losses">,
  { precision = "float64", ints: whole = [], axes = {} }: EvaluateOptions = {},
): Promise<{ values: Record<K | "losses", number[]>; d: Record<string, number[]> }> {
  const names = Object.keys(numbers);
  const leaves = Object.fromEntries(
    names.map((name) => {
      const shape = typeof numbers[name] === "number" ? [] : [axes[name] ?? "B"];
      return [name, input(name, whole.includes(name) ? "int" : "float", shape)];
    }),
  );
  const outputs = build(leaves);
  // What the outputs do not read is no input of the program: its derivative is 0 and is not asked for.
  const read = new Set(writeProgram(outputs, runtime.dialect).inputs.map(({ name }) => name));
  const wanted = names.filter((name) => read.has(name) && !whole.includes(name));
  const slopes = gradients(
    sum(outputs.losses),
    wanted.map((name) => leaves[name]!),
  );
  const named = Object.fromEntries(wanted.map((name, i) => [`d.${name}`, slopes[i]!]));
  const executable = await runtime.compile(
    writeProgram({ ...outputs, ...named }, { ...runtime.dialect, precision }),
  );
  const feeds = executable.program.inputs.map(({ name, dtype }) => {
    const data = numbers[name]!;
    const make = dtype === "int" ? ints : precision === "float64" ? doubles : floats;
    return [name, typeof data === "number" ? make([data], []) : make(data)];
  });
  const results = await executable.run(Object.fromEntries(feeds));
  const list = (name: string) => Array.from(results[name]!.data, Number);
  return {
    values: Object.fromEntries(Object.keys(outputs).map((name) => [name, list(name)])) as Record<
      K | "losses",
      number[]
    >,
    d: Object.fromEntries(
      names.map((name) => [
        name,
        wanted.includes(name) ? list(`d.${name}`) : [numbers[name]!].flat().map(() => 0),
      ]),
    ),
  };
}

/** The first place where two lists differ by more than `relative · |expected| + absolute`, or undefined. */
export function firstDifference(
  actual: readonly number[],
  expected: readonly number[],
  relative: number,
  absolute: number,
): string | undefined {
  const at = expected.findIndex(
    (value, i) => !(Math.abs(actual[i]! - value) <= relative * Math.abs(value) + absolute),
  );
  if (at < 0 && actual.length === expected.length) return undefined;
  return `row ${at}: expected ${expected[at]}, got ${actual[at]} (${actual.length} of ${expected.length} rows)`;
}
