import { expect, test } from "vitest";
import { withoutNoise } from "./noise.ts";

const curves = (first: number) =>
  new Map<string, readonly (readonly [number, number])[]>([
    [
      "loss",
      [
        [1, Math.LN2],
        [2, 0.6],
      ],
    ],
    [
      "rewards/margins",
      [
        [1, first],
        [2, 0.1],
      ],
    ],
    [
      "rewards/accuracies",
      [
        [1, 0.375],
        [2, 0.7],
      ],
    ],
    [
      "logps/chosen",
      [
        [1, -80],
        [2, -79],
      ],
    ],
  ]);

test("a first margin of rounding goes, with the share that it decides; loss and log-probabilities stay", () => {
  for (const noise of [3e-6, -7e-5, 0]) {
    const left = withoutNoise(curves(noise));
    expect(left.get("rewards/margins")).toEqual([[2, 0.1]]);
    expect(left.get("rewards/accuracies")).toEqual([[2, 0.7]]);
    expect(left.get("loss")).toEqual(curves(0).get("loss"));
    expect(left.get("logps/chosen")).toEqual(curves(0).get("logps/chosen"));
  }
});

test("a first margin above rounding stays, as do curves without margins", () => {
  expect(withoutNoise(curves(1e-3))).toEqual(curves(1e-3));
  const sft = new Map([["loss", [[1, 3] as const]]]);
  expect(withoutNoise(sft)).toBe(sft);
});
