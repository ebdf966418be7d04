import { numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered } from "../../../../test/helpers/grad-check.ts";
import { constant, exact, openLab, real, SINGLE, whole } from "../../../../test/helpers/lab.ts";
import { gradients } from "../gradients.ts";
import { input } from "../tensor.ts";
import { add, mul, toFloat } from "./elementwise.ts";
import * as ops from "./gather.ts";
import { sum } from "./layout.ts";

const lab = openLab();
afterAll(() => lab.close());

const table = real([4, 3], { seed: 1 });
const repeated = whole(["T"], [2, 0, 2, 3, 2]);

const cases: Record<string, Check[]> = {
  iota: [
    check({
      feeds: { i: whole(["B"], [10, 20, 30]) },
      build: ({ i }) => addInts(i, ops.iota("B")),
      values: [10, 21, 32],
    }),
    check({ feeds: { x: real(["B", "T"]) }, build: ({ x }) => mul(x, toFloat(ops.iota("T"))) }),
  ],
  sizeOf: [
    check({
      feeds: { x: exact(["B", 2], [1, 2, 3, 4, 5, 6]) },
      build: ({ x }) => mul(x, toFloat(ops.sizeOf("2*B"))),
      values: [6, 12, 18, 24, 30, 36],
    }),
  ],
  gatherRows: [
    check({
      feeds: { table, index: repeated },
      build: ({ table, index }) => ops.gatherRows(table, index),
      jax: ({ table, index }) => np.take(table, index, 0),
    }),
    check({
      feeds: { table, index: whole(["B", 2], [0, 1, 1, 3, 1, 0]) },
      build: ({ table, index }) => ops.gatherRows(table, index),
    }),
    check({
      feeds: { table: real(["T"]), index: whole(["B"], [4, 4, 0]) },
      build: ({ table, index }) => ops.gatherRows(table, index),
    }),
    check({
      feeds: { x: whole([3], [7, 8, 9]), index: whole([2], [2, 0]) },
      build: ({ x, index }) => ops.gatherRows(x, index),
      values: [9, 7],
    }),
  ],
  scatterAddRows: [
    check({
      feeds: { x: real(["T", 3]), index: repeated },
      build: ({ x, index }) => ops.scatterAddRows(x, index, [4, 3]),
    }),
    check({
      feeds: { x: real(["T", 3]), index: repeated, base: real([4, 3]) },
      build: ({ x, index, base }) => ops.scatterAddRows(x, index, [4, 3], base),
    }),
    check({
      feeds: { x: exact([3], [1, 2, 4]), index: whole([3], [1, 1, 0]) },
      build: ({ x, index }) => ops.scatterAddRows(x, index, [3]),
      values: [4, 3, 0],
    }),
  ],
  permuteRows: [
    // Row 3 of the result is padding: a copy of row 0 whose adjoint must be zero, so it is masked.
    check({
      feeds: {
        x: real(["B", 2]),
        index: whole([4], [2, 0, 1, 0]),
        inverse: whole(["B"], [1, 2, 0]),
        mask: constant(exact([4, 1], [1, 1, 1, 0])),
      },
      build: ({ x, index, inverse, mask }) => mul(ops.permuteRows(x, index, inverse), mask),
    }),
  ],
  setRows: [
    check({
      feeds: {
        base: constant(exact([3, 2], [1, 2, 3, 4, 5, 6])),
        index: whole([2], [2, 0]),
        rows: constant(exact([2, 2], [7, 8, 9, 10])),
      },
      build: ({ base, index, rows }) => ops.setRows(base, index, rows),
      values: [9, 10, 3, 4, 7, 8],
    }),
  ],
  takeAlong: [
    check({
      feeds: { x: real(["B", 2, 4]), index: whole([2, 3], [0, 3, 3, 1, 1, 2]) },
      build: ({ x, index }) => ops.takeAlong(x, index),
    }),
    check({
      feeds: { x: exact([1, 2, 2], [1, 2, 3, 4]), index: whole([2, 3], [1, 1, 0, 0, 1, 0]) },
      build: ({ x, index }) => ops.takeAlong(x, index),
      values: [2, 2, 1, 3, 4, 3],
    }),
  ],
  takeLast: [
    check({
      feeds: { x: real(["B", 2, 4]), index: whole(["B", 2], [0, 3, 1, 1, 2, 0]) },
      build: ({ x, index }) => ops.takeLast(x, index),
      jax: ({ x, index }) => np.squeeze(np.takeAlongAxis(x, np.expandDims(index, -1), -1), -1),
    }),
    // The adjoint's adjoint: takeLast(putLast(…)) by differentiating a gradient.
    async () => {
      const [x, index] = [input("x", "float", [2, 3]), input("i", "int", [2])];
      const taken = ops.takeLast(x, index);
      const [dx] = gradients(sum(mul(taken, mul(taken, taken))), [x]); // 3 x_i² at the index
      const [ddx] = gradients(sum(mul(dx!, toFloat(ops.iota(3)))), [x]); // 6 x_i · i
      const feeds = { x: exact([2, 3], [1, 2, 3, 4, 5, 6]), i: whole([2], [1, 2]) };
      const result = await lab.run({ ddx: ddx! }, feeds);
      expect(result["ddx"]!.data).toEqual([0, 12, 0, 0, 0, 72]);
    },
  ],
};

function addInts(a: ReturnType<typeof input>, b: ReturnType<typeof input>) {
  return mul(add(a, b), 1);
}

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases, ["foldScatterAddRows"]));

test("4096 rows onto 4 indices lose none, whatever the number of threads", async () => {
  // ONNX Runtime's ScatterND adds in parallel without locks and loses rows; ScatterElements does not.
  const rows = 4096;
  const wide = openLab({ threads: 4 });
  const [x, index] = [input("x", "float", ["R", 8]), input("i", "int", ["R"])];
  const y = ops.scatterAddRows(x, index, [4, 8]);
  const feeds = {
    x: {
      dtype: "float" as const,
      shape: ["R", 8],
      sizes: [rows, 8],
      data: Array.from({ length: rows * 8 }, (_, i) => i % 8),
    },
    i: {
      dtype: "int" as const,
      shape: ["R"],
      sizes: [rows],
      data: Array.from({ length: rows }, (_, i) => i % 4),
    },
  };
  const result = await wide.run({ y }, feeds, SINGLE);
  await wide.close();
  // Each index gets 1024 rows of 0 … 7: exact in float32.
  expect(result["y"]!.data).toEqual(Array.from({ length: 32 }, (_, i) => 1024 * (i % 8)));
});

describe("what does not fit is refused", () => {
  const [x, i] = [input("x", "float", ["N", 3]), input("i", "int", ["N"])];
  test.each([
    ["gatherRows by floats", () => ops.gatherRows(x, x), "gatherRows: expected int elements, got float."],
    [
      "takeLast by floats",
      () => ops.takeLast(x, input("f", "float", ["N"])),
      "takeLast: expected int elements, got float.",
    ],
    [
      "takeLast rank",
      () => ops.takeLast(x, input("j", "int", ["N", 3])),
      "takeLast: expected a tensor of rank 1, got [N, 3].",
    ],
    [
      "takeLast rows",
      () => ops.takeLast(x, input("j", "int", ["B"])),
      "takeLast: index is [B], expected [N].",
    ],
    [
      "scatterAddRows index",
      () => ops.scatterAddRows(x, input("j", "int", ["N", 3]), [4, 3]),
      "expected a tensor of rank 1, got [N, 3].",
    ],
    [
      "scatterAddRows sizes",
      () => ops.scatterAddRows(x, i, [4, 5]),
      "scatterAddRows: rows of [N, 3] do not fit [4, 5].",
    ],
    [
      "permuteRows",
      () => ops.permuteRows(x, i, input("j", "int", ["B"])),
      "permuteRows: inverse is [B] for rows [N, 3].",
    ],
  ])("%s", (_name, build, message) => expect(build).toThrow(message));
});
