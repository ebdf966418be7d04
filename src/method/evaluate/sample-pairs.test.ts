import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { mean } from "../../base/stats/describe.ts";
import { standingOf } from "./sample-pairs.ts";

const samples = (...values: number[]) => new Map(values.map((value, i) => [i, value]));

test("samples of equal number are compared, and their prompt is the unit", () => {
  // Prompt 1: 3 > 1, 0 < 2. Prompt 2: 1 = 1, 5 > 0. Prompt 3: 0 < 1, 0 < 1.
  const standing = standingOf([
    [samples(3, 0), samples(1, 2)],
    [samples(1, 5), samples(1, 0)],
    [samples(0, 0), samples(1, 1)],
  ]);
  expect(standing).toMatchObject({ wins: 2, ties: 1, losses: 3 });
  expect(standing.points).toEqual([0.5, 0.75, 0]);
  expect(standing.above).toEqual([0.5, 0.5, 0]);
  // One prompt ahead, one behind, one even: 1 against 1.
  expect(standing.signTest).toBe(1);
});

test("a sample without a partner, and a prompt without a pair, are left out", () => {
  const standing = standingOf([
    [samples(3, 9, 9), samples(1)],
    [samples(), samples(1)],
  ]);
  expect(standing).toMatchObject({ wins: 1, ties: 0, losses: 0, points: [1], above: [1] });
});

test("the share above does not grow with the samples that are drawn of a prompt", () => {
  // Rewards N(.7, 1) against N(0, 1): P(above) = Φ(.7 / √2) = .690 (scipy.stats.norm.cdf); means of two samples would give Φ(.7) = .758.
  // 2,000 prompts: standard error about .01.
  const rng = createRng("gra");
  const draw = (n: number, shift: number) =>
    samples(...Array.from({ length: n }, () => shift + rng.normal()));
  for (const n of [1, 2, 8]) {
    const prompts = Array.from({ length: 2000 }, () => [draw(n, 0.7), draw(n, 0)] as const);
    expect(Math.abs(mean(standingOf(prompts).above) - 0.69)).toBeLessThan(0.03);
  }
});
