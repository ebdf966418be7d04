import { numpy as np } from "@jax-js/jax";
import { afterAll, describe, expect, test } from "vitest";
import { type Check, check, expectCovered, sourcesIn } from "../../../../test/helpers/grad-check.ts";
import type { JaxArray } from "../../../../test/helpers/jax.ts";
import { constant, exact, openLab, real, whole } from "../../../../test/helpers/lab.ts";
import { input } from "../tensor.ts";
import * as ops from "./rope.ts";

const lab = openLab();
afterAll(() => lab.close());

const angles = real(["N", 1, 2], { seed: 7 });
const cosine = constant({ ...angles, data: angles.data.map(Math.cos) });
const sine = constant({ ...angles, data: angles.data.map(Math.sin) });

/** x∘cos + rotateHalf(x)∘sin, as modeling_llama.py writes it. */
function jaxRope(x: JaxArray, cosine: JaxArray, sine: JaxArray): JaxArray {
  const [first, second] = np.split(x.ref, 2, 2) as [JaxArray, JaxArray];
  const twice = (a: JaxArray) => np.concatenate([a.ref, a], 2);
  return x.mul(twice(cosine)).add(np.concatenate([second.neg(), first], 2).mul(twice(sine)));
}

const cases: Record<string, Check[]> = {
  ropeAngles: [
    check({
      feeds: { positions: whole(["B"], [0, 3, 100_000]) },
      build: ({ positions }) => ops.ropeAngles(positions, [1, 0.01]).cosine,
      values: [1, 1, Math.cos(3), Math.cos(0.03), Math.cos(1e5), Math.cos(1e3)], // exact far out as well
    }),
    check({
      feeds: { positions: whole(["B"], [0, 3, 100_000]) },
      build: ({ positions }) => ops.ropeAngles(positions, [1, 0.01]).sine,
      values: [0, 0, Math.sin(3), Math.sin(0.03), Math.sin(1e5), Math.sin(1e3)],
    }),
  ],
  rope: [
    check({
      feeds: { x: real(["N", 3, 4]), cosine, sine },
      build: ({ x, cosine, sine }) => ops.rope(x, cosine, sine),
      jax: ({ x, cosine, sine }) => jaxRope(x, cosine, sine),
    }),
    check({
      feeds: { x: real(["N", 2, 7]), cosine, sine },
      build: ({ x, cosine, sine }) => ops.rope(x, cosine, sine),
    }),
    check({
      // 30 degrees on the pair (x0, x2), 90 on (x1, x3), x4 left alone
      feeds: {
        x: exact([1, 1, 5], [2, 1, 4, 3, 9]),
        cosine: constant(exact([1, 1, 2], [0.75, 0])),
        sine: constant(exact([1, 1, 2], [0.5, 1])),
      },
      build: ({ x, cosine, sine }) => ops.rope(x, cosine, sine),
      values: [2 * 0.75 - 4 * 0.5, -3, 4 * 0.75 + 2 * 0.5, 1, 9],
    }),
  ],
};

describe.each(Object.entries(cases))("%s", (_name, checks) => {
  test.each(checks.map((run, i) => ({ run, i })))("case $i agrees with finite differences", ({ run }) =>
    run(lab),
  );
});

test("every exported op has a check", () => expectCovered(ops, cases));

test("more dims than a head has, or another rank, are refused", () => {
  const half = input("c", "float", ["N", 1, 2]);
  expect(() => ops.rope(input("x", "float", ["N", 2, 3]), half, half)).toThrow(
    "rope: cannot turn 4 entries of [N, 2, 3].",
  );
  expect(() => ops.rope(input("x", "float", ["N", 8]), half, half)).toThrow(
    "rope: cannot turn 4 entries of [N, 8].",
  );
});

test("every file of ops has its gradient checks beside it", () => {
  const folder = new URL(".", import.meta.url);
  const tested = sourcesIn(folder, ".test.ts").map((name) => name.replace(".test.ts", ".ts"));
  expect(sourcesIn(folder).filter((name) => !tested.includes(name))).toEqual([]);
});
