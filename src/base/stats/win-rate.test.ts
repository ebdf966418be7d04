import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { mean } from "./describe.ts";
import { logistic } from "./special.ts";
import { lengthControlledInterval, lengthControlledWinRate, performanceGapRecovered } from "./win-rate.ts";

test("with no relation of length and winning the controlled rate is the plain one", () => {
  // every gap occurs once with a win and once with a loss, and the gaps are symmetric
  const result = lengthControlledWinRate([1, 0, 1, 0], [10, 10, 20, 20], [15, 15, 15, 15]);
  expect(result.winRate).toBe(0.5);
  expect(result.lengthControlled).toBeCloseTo(0.5, 10);
  expect(result.lengthCoefficient).toBeCloseTo(0, 10);
});

test("swapping the models mirrors the result", () => {
  const rng = createRng("swap");
  const wins = Array.from({ length: 50 }, () => (rng.next() < 0.6 ? 1 : 0));
  const a = wins.map((w) => 50 + rng.int(50) + 10 * w);
  const b = wins.map(() => 50 + rng.int(50));
  const one = lengthControlledWinRate(wins, a, b);
  const other = lengthControlledWinRate(
    wins.map((w) => 1 - w),
    b,
    a,
  );
  expect(one.lengthControlled! + other.lengthControlled!).toBeCloseTo(1, 9);
  expect(one.lengthCoefficient!).toBeCloseTo(other.lengthCoefficient!, 8);
});

test("a judge that likes length is seen through", () => {
  // P(win) = σ(0 + 2 tanh(gap / sd)), gaps mostly positive: plain rate far above 1/2, controlled rate near σ(0).
  // 4000 comparisons: standard error of the intercept about 0.05, of the rate about 0.012.
  const rng = createRng("long");
  const gaps = Array.from({ length: 4000 }, () => 30 + 20 * rng.normal());
  const sd = 20;
  const wins = gaps.map((gap) => (rng.next() < logistic(2 * Math.tanh(gap / sd)) ? 1 : 0));
  const result = lengthControlledWinRate(
    wins,
    gaps.map((g) => g + 500),
    gaps.map(() => 500),
  );
  expect(mean(wins)).toBeGreaterThan(0.75);
  expect(Math.abs(result.lengthControlled! - 0.5)).toBeLessThan(0.05);
  expect(Math.abs(result.lengthCoefficient! - 2)).toBeLessThan(0.25);
});

test("its interval mirrors, counts clusters, and is as worked by hand where lengths say nothing", () => {
  // Gaps of both signs alike among wins and losses: φ = 0, θ = ln 3, weights 3/16. The inverse information's entry is 1 / (8 · 3/16) = 2/3, a win
  // pulls by 1/4 · 2/3, a loss by -3/4 · 2/3: variance (6/36 + 2/4) · 8/7 = 16/21, and t(.975, 7) = 2.3646.
  const wins = [1, 1, 1, 0, 1, 1, 1, 0];
  const lengths = [20, 20, 20, 20, 0, 0, 0, 0];
  const alone = wins.map((_, i) => `${i}`);
  const of = (won: readonly number[], a: readonly number[], b: readonly number[], clusters = alone) =>
    lengthControlledInterval(won, a, b, { clusters });
  const ten = Array(8).fill(10);
  const found = of(wins, lengths, ten)!;
  const half = 2.364624 * Math.sqrt(16 / 21);
  expect(found.low).toBeCloseTo(logistic(Math.log(3) - half), 5);
  expect(found.high).toBeCloseTo(logistic(Math.log(3) + half), 5);
  expect(found).toMatchObject({ estimate: expect.closeTo(0.75, 8), n: 8 });
  const mirrored = of(
    wins.map((win) => 1 - win),
    ten,
    lengths,
  )!;
  expect(mirrored.low).toBeCloseTo(1 - found.high, 8);
  expect(mirrored.high).toBeCloseTo(1 - found.low, 8);
  const pairs = of(wins, lengths, ten, ["a", "a", "b", "b", "c", "c", "d", "d"])!;
  expect(pairs.n).toBe(4);
  expect(of([1, 1], [5, 6], [1, 1])).toBeNull();
  expect(of([1, 0, 1], [5, 6, 7], [5, 6, 7])).toBeNull();
});

/** θ, φ, mean gap in standard deviations, prompts, answers to each, and the share of a prompt's luck that its answers have in common. */
const CELLS: readonly (readonly number[])[] = [
  [0, 0, 1, 20, 1, 0],
  [0, 1.5, 0, 30, 4, 0.7],
  [0, 1.5, 1, 30, 4, 0],
  [0.7, 0, 0, 20, 1, 0],
  [-1.2, 1.5, 0, 100, 1, 0],
  [0.7, 1.5, 1, 60, 3, 0.7],
];
// 95 % nominal; 150 draws have a standard error of .018, so .95 - 3 · .018 = .897.
const RUNS = 150;
test.each(CELLS)("its interval covers 95 % within Monte Carlo error, cell %#", (...cell) => {
  const [theta, phi, shift, prompts, answers, common] = cell as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const draw = (seed: string, count: number) => {
    const rng = createRng(seed);
    const drawn = Array.from({ length: count }, (_, prompt) => {
      const [luck, taste] = [rng.next(), rng.normal()];
      return Array.from({ length: answers }, () => {
        const gap = 20 * (shift + Math.SQRT1_2 * (taste + rng.normal()));
        const own = rng.next() < common ? luck : rng.next();
        return { cluster: `${prompt}`, gap, win: Number(own < logistic(theta + phi * Math.tanh(gap / 20))) };
      });
    }).flat();
    const [wins, lengths] = [drawn.map(({ win }) => win), drawn.map(({ gap }) => 500 + gap)];
    return { wins, lengths, base: drawn.map(() => 500), clusters: drawn.map(({ cluster }) => cluster) };
  };
  const big = draw("population", 10_000 / answers);
  const truth = lengthControlledWinRate(big.wins, big.lengths, big.base).lengthControlled!;
  let [covered, defined] = [0, 0];
  for (let run = 0; run < RUNS; run++) {
    const { wins, lengths, base, clusters } = draw(`${cell} ${run}`, prompts);
    const found = lengthControlledInterval(wins, lengths, base, { clusters });
    if (found === null) continue;
    defined++;
    if (found.low <= truth && truth <= found.high) covered++;
  }
  expect(defined).toBeGreaterThan(0.98 * RUNS);
  expect(covered / defined).toBeGreaterThanOrEqual(0.897);
});

test("without differences of length there is nothing to control, and one-sided results are undefined", () => {
  expect(lengthControlledWinRate([1, 0, 1], [5, 6, 7], [5, 6, 7]).lengthControlled).toBeCloseTo(2 / 3, 12);
  expect(lengthControlledWinRate([1, 1], [5, 6], [1, 1])).toEqual({
    winRate: 1,
    lengthControlled: null,
    lengthCoefficient: null,
    n: 2,
  });
});

test("the performance gap recovered is the share of the way to the ceiling", () => {
  expect(performanceGapRecovered(60, 70, 80)).toBe(0.5);
  expect(performanceGapRecovered(60, 50, 80)).toBe(-0.5);
  expect(performanceGapRecovered(80, 90, 80)).toBeNull();
});

test("with two lengths the controlled rate is the mean of the two log-odds", () => {
  // Half of the answers are longer by 10, half shorter by 10: two log-odds, two parameters, so the fit is exact.
  // Longer: 3 of 4 won, log-odds ln 3; shorter: 2 of 4, log-odds 0. θ = (ln 3 + 0) / 2, σ(θ) = √3 / (1 + √3) = 0.6340; plain 5/8.
  const wins = [1, 1, 1, 0, 1, 1, 0, 0];
  const lengths = [20, 20, 20, 20, 0, 0, 0, 0];
  const result = lengthControlledWinRate(wins, lengths, Array(8).fill(10), { ridge: 0 });
  expect(result.winRate).toBe(5 / 8);
  expect(result.lengthControlled).toBeCloseTo(Math.sqrt(3) / (1 + Math.sqrt(3)), 8);
  // φ tanh(10 / sd) = ln 3 / 2, and the sample deviation of four 10 and four -10 is sqrt(800 / 7).
  expect(result.lengthCoefficient!).toBeCloseTo(Math.log(3) / 2 / Math.tanh(10 / Math.sqrt(800 / 7)), 6);
});

test("the performance gap recovered has Burns' ends: the teacher recovers nothing, the ceiling all", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (weak, gap) => {
        expect(performanceGapRecovered(weak, weak, weak + gap)).toBe(0);
        expect(performanceGapRecovered(weak, weak + gap, weak + gap)).toBe(1);
      },
    ),
  );
  // WDPO Fig. 2a, OPT-1.3B, as rewards: human 4.63, weak-to-strong 4.84, and 2.22 for the untuned base as the floor: (4.84 - 2.22) / (4.63 - 2.22).
  expect(performanceGapRecovered(2.22, 4.84, 4.63)).toBeCloseTo(2.62 / 2.41, 12);
});
