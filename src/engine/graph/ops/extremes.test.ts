import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered } from "../../../../test/helpers/grad-check.ts";
import { constant, exact, openLab } from "../../../../test/helpers/lab.ts";
import { input } from "../tensor.ts";
import * as ops from "./extremes.ts";

const lab = openLab();
afterAll(() => lab.close());

const input3 = () => input("x", "float", ["B", 3]);
const rows = constant(exact(["B", 3], [1, 5, 5, -1, -2, -3, 0, 0, 7]));

const cases: Record<string, Check[]> = {
  argmax: [check({ feeds: { x: rows }, build: ({ x }) => ops.argmax(x), values: [1, 0, 2] })], // the first of equals
  maxLast: [check({ feeds: { x: rows }, build: ({ x }) => ops.maxLast(x), values: [5, -1, 7] })],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i has the values worked by hand", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases));

test("every result has the rank its shape rule says", async () => {
  expect((await lab.run({ y: ops.argmax(input3()) }, { x: rows }))["y"]!.shape).toEqual([3]);
  expect((await lab.run({ y: ops.maxLast(input3()) }, { x: rows }))["y"]!.shape).toEqual([3, 1]);
});
