import { numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered, near } from "../../../../test/helpers/grad-check.ts";
import { exact, openLab, real, SINGLE } from "../../../../test/helpers/lab.ts";
import type { Shape } from "../dims.ts";
import { gradients } from "../gradients.ts";
import { input, type Tensor } from "../tensor.ts";
import { mul } from "./elementwise.ts";
import { sum } from "./layout.ts";
import * as ops from "./matmul.ts";

const lab = openLab();
afterAll(() => lab.close());

const flip = (shape: Shape, on: boolean): Shape =>
  on ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;

/** Leading axes of a and b: none, equal, one side only, broadcast of 1, unequal rank. */
const batches: [Shape, Shape][] = [
  [[], []],
  [["B"], ["B"]],
  [["B"], []],
  [[], ["B"]],
  [["B", 1], [2]],
  [
    [1, 2],
    ["B", 2],
  ],
];

const products = batches.flatMap(([left, right]) =>
  [false, true].flatMap((transA) =>
    [false, true].flatMap((transB) =>
      [1, -0.5].map((alpha) => {
        const a = real(flip([...left, 2, 3], transA), { seed: 1 });
        const b = real(flip([...right, 3, 4], transB), { seed: 2 });
        const swap = (on: boolean) => (y: np.Array) => (on ? np.matrixTranspose(y) : y);
        const build = (x: Record<"a" | "b", Tensor>) => ops.matmul(x.a, x.b, { transA, transB, alpha });
        // jax-js 0.1.25 cannot broadcast the left factor ("Incompatible array broadcast shapes").
        if (left.includes(1) || left.length < right.length) return check({ feeds: { a, b }, build });
        const jax = (x: Record<"a" | "b", np.Array>) =>
          np.matmul(swap(transA)(x.a), swap(transB)(x.b)).mul(alpha);
        return check({ feeds: { a, b }, build, jax });
      }),
    ),
  ),
);

const x = real(["N", 3], { seed: 3 });
const weight = real([4, 3], { seed: 4 });
const bias = real([4], { seed: 5 });
const inOut = real([3, 4], { seed: 6 });

const cases: Record<string, Check[]> = {
  matmul: [
    ...products,
    check({ feeds: { a: real(["N", "T"]), b: real(["T", "B"]) }, build: ({ a, b }) => ops.matmul(a, b) }),
    check({
      feeds: { a: exact([1, 2], [1, 2]), b: exact([2, 2], [1, 2, 3, 4]) },
      build: ({ a, b }) => ops.matmul(a, b, { transB: true, alpha: 2 }),
      values: [10, 22], // 2·(1·1 + 2·2), 2·(1·3 + 2·4)
    }),
  ],
  linear: [
    check({ feeds: { x, weight }, build: ({ x, weight }) => ops.linear(x, weight) }),
    check({
      feeds: { x, weight, bias },
      build: ({ x, weight, bias }) => ops.linear(x, weight, { bias }),
      jax: ({ x, weight, bias }) => np.matmul(x, np.matrixTranspose(weight)).add(bias),
    }),
    check({ feeds: { x, inOut }, build: ({ x, inOut }) => ops.linear(x, inOut, { weightIsInOut: true }) }),
    check({
      feeds: { x, inOut, bias },
      build: ({ x, inOut, bias }) => ops.linear(x, inOut, { bias, weightIsInOut: true }),
      jax: ({ x, inOut, bias }) => np.matmul(x, inOut).add(bias),
    }),
  ],
  outerProducts: [
    check({ feeds: { a: real(["N", 2]), b: real(["N", 3]) }, build: ({ a, b }) => ops.outerProducts(a, b) }),
    check({
      feeds: { a: real(["N", 2]), b: real(["N", 3]), base: real([2, 3]) },
      build: ({ a, b, base }) => ops.outerProducts(a, b, base),
      jax: ({ a, b, base }) => np.matmul(np.matrixTranspose(a), b).add(base),
    }),
  ],
  rowDot: [
    check({
      feeds: { a: exact([2, 2], [1, 2, 3, 4]), b: exact([2, 2], [5, 6, 7, 8]) },
      build: ({ a, b }) => ops.rowDot(a, b),
      values: [17, 53], // 5 + 12, 21 + 32
    }),
  ],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases, ["foldOuterProducts"]));

test("without FusedMatMul (WebGPU) the float32 products and gradients are the same", async () => {
  const feeds = { a: real(["B", 3, 2]), b: real(["B", 4, 3]) };
  const [a, b] = [input("a", "float", ["B", 3, 2]), input("b", "float", ["B", 4, 3])];
  const y = ops.matmul(a, b, { transA: true, transB: true, alpha: 0.25 });
  const [da, db] = gradients(sum(mul(y, y)), [a, b]);
  const fused = await lab.run({ y, da: da!, db: db! }, feeds, SINGLE);
  const plain = await lab.run({ y, da: da!, db: db! }, feeds, { ...SINGLE, fusedMatMul: false });
  for (const name of ["y", "da", "db"]) near(plain[name]!.data, fused[name]!.data, 1e-6, name);
});

describe("what does not fit is refused with both shapes in the message", () => {
  const t = (...shape: Shape) => input("x", "float", shape);
  test.each([
    [
      "matmul",
      () => ops.matmul(t("B", 2, 3), t("B", 4, 5)),
      "matmul: inner sizes differ, [B, 2, 3] by [B, 4, 5].",
    ],
    ["matmul of vectors", () => ops.matmul(t(3), t(3)), "matmul: expected matrices, got [3] by [3]."],
    [
      "matmul batches",
      () => ops.matmul(t("B", 2, 3), t("T", 3, 5)),
      "matmul: cannot broadcast [B] with [T], axis 0 differs.",
    ],
    [
      "linear rank",
      () => ops.linear(t("B", "T", 3), t(4, 3)),
      "linear: expected a tensor of rank 2, got [B, T, 3].",
    ],
    [
      "linear sizes",
      () => ops.linear(t("N", 3), t(3, 4)),
      "linear: input, weight and bias do not fit: [N, 3], [3, 4].",
    ],
    ["linear bias", () => ops.linear(t("N", 3), t(4, 3), { bias: t(3) }), "do not fit: [N, 3], [4, 3], [3]."],
    [
      "outerProducts rows",
      () => ops.outerProducts(t("N", 3), t("B", 4)),
      "outerProducts: [N, 3] and [B, 4] do not fit.",
    ],
    [
      "outerProducts base",
      () => ops.outerProducts(t("N", 3), t("N", 4), t(4, 3)),
      "outerProducts: base is [4, 3], expected [3, 4].",
    ],
  ])("%s", (_name, build, message) => expect(build).toThrow(message));
});
