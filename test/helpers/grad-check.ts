/**
 * Checks one op: its gradient rule against central differences in float64, its float32 kernels against the
 * float64 ones, both against jax-js where that has the op, and its values against numbers worked by hand.
 */
import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { evaluateDim } from "../../src/engine/graph/dims.ts";
import { gradients } from "../../src/engine/graph/gradients.ts";
import { mul } from "../../src/engine/graph/ops/elementwise.ts";
import { sum } from "../../src/engine/graph/ops/layout.ts";
import { input, type Tensor } from "../../src/engine/graph/tensor.ts";
import { type JaxFunction, jaxGradients } from "./jax.ts";
import { DOUBLE, type Feed, type Lab, real, SINGLE, symbolsOf, tensorsOf } from "./lab.ts";

/** What to check. */
export type Case<N extends string> = {
  readonly feeds: Record<N, Feed>;
  readonly build: (x: Record<N, Tensor>) => Tensor;
  /** The op's values, worked by hand. */
  readonly values?: readonly number[];
  /** The same function in jax-js; Σ y ∘ dy is differentiated. */
  readonly jax?: JaxFunction<N>;
  /** ONNX Runtime has no double kernel for it: differences are taken in float32, with a wider step. */
  readonly onlySingle?: boolean;
};

/** A check, ready to run. */
export type Check = (lab: Lab) => Promise<void>;

/** Values and gradients of a case. */
export function check<N extends string>(subject: Case<N>): Check {
  return async (lab) => {
    const x = tensorsOf(subject.feeds);
    const y = subject.build(x);
    const names = Object.entries<Feed>(subject.feeds)
      .filter(([, feed]) => feed.dtype === "float" && !feed.constant)
      .map(([name]) => name as N);
    if (y.dtype !== "float" || names.length === 0) return checkValues(lab, subject, y);

    const dy = cotangent(y, subject.feeds);
    const feeds: Record<string, Feed> = { ...subject.feeds, dy };
    const loss = sum(mul(y, input("dy", "float", y.shape)));
    const found = gradients(
      loss,
      names.map((name) => x[name]),
    );
    const outputs = { y, loss, ...Object.fromEntries(names.map((name, i) => [`d:${name}`, found[i]!])) };

    const dialect = subject.onlySingle ? SINGLE : DOUBLE;
    const main = await lab.run(outputs, feeds, dialect);
    expect(main["y"]!.shape, "shape rule").toEqual(y.shape.map((dim) => evaluateDim(dim, symbolsOf(feeds))));
    if (subject.values) near(main["y"]!.data, subject.values, subject.onlySingle ? 1e-6 : 1e-12, "values");
    for (const name of names) {
      const differences = await centralDifferences(lab, loss, feeds, name, subject.onlySingle ?? false);
      // Central differences: error h²|f'''|/6 + ε|L|/h, below 1e-7 for h = 1e-5 in float64 (3e-4 for 1e-2 in float32).
      near(main[`d:${name}`]!.data, differences, subject.onlySingle ? 1e-3 : 1e-6, `gradient of ${name}`);
    }
    const single = await lab.run(outputs, feeds, SINGLE);
    for (const name of Object.keys(outputs))
      near(single[name]!.data, main[name]!.data, 2e-5, `float32 against ${dialect.precision}, ${name}`);
    if (subject.jax === undefined) return;
    // jax-js computes in float32 with its own exp and erf: 1e-4 of the largest entry.
    const oracle = await jaxGradients(subject.jax, subject.feeds, names, dy);
    near(single["y"]!.data, oracle.y, 1e-4, "jax values");
    for (const name of names)
      near(single[`d:${name}`]!.data, oracle.gradients[name]!, 1e-4, `jax gradient of ${name}`);
  };
}

async function checkValues(lab: Lab, { feeds, values }: Case<string>, y: Tensor): Promise<void> {
  if (values === undefined) throw new Error("a case without gradients needs values");
  for (const dialect of [SINGLE, DOUBLE]) {
    const result = await lab.run({ y }, feeds, dialect);
    near(result["y"]!.data, values, 1e-6, `values in ${dialect.precision}`);
  }
}

/** Weights of the loss Σ y ∘ dy: a plain sum would hide rules that lose an element's own factor. */
function cotangent(y: Tensor, feeds: Readonly<Record<string, Feed>>): Feed {
  const symbols = symbolsOf(feeds);
  const sizes = y.shape.map((dim) => evaluateDim(dim, symbols));
  return { ...real(sizes, { seed: 99 }), shape: y.shape };
}

async function centralDifferences(
  lab: Lab,
  loss: Tensor,
  feeds: Readonly<Record<string, Feed>>,
  name: string,
  single: boolean,
): Promise<number[]> {
  const h = single ? 1e-2 : 1e-5;
  const at = async (i: number, step: number) => {
    const data = feeds[name]!.data.map((value, j) => (i === j ? value + step : value));
    const result = await lab.run(
      { loss },
      { ...feeds, [name]: { ...feeds[name]!, data } },
      single ? SINGLE : DOUBLE,
    );
    return result["loss"]!.data[0]!;
  };
  const slopes: number[] = [];
  for (const i of feeds[name]!.data.keys()) slopes.push(((await at(i, h)) - (await at(i, -h))) / (2 * h));
  return slopes;
}

/** Every entry within `tolerance` of the largest expected magnitude (at least 1). */
export function near(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = "values",
): void {
  expect(actual.length, `${what}: length`).toBe(expected.length);
  const scale = Array.from(expected).reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  const worst = Array.from(actual).reduce((max, value, i) => {
    const error = Math.abs(value - expected[i]!);
    return error > max || Number.isNaN(error) ? error : max;
  }, 0);
  const show = (values: ArrayLike<number>) => Array.from(values).slice(0, 12).join(", ");
  expect(
    worst <= tolerance * scale,
    `${what}: off by ${worst}, got [${show(actual)}], expected [${show(expected)}]`,
  ).toBe(true);
}

/** Fails when a module exports a function that has no case here and is not excused. */
export function expectCovered(
  module: Readonly<Record<string, unknown>>,
  cases: Readonly<Record<string, unknown>>,
  excused: readonly string[] = [],
): void {
  const exported = Object.keys(module).filter((name) => typeof module[name] === "function");
  expect(
    exported.filter((name) => !(name in cases) && !excused.includes(name)),
    "exported without a check",
  ).toEqual([]);
  expect(
    Object.keys(cases).filter((name) => !exported.includes(name)),
    "a check of nothing",
  ).toEqual([]);
}

/** Names of the files of a folder that end in `.ts`, either sources (default) or tests. */
export function sourcesIn(folder: URL, ending: ".ts" | ".test.ts" = ".ts"): string[] {
  const isTest = (name: string) => name.endsWith(".test.ts");
  return readdirSync(folder).filter(
    (name) => name.endsWith(ending) && isTest(name) === (ending === ".test.ts"),
  );
}
