import { afterAll, expect, test } from "vitest";
import { evaluate, type Numbers } from "../../../test/helpers/run-loss.ts";
import type { Tensor } from "../../engine/graph/tensor.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { type BradleyTerryOptions, bradleyTerryLoss } from "./reward-model.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

const softplus = (x: number) => Math.log1p(Math.exp(x));
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 13));

const run = (
  numbers: Numbers,
  options: (x: Readonly<Record<string, Tensor>>) => BradleyTerryOptions = () => ({}),
) =>
  evaluate(runtime, { chosen: [2, -1, 500, -500], rejected: [1, 1, -500, 500], ...numbers }, (x) => ({
    losses: bradleyTerryLoss({ chosen: x["chosen"]!, rejected: x["rejected"]! }, options(x)),
  }));

test("the loss is -log σ of the difference of scores, finite at ±1000", async () => {
  const { values, d } = await run({});
  expect(values.losses).toEqual(close([softplus(-1), softplus(2), 0, 1000])); // differences 1, -2, 1000, -1000
  expect(d["chosen"]).toEqual(close([-1 / (1 + Math.E), -1 / (1 + Math.exp(-2)), 0, -1]));
  expect(d["rejected"]).toEqual(d["chosen"]!.map((slope) => -slope));
});

test("a margin is taken off the difference", async () => {
  const { values } = await run({ m: [3, 1, 0, 0] }, (x) => ({ margin: x["m"]! }));
  expect(values.losses.slice(0, 2)).toEqual(close([softplus(2), softplus(3)])); // 1 - 3 = -2, -2 - 1 = -3
});

test("a soft target mixes both directions; 1 is the hard label, 0 the swapped one", async () => {
  const { values, d } = await run({ p: [0.25, 1, 1, 0] }, (x) => ({ pChosen: x["p"]! }));
  expect(values.losses).toEqual(close([0.25 * softplus(-1) + 0.75 * softplus(1), softplus(2), 0, 0]));
  expect(d["p"]).toEqual([0, 0, 0, 0]);
});

test("weights multiply the loss, margin and soft target included", async () => {
  const { values } = await run({ m: [1, 0, 0, 0], p: [0.5, 1, 1, 1], w: [2, 0, 1, 1] }, (x) => ({
    margin: x["m"]!,
    pChosen: x["p"]!,
    weights: x["w"]!,
  }));
  // difference 1, margin 1: ½ softplus(-(1 - 1)) + ½ softplus(-(-1 - 1)), twice
  expect(values.losses.slice(0, 2)).toEqual(close([Math.LN2 + softplus(2), 0]));
});

test("scores and options of different shapes are refused", async () => {
  await expect(run({ m: 1 }, (x) => ({ margin: x["m"]! }))).rejects.toThrow(
    "bradley-terry: margin must have the shape",
  );
});
