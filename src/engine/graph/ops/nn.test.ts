import { nn, numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered, near } from "../../../../test/helpers/grad-check.ts";
import type { JaxArray } from "../../../../test/helpers/jax.ts";
import { exact, openLab, real, SINGLE, whole } from "../../../../test/helpers/lab.ts";
import { gradients } from "../gradients.ts";
import { input } from "../tensor.ts";
import { sum } from "./layout.ts";
import * as ops from "./nn.ts";

const lab = openLab();
afterAll(() => lab.close());

const x = real(["N", 5], { from: -3, to: 3 });
const weight = real([5], { seed: 2, from: 0.5, to: 2 });
const bias = real([5], { seed: 3 });

/** Both norms by their definitions: jax-js has no layer with weights. */
const jaxLayerNorm = (x: JaxArray, epsilon: number) => {
  const centred = x.ref.sub(np.mean(x, 1, { keepdims: true }));
  return centred.ref.div(np.sqrt(np.mean(np.square(centred), 1, { keepdims: true }).add(epsilon)));
};
const jaxRmsNorm = (x: JaxArray, epsilon: number) =>
  x.ref.div(np.sqrt(np.mean(np.square(x), 1, { keepdims: true }).add(epsilon)));

const cases: Record<string, Check[]> = {
  softmax: [
    check({ feeds: { x }, build: ({ x }) => ops.softmax(x), jax: ({ x }) => nn.softmax(x, -1) }),
    check({ feeds: { x: real(["B", "T", 3]) }, build: ({ x }) => ops.softmax(x) }),
    check({
      feeds: { x: exact([1, 3], [1e4, 1e4, -1e4]) },
      build: ({ x }) => ops.softmax(x),
      values: [0.5, 0.5, 0],
    }),
  ],
  attend: [
    check({
      feeds: { scores: real(["B", 2, "T", "T"]), values: real(["B", 2, "T", 3]) },
      build: ({ scores, values }) => ops.attend(scores, values),
      jax: ({ scores, values }) => np.matmul(nn.softmax(scores, -1), values),
    }),
  ],
  layerNorm: [
    check({
      feeds: { x, weight, bias },
      build: ({ x, weight, bias }) => ops.layerNorm(x, weight, bias, 1e-5),
      jax: ({ x, weight, bias }) => jaxLayerNorm(x, 1e-5).mul(weight).add(bias),
    }),
    check({
      feeds: { x, weight },
      build: ({ x, weight }) => ops.layerNorm(x, weight, undefined, 0.1),
      jax: ({ x, weight }) => jaxLayerNorm(x, 0.1).mul(weight),
    }),
    check({
      feeds: { x: exact([1, 2], [1, 5]), weight: exact([2], [10, 1]), bias: exact([2], [0.5, 0]) },
      // mean 3, variance 4, ε = 5: (1 - 3)/3·10 + 0.5 and (5 - 3)/3
      build: ({ x, weight, bias }) => ops.layerNorm(x, weight, bias, 5),
      values: [-20 / 3 + 0.5, 2 / 3],
    }),
  ],
  rmsNorm: [
    check({
      feeds: { x, weight },
      build: ({ x, weight }) => ops.rmsNorm(x, weight, 0.1),
      jax: ({ x, weight }) => jaxRmsNorm(x, 0.1).mul(weight),
    }),
    check({
      feeds: { x: exact([1, 2], [1, 5]), weight: exact([2], [8, 4]) },
      build: ({ x, weight }) => ops.rmsNorm(x, weight, 3), // mean square 13, ε = 3: root 4
      values: [2, 5],
    }),
  ],
  // Both forms of GELU; ONNX Runtime 1.30 has no double kernel for Erf, so the exact one is checked in float32.
  gelu: [
    check({
      feeds: { x },
      build: ({ x }) => ops.gelu(x),
      jax: ({ x }) => nn.gelu(x, { approximate: false }),
      onlySingle: true,
    }),
    check({
      feeds: { x: exact([4], [0, 1, -1, 3]) },
      build: ({ x }) => ops.gelu(x),
      values: [0, 0.8413447460685429, -0.15865525393145707, 2.9959503059110904], // x·Φ(x), Φ(1) = 0.84134…, Φ(3) = 0.99865…
      onlySingle: true,
    }),
  ],
  geluTanh: [
    check({
      feeds: { x },
      build: ({ x }) => ops.geluTanh(x),
      jax: ({ x }) => nn.gelu(x, { approximate: true }),
    }),
    check({ feeds: { x: exact([3], [-12, 0, 12]) }, build: ({ x }) => ops.geluTanh(x), values: [0, 0, 12] }),
  ],
  silu: [check({ feeds: { x }, build: ({ x }) => ops.silu(x), jax: ({ x }) => nn.silu(x) })],
  pickLogSoftmax: [
    check({
      feeds: { x, targets: whole(["N"], [0, 4, 2, 2, 1, 0, 3]) },
      build: ({ x, targets }) => ops.pickLogSoftmax(x, targets),
      jax: ({ x, targets }) =>
        np.squeeze(np.takeAlongAxis(nn.logSoftmax(x, -1), np.expandDims(targets, -1), -1), -1),
    }),
    check({
      feeds: { x: exact([2, 2], [0, 0, 0, Math.log(3)]), targets: whole([2], [1, 0]) },
      build: ({ x, targets }) => ops.pickLogSoftmax(x, targets),
      values: [-Math.LN2, -Math.log(4)], // 1/2 and 1/(1 + 3)
    }),
  ],
  softCap: [
    check({ feeds: { x }, build: ({ x }) => ops.softCap(x, 2), jax: ({ x }) => np.tanh(x.div(2)).mul(2) }),
    check({ feeds: { x: exact([2], [1e4, -1e4]) }, build: ({ x }) => ops.softCap(x, 30), values: [30, -30] }),
  ],
  log1mExp: [
    // jax-js calls log(1 - e^-x) for x > 0 log1mexp.
    check({
      feeds: { a: real(["N"], { from: -4, to: -0.1 }) },
      build: ({ a }) => ops.log1mExp(a),
      jax: ({ a }) => nn.log1mexp(a.neg()),
    }),
    check({
      feeds: { a: exact([3], [-Math.LN2, -1, -89]) },
      build: ({ a }) => ops.log1mExp(a),
      values: [-Math.LN2, -0.45867514538708193, -Math.exp(-89)], // log(1/2), log(1 - 1/e), -e^-89
    }),
  ],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases));

test("log1mExp near 0 keeps its precision and a finite gradient in float32, where 1 - e^a is 0", async () => {
  const a = input("a", "float", [2]);
  const y = ops.log1mExp(a);
  const [da] = gradients(sum(y), [a]);
  const result = await lab.run({ y, da: da! }, { a: exact([2], [-1e-8, -1e-4]) }, SINGLE);
  // log(1 - e^-x) = log x - x/2 + …; the derivative is -1/(e^x - 1) = -1/x + 1/2 - …
  near(result["y"]!.data, [Math.log(1e-8), Math.log(1e-4) - 5e-5], 1e-6);
  near([result["da"]!.data[0]! / -1e8, result["da"]!.data[1]! / -9999.5], [1, 1], 1e-5);
});

test("the largest logits give log-probabilities of 0 and below, never NaN", async () => {
  const [x, targets] = [input("x", "float", [2, 3]), input("i", "int", [2])];
  const y = ops.pickLogSoftmax(x, targets);
  const [dx] = gradients(sum(y), [x]);
  const feeds = { x: exact([2, 3], [1e4, 0, -1e4, 1e4, 0, -1e4]), i: whole([2], [0, 2]) };
  const result = await lab.run({ y, dx: dx! }, feeds, SINGLE);
  expect(result["y"]!.data).toEqual([0, -2e4]);
  near(result["dx"]!.data, [0, 0, 0, -1, 0, 1], 1e-6); // onehot - softmax
});

describe("what does not fit is refused", () => {
  const t = (...shape: (number | string)[]) => input("x", "float", shape);
  test.each([
    ["attend", () => ops.attend(t("B", 2, 3), t("B", 4, 5)), "attend: [B, 2, 3] by [B, 4, 5] do not fit."],
    [
      "layerNorm rank",
      () => ops.layerNorm(t("B", "T", 5), t(5), undefined, 1),
      "expected a tensor of rank 2, got [B, T, 5].",
    ],
    [
      "layerNorm weight",
      () => ops.layerNorm(t("N", 5), t(4), undefined, 1),
      "layerNorm: weight is [4], expected [5].",
    ],
    [
      "layerNorm bias",
      () => ops.layerNorm(t("N", 5), t(5), t(1), 1),
      "layerNorm: bias is [1], expected [5].",
    ],
    [
      "rmsNorm weight",
      () => ops.rmsNorm(t("N", 5), t("N", 5), 1),
      "rmsNorm: weight is [N, 5], expected [5].",
    ],
    [
      "pickLogSoftmax",
      () => ops.pickLogSoftmax(t("N", 5), input("i", "int", ["B"])),
      "pickLogSoftmax: targets are [B] for logits [N, 5].",
    ],
    [
      "pickLogSoftmax by floats",
      () => ops.pickLogSoftmax(t("N", 5), t("N")),
      "pickLogSoftmax: expected int elements, got float.",
    ],
  ])("%s", (_name, build, message) => expect(build).toThrow(message));
});
