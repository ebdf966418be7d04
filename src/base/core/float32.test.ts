import { expect, test } from "vitest";
import { float32Rounding, UNIT_ROUNDOFF } from "./float32.ts";
import { createRng } from "./rng.ts";

test("one number rounds by half a unit in its last place", () => {
  expect(UNIT_ROUNDOFF).toBe((Math.fround(1 + 2 ** -23) - 1) / 2);
  expect(float32Rounding(1, -8)).toBe(2 ** -21);
  expect(float32Rounding(100, 5)).toBe(10 * 5 * 2 ** -24);
});

test("covers float32 sums forwards and by eights, of one sign and of both, and would not cover one tenth of it", () => {
  const shares: number[] = [];
  for (const terms of [8, 100, 2000, 50_000])
    for (const centre of [0, -5])
      for (let seed = 0; seed < 10; seed++) {
        const draw = createRng(seed).fork(`${terms}/${centre}`);
        const x = Float32Array.from({ length: terms }, () => centre + 2 * draw.normal());
        const exact = x.reduce((total, value) => total + value, 0);
        const limit = float32Rounding(
          terms,
          x.reduce((total, value) => total + Math.abs(value), 0),
        );
        for (const lanes of [1, 8]) shares.push(Math.abs(inLanes(x, lanes) - exact) / limit);
      }
  expect(Math.max(...shares)).toBeLessThan(1);
  expect(Math.max(...shares)).toBeGreaterThan(0.1);
});

/** A float32 sum as vector units make it: each lane by itself, then the lanes. */
function inLanes(x: Float32Array, lanes: number): number {
  const sums = new Float32Array(lanes);
  x.forEach((value, i) => {
    sums[i % lanes]! += value;
  });
  return sums.reduce((total, value) => Math.fround(total + value), 0);
}
