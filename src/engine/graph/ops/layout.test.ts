import { numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered } from "../../../../test/helpers/grad-check.ts";
import { exact, openLab, real, whole } from "../../../../test/helpers/lab.ts";
import { input } from "../tensor.ts";
import * as ops from "./layout.ts";

const lab = openLab();
afterAll(() => lab.close());

const x = real(["B", "T", 6]);
const count6 = exact([2, 3], [1, 2, 3, 4, 5, 6]);

const cases: Record<string, Check[]> = {
  reshape: [
    check({
      feeds: { x },
      build: ({ x }) => ops.reshape(x, ["B*T", 6]),
      jax: ({ x }) => np.reshape(x, [15, 6]),
    }),
    check({ feeds: { x }, build: ({ x }) => ops.reshape(x, ["B", -1]) }), // [B, 6*T]
    check({ feeds: { x }, build: ({ x }) => ops.reshape(x, ["B", "T", 2, 3]) }), // two unknown sizes at run time
    check({ feeds: { x: count6 }, build: ({ x }) => ops.reshape(x, [3, 2]), values: [1, 2, 3, 4, 5, 6] }),
    check({
      feeds: { i: whole([2, 2], [1, 2, 3, 4]) },
      build: ({ i }) => ops.reshape(i, [4]),
      values: [1, 2, 3, 4],
    }),
  ],
  transpose: [
    check({
      feeds: { x },
      build: ({ x }) => ops.transpose(x, [2, 0, 1]),
      jax: ({ x }) => np.transpose(x, [2, 0, 1]),
    }),
    check({ feeds: { x: count6 }, build: ({ x }) => ops.transpose(x, [1, 0]), values: [1, 4, 2, 5, 3, 6] }),
  ],
  expand: [
    check({
      feeds: { x: real([3, 1]), n: real(["N"]) },
      build: ({ x, n }) => mulFirst(ops.expand(x, ["N", 3, 2]), n),
    }),
    check({
      feeds: { x: exact([2, 1], [1, 2]) },
      build: ({ x }) => ops.expand(x, [2, 2]),
      values: [1, 1, 2, 2],
    }),
  ],
  sum: [
    check({ feeds: { x }, build: ({ x }) => ops.sum(x), jax: ({ x }) => np.sum(x) }),
    check({ feeds: { x }, build: ({ x }) => ops.sum(x, [0, -1]), jax: ({ x }) => np.sum(x, [0, 2]) }),
    check({ feeds: { x }, build: ({ x }) => ops.sum(x, [1], { keep: true }) }),
    check({ feeds: { x: count6 }, build: ({ x }) => ops.sum(x, [1]), values: [6, 15] }),
    check({ feeds: { x: count6 }, build: ({ x }) => ops.sum(x, []), values: [1, 2, 3, 4, 5, 6] }),
  ],
  sumTo: [
    check({ feeds: { x }, build: ({ x }) => ops.sumTo(x, ["T", 1]) }),
    check({ feeds: { x: count6 }, build: ({ x }) => ops.sumTo(x, [1, 3]), values: [5, 7, 9] }),
  ],
  slice: [
    check({ feeds: { x }, build: ({ x }) => ops.slice(x, 2, 1, 3) }),
    check({ feeds: { x: count6 }, build: ({ x }) => ops.slice(x, -1, 1, 2), values: [2, 3, 5, 6] }),
  ],
  padTo: [
    check({ feeds: { x }, build: ({ x }) => ops.padTo(x, -1, 2, 9) }),
    check({
      feeds: { x: exact([2], [1, 2]) },
      build: ({ x }) => ops.padTo(x, 0, 1, 4),
      values: [0, 1, 2, 0],
    }),
  ],
  concat: [
    check({
      feeds: {
        a: real(["B", 2], { seed: 2 }),
        b: real(["B", 3], { seed: 3 }),
        c: real(["B", 1], { seed: 4 }),
      },
      build: ({ a, b, c }) => ops.concat([a, b, c], -1),
      jax: ({ a, b, c }) => np.concatenate([a, b, c], 1),
    }),
    check({
      feeds: { x: count6 },
      build: ({ x }) => ops.concat([x, x], 0),
      values: [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6],
    }),
  ],
};

function mulFirst(y: ReturnType<typeof input>, n: ReturnType<typeof input>) {
  return ops.concat([y, ops.expand(ops.reshape(n, ["N", 1, 1]), ["N", 3, 1])], 2);
}

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases));

describe("what does not fit is refused with both shapes in the message", () => {
  const x = input("x", "float", ["B", "T", 6]);
  test.each([
    ["reshape", () => ops.reshape(x, ["B", 7]), "reshape: cannot make [B, 7] of [B, T, 6]."],
    ["reshape of a symbol", () => ops.reshape(x, [4, -1]), "reshape: cannot make [4, -1] of [B, T, 6]."],
    [
      "transpose",
      () => ops.transpose(x, [0, 1, 1]),
      "order [0,1,1] is not a permutation of the axes of [B, T, 6].",
    ],
    ["expand", () => ops.expand(x, ["B", "T", 12]), "expand: cannot expand [B, T, 6] to [B, T, 12]."],
    ["sum", () => ops.sum(x, [3]), "sum: axis is 3, expected one of 3 axes of [B, T, 6]."],
    [
      "slice past the end",
      () => ops.slice(x, 2, 4, 3),
      "slice: cannot take 3 from 4 along axis 2 of [B, T, 6].",
    ],
    [
      "slice of a symbol",
      () => ops.slice(x, 0, 0, 1),
      "slice: cannot take 1 from 0 along axis 0 of [B, T, 6].",
    ],
    ["padTo too small", () => ops.padTo(x, 2, 4, 9), "padTo: cannot put [B, T, 6] at 4 of 9 along axis 2."],
    ["padTo of a symbol", () => ops.padTo(x, 0, 0, 9), "padTo: cannot put [B, T, 6] at 0 of 9 along axis 0."],
    [
      "concat",
      () => ops.concat([x, input("y", "float", ["B", 5, 6])], 2),
      "concat: cannot join [B, T, 6], [B, 5, 6] on axis 2.",
    ],
    [
      "concat of types",
      () => ops.concat([x, input("i", "int", ["B", "T", 6])], 2),
      "concat: expected float elements, got int.",
    ],
  ])("%s", (_name, build, message) => expect(build).toThrow(message));
});
