import { afterAll, expect, test } from "vitest";
import { evaluate } from "../../../test/helpers/run-loss.ts";
import { openRuntime } from "../../engine/runtime/runtime.ts";
import { responseNll, sftLoss } from "./sft.ts";

const runtime = openRuntime({ threads: 1 });
afterAll(() => runtime.close());

/** One float64 run of the loss over some tokens, of which `normaliser` says how many the global batch has. */
const run = (logps: number[], normaliser: number) =>
  evaluate(runtime, { logps, normaliser }, (x) => ({ losses: sftLoss(x["logps"]!, x["normaliser"]!) }));

test("the loss is one mean over all response tokens, padding left out by the normaliser", async () => {
  // -(-1 - 2 - 6 + 0) / 3 = 3
  const { values, d } = await run([-1, -2, -6, 0], 3);
  expect(values.losses).toEqual([3]);
  expect(d["logps"]![0]).toBeCloseTo(-1 / 3, 15);
});

test("micro-batches of different lengths add up to the large batch, which a mean of means does not", async () => {
  const whole = await run([-1, -2, -6], 3);
  const [first, second] = await Promise.all([run([-1], 3), run([-2, -6], 3)]);
  expect(first!.values.losses[0]! + second!.values.losses[0]!).toBeCloseTo(whole.values.losses[0]!, 15);
  expect([...first!.d["logps"]!, ...second!.d["logps"]!]).toEqual(whole.d["logps"]); // mean of means: (1 + 4) / 2 = 2½
});

test("token weights multiply in and get no gradient", async () => {
  const { values, d } = await evaluate(
    runtime,
    { logps: [-1, -2, -6], weights: [1, 0, 0.5], normaliser: 2 },
    (x) => ({ losses: sftLoss(x["logps"]!, x["normaliser"]!, x["weights"]!) }),
  );
  expect(values.losses).toEqual([2]); // (1 + 0 + 3) / 2
  expect(d["logps"]).toEqual([-0.5, -0, -0.25].map((slope) => expect.closeTo(slope, 15)));
  expect(d["weights"]).toEqual([0, 0, 0]);
});

test("a response's NLL is per token", async () => {
  const { values } = await evaluate(runtime, { logps: [-6, -1], lengths: [3, 1] }, (x) => ({
    losses: responseNll(x["logps"]!, x["lengths"]!),
  }));
  expect(values.losses).toEqual([2, 1]);
});
