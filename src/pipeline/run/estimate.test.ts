import { expect, test } from "vitest";
import { formatEstimates, type StageEstimate } from "./estimate.ts";

/** A minute of scoring, and half a second beside it. */
const minute = (stage: string, slowdown: number): StageEstimate => ({
  stage,
  slowdown,
  estimate: {
    ...{ tokens: 1e6, flops: 1, seconds: 59.5 },
    memory: { weights: 1e6, activations: 0, runtime: 0 },
  },
});
const lastLine = (slowdown: number) =>
  formatEstimates([minute("pool-scores", slowdown), minute("test-scores", slowdown)])
    .split("\n")
    .at(-1);

test("a promise is a range, and another one on a machine that others compute on", () => {
  expect(lastLine(1.1)).toBe("in all: 1.3 to 3.0 minutes, scoring by gold models and judges not counted");
  expect(lastLine(4)).toBe(
    "in all: 1.3 to 3.0 minutes on this machine at rest; others compute on it, and as busy as it is now 5.3 to 12.0 minutes, scoring by gold models and judges not counted",
  );
});
