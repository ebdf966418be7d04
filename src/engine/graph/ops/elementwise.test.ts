import { lax, nn, numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered, near } from "../../../../test/helpers/grad-check.ts";
import { exact, openLab, real, SINGLE, truth, whole } from "../../../../test/helpers/lab.ts";
import { gradients } from "../gradients.ts";
import { input } from "../tensor.ts";
import * as ops from "./elementwise.ts";
import { sum } from "./layout.ts";

const lab = openLab();
afterAll(() => lab.close());

const pair = { a: real(["B", 4], { seed: 1 }), b: real(["B", 4], { seed: 2 }) };
const broadcast = { a: real(["T", "B", 1], { seed: 3 }), b: real([1, 4], { seed: 4 }) };
const positive = { x: real(["B", 5], { from: 0.4, to: 3 }) };
const signed = { x: real(["B", 5], { from: -3, to: 3 }) };
const large = { x: exact([6], [-1e4, -89, -1, 1, 89, 1e4]) };

const cases: Record<string, Check[]> = {
  add: [
    check({ feeds: pair, build: ({ a, b }) => ops.add(a, b), jax: ({ a, b }) => a.add(b) }),
    check({ feeds: broadcast, build: ({ a, b }) => ops.add(a, b), jax: ({ a, b }) => a.add(b) }),
    check({ feeds: signed, build: ({ x }) => ops.add(x, 2.5) }),
    check({ feeds: { i: whole([2], [3, -4]) }, build: ({ i }) => ops.add(i, 2), values: [5, -2] }),
  ],
  sub: [
    check({ feeds: pair, build: ({ a, b }) => ops.sub(a, b), jax: ({ a, b }) => a.sub(b) }),
    check({ feeds: broadcast, build: ({ a, b }) => ops.sub(a, b), jax: ({ a, b }) => a.sub(b) }),
    check({ feeds: signed, build: ({ x }) => ops.sub(1, x) }),
  ],
  mul: [
    check({ feeds: pair, build: ({ a, b }) => ops.mul(a, b), jax: ({ a, b }) => a.mul(b) }),
    check({ feeds: broadcast, build: ({ a, b }) => ops.mul(a, b), jax: ({ a, b }) => a.mul(b) }),
    check({ feeds: { a: real([]), b: real(["B", 2]) }, build: ({ a, b }) => ops.mul(a, b) }),
  ],
  div: [
    check({
      feeds: { a: real(["B", 4]), b: real([4], { from: 0.5, to: 2 }) },
      build: ({ a, b }) => ops.div(a, b),
      jax: ({ a, b }) => a.div(b),
    }),
    check({ feeds: positive, build: ({ x }) => ops.div(1, x) }),
  ],
  less: [check({ feeds: { i: whole([3], [1, 2, 3]) }, build: ({ i }) => ops.less(i, 2), values: [1, 0, 0] })],
  lessEqual: [
    check({ feeds: { i: whole([3], [1, 2, 3]) }, build: ({ i }) => ops.lessEqual(i, 2), values: [1, 1, 0] }),
  ],
  equal: [
    check({ feeds: { i: whole([3], [1, 2, 3]) }, build: ({ i }) => ops.equal(2, i), values: [0, 1, 0] }),
  ],
  and: [
    check({
      feeds: { a: truth([4], [0, 0, 1, 1]), b: truth([4], [0, 1, 0, 1]) },
      build: ({ a, b }) => ops.and(a, b),
      values: [0, 0, 0, 1],
    }),
  ],
  or: [
    check({
      feeds: { a: truth([4], [0, 0, 1, 1]), b: truth([4], [0, 1, 0, 1]) },
      build: ({ a, b }) => ops.or(a, b),
      values: [0, 1, 1, 1],
    }),
  ],
  neg: [check({ feeds: signed, build: ({ x }) => ops.neg(x), jax: ({ x }) => x.neg() })],
  exp: [check({ feeds: signed, build: ({ x }) => ops.exp(x), jax: ({ x }) => np.exp(x) })],
  cos: [check({ feeds: signed, build: ({ x }) => ops.cos(x), jax: ({ x }) => np.cos(x) })],
  sin: [check({ feeds: signed, build: ({ x }) => ops.sin(x), jax: ({ x }) => np.sin(x) })],
  sqrt: [
    check({ feeds: positive, build: ({ x }) => ops.sqrt(x), jax: ({ x }) => np.sqrt(x) }),
    check({ feeds: { x: exact([2], [4, 2.25]) }, build: ({ x }) => ops.sqrt(x), values: [2, 1.5] }),
  ],
  tanh: [check({ feeds: signed, build: ({ x }) => ops.tanh(x), jax: ({ x }) => np.tanh(x) })],
  sigmoid: [
    check({ feeds: signed, build: ({ x }) => ops.sigmoid(x), jax: ({ x }) => nn.sigmoid(x) }),
    check({ feeds: large, build: ({ x }) => ops.sigmoid(x) }),
  ],
  relu: [check({ feeds: signed, build: ({ x }) => ops.relu(x), jax: ({ x }) => nn.relu(x) })],
  // ONNX Runtime 1.30 has no double kernel for Erf on the CPU.
  erf: [check({ feeds: signed, build: ({ x }) => ops.erf(x), jax: ({ x }) => lax.erf(x), onlySingle: true })],
  where: [
    check({
      feeds: { c: truth(["B", 1], [1, 0, 1]), a: real(["B", 4], { seed: 5 }), b: real([4], { seed: 6 }) },
      build: ({ c, a, b }) => ops.where(c, a, b),
      jax: ({ c, a, b }) => np.where(c, a, b),
    }),
  ],
  toFloat: [
    check({ feeds: { i: whole([2], [3, -4]) }, build: ({ i }) => ops.toFloat(i), values: [3, -4] }),
    check({ feeds: { c: truth([2], [0, 1]) }, build: ({ c }) => ops.toFloat(c), values: [0, 1] }),
  ],
  detach: [
    // d/dx x·detach(x) is detach(x) = x, not 2x: so is the derivative of x·c with c = x fed apart.
    async () => {
      const x = input("x", "float", [2]);
      const [dx] = gradients(sum(ops.mul(x, ops.detach(x))), [x]);
      const result = await lab.run({ dx: dx! }, { x: exact([2], [3, -5]) });
      expect(result["dx"]!.data).toEqual([3, -5]);
    },
  ],
  square: [check({ feeds: signed, build: ({ x }) => ops.square(x), jax: ({ x }) => np.square(x) })],
  softplus: [
    check({ feeds: signed, build: ({ x }) => ops.softplus(x), jax: ({ x }) => nn.softplus(x) }),
    check({
      feeds: large,
      build: ({ x }) => ops.softplus(x),
      // log(1 + e^-89) = 2.2e-39 and e^-1e4 vanish beside 89 and 1e4; log(1 + e^-1) = 0.31326168751822286
      values: [0, Math.exp(-89), 0.31326168751822286, 1.3132616875182228, 89, 1e4],
    }),
  ],
  logSigmoid: [
    check({ feeds: signed, build: ({ x }) => ops.logSigmoid(x), jax: ({ x }) => nn.logSigmoid(x) }),
    check({
      feeds: large,
      build: ({ x }) => ops.logSigmoid(x),
      values: [-1e4, -89, -1.3132616875182228, -0.31326168751822286, -Math.exp(-89), 0],
    }),
  ],
  scalar: [check({ feeds: signed, build: ({ x }) => ops.mul(x, ops.scalar(-3)) })],
  intScalar: [
    check({
      feeds: { i: whole([2], [3, -4]) },
      build: ({ i }) => ops.mul(i, ops.intScalar(2)),
      values: [6, -8],
    }),
  ],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases, ["constantValue"]));

test("logSigmoid and its gradient are finite at both ends in float32, where log(σ) is -Infinity", async () => {
  const x = input("x", "float", [4]);
  const y = ops.logSigmoid(x);
  const [dx] = gradients(sum(y), [x]);
  const result = await lab.run({ y, dx: dx! }, { x: exact([4], [-1e4, -89, 89, 1e4]) }, SINGLE);
  near(result["y"]!.data, [-1e4, -89, 0, 0], 1e-6);
  near(result["dx"]!.data, [1, 1, 0, 0], 1e-6); // 1 - σ(x)
});

test("softplus keeps its relative precision far below 1 in float32", async () => {
  const x = input("x", "float", [2]);
  const result = await lab.run({ y: ops.softplus(x) }, { x: exact([2], [-20, -40]) }, SINGLE);
  // log1p(z) = z - z²/2 + …: e^-20 = 2.0611536e-9, e^-40 = 4.2483543e-18
  expect(result["y"]!.data[0]! / 2.0611536e-9).toBeCloseTo(1, 5);
  expect(result["y"]!.data[1]! / 4.2483543e-18).toBeCloseTo(1, 5);
});

test("sizes that do not broadcast and mixed element types are refused", () => {
  const [a, b] = [input("a", "float", ["B", 3]), input("b", "float", ["B", 4])];
  expect(() => ops.add(a, b)).toThrow("add: cannot broadcast [B, 3] with [B, 4], axis 1 differs.");
  expect(() => ops.add(a, input("i", "int", ["B", 3]))).toThrow("add: expected float elements, got int.");
  expect(() => ops.where(a, a, a)).toThrow("where: expected bool elements, got float.");
  expect(ops.constantValue(ops.scalar(2))).toBe(2);
  expect(ops.constantValue(a)).toBeUndefined();
});
