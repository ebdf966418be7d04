import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng, restoreRng } from "./rng.ts";

const take = (n: number, draw: () => number) => Array.from({ length: n }, draw);

describe("a stream", () => {
  test("has pinned first values: a change here changes every seeded run", () => {
    // The same numbers come from a separate writing of sfc32 over SHA-256 in Python.
    expect(createRng(0).state()).toEqual([1726737503, 946850047, 1819824857, 2037148013]);
    expect(take(4, createRng(0).next)).toEqual([
      0.09680359444193076, 0.3647839329259521, 0.8752590001600301, 0.5722192328087119,
    ]);
    expect(createRng(7).fork("split", 3).next()).toBe(0.46900154137813255);
    expect(createRng(42).shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([4, 3, 7, 2, 0, 6, 1, 5]);
  });

  test("follows sfc32: one step from a hand-made state", () => {
    // Words a=1 b=2 c=3 d=4, two 32-bit draws per number.
    // draw 1: t = 1+2+4 = 7;  a = 2 ^ (2>>>9) = 2; b = 3 + (3<<3) = 27; c = (3<<21 | 3>>>11) + 7 = 6291463; d = 5
    // draw 2: t = 2+27+5 = 34; a = 27 ^ 0 = 27; b = 6291463 * 9 = 56623167; d = 6
    //         c = (6291463<<21 mod 2^32 | 6291463>>>11) + 34 = (7*2^21 | 3072) + 34 = 14680064 + 3072 + 34 = 14683170
    // next = ((7>>>5) * 2^26 + (34>>>6)) / 2^53 = 0
    const rng = restoreRng("x", [1, 2, 3, 4]);
    expect(rng.next()).toBe(0);
    expect(rng.state()).toEqual([27, 56623167, 14683170, 6]);
  });

  test("is the same for the same seed and another for another", () => {
    expect(take(50, createRng(5).next)).toEqual(take(50, createRng(5).next));
    expect(take(4, createRng(5).next)).not.toEqual(take(4, createRng(6).next));
    expect(take(4, createRng("a").next)).not.toEqual(take(4, createRng("b").next));
  });

  test("goes on from a saved state, forks included", () => {
    const rng = createRng("run");
    take(13, rng.next);
    const again = restoreRng("run", rng.state());
    expect(take(20, again.next)).toEqual(take(20, rng.next));
    expect(again.fork("x").next()).toBe(rng.fork("x").next());
  });

  test("saves a state of four unsigned 32-bit words", () => {
    const rng = createRng(3);
    for (let i = 0; i < 100; i++, rng.next())
      for (const word of rng.state()) {
        expect(Number.isInteger(word)).toBe(true);
        expect(word).toBeGreaterThanOrEqual(0);
        expect(word).toBeLessThan(2 ** 32);
      }
  });
});

describe("fork", () => {
  test("depends on seed and labels and not on how many draws came before", () => {
    const rng = createRng(1);
    const before = rng.fork("row", 9).next();
    take(10, rng.next);
    expect(rng.fork("row", 9).next()).toBe(before);
    expect(createRng(1).fork("row", 9).next()).toBe(before);
  });

  test("does not advance its parent", () => {
    const rng = createRng(1);
    const state = rng.state();
    rng.fork("a").next();
    expect(rng.state()).toEqual(state);
  });

  test("tells labels apart, however they would join, and parents too", () => {
    const rng = createRng(1);
    const forks = [
      rng.fork("a", "b"),
      rng.fork("ab"),
      rng.fork("a").fork("b"),
      rng.fork("b", "a"),
      rng.fork(1),
      rng.fork("1"),
      createRng(2).fork("ab"),
      rng,
    ];
    expect(new Set(forks.map((fork) => fork.next())).size).toBe(forks.length);
  });

  test("gives streams that are not correlated", () => {
    // Pearson r of n = 4000 independent pairs has deviation 1/sqrt(n) = 0.0158; 4 deviations are 0.063.
    const [a, b] = [createRng(1).fork("row", 1), createRng(1).fork("row", 2)];
    const n = 4000;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (a.next() - 0.5) * (b.next() - 0.5);
    expect(Math.abs(sum / n / (1 / 12))).toBeLessThan(0.063);
  });
});

describe("uniform draws", () => {
  test("fill 100 bins evenly (chi-square)", () => {
    // 99 degrees of freedom: mean 99, 0.1 % and 99.9 % points 61.1 and 148.2.
    const bins = new Array<number>(100).fill(0);
    const rng = createRng("chi");
    for (let i = 0; i < 100_000; i++) bins[Math.floor(rng.next() * 100)]!++;
    const chi2 = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeGreaterThan(61.1);
    expect(chi2).toBeLessThan(148.2);
  });

  test("stay in [0, 1), and use the low bits", () => {
    const rng = createRng(11);
    let low = 0;
    for (let i = 0; i < 2000; i++) {
      const x = rng.next();
      expect(x >= 0 && x < 1).toBe(true);
      low += (x * 2 ** 53) % 2;
    }
    // Half of 2000 lowest bits are set: deviation sqrt(2000)/2 = 22.4; 4 deviations are 90.
    expect(Math.abs(low - 1000)).toBeLessThan(90);
  });

  test("as integers reach both ends and nothing beyond, each as often", () => {
    const counts = new Map<number, number>();
    const rng = createRng(2);
    for (let i = 0; i < 6000; i++) {
      const roll = rng.int(6);
      counts.set(roll, (counts.get(roll) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    // 5 degrees of freedom, 99.9 % point 20.5.
    expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(
      20.5,
    );
    expect(take(5, () => rng.int(1))).toEqual([0, 0, 0, 0, 0]);
  });
});

test("normal draws have mean 0, variance 1, no skew and a tail of the right weight", () => {
  const rng = createRng("normal");
  const n = 40_000;
  const draws = take(n, rng.normal);
  const moment = (k: number) => draws.reduce((sum, x) => sum + x ** k, 0) / n;
  // Deviations of the sample moments: 1, 2, 3 → sqrt(1, 2, 15)/sqrt(n) = 0.005, 0.0071, 0.0194; four of each.
  expect(Math.abs(moment(1))).toBeLessThan(0.02);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.029);
  expect(Math.abs(moment(3))).toBeLessThan(0.078);
  // P(|x| > 2) = 0.0455; deviation sqrt(0.0455 * 0.9545 / n) = 0.00104; four.
  expect(Math.abs(draws.filter((x) => Math.abs(x) > 2).length / n - 0.0455)).toBeLessThan(0.0042);
});

describe("shuffle", () => {
  test("is a permutation in a new array", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = [...items];
        const out = createRng(seed).shuffle(items);
        expect(items).toEqual(before);
        expect(out).not.toBe(items);
        expect([...out].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
      }),
    );
  });

  test("gives each of the six orders of three items as often, so also leaves items in place", () => {
    const counts = new Map<string, number>();
    const rng = createRng("orders");
    for (let i = 0; i < 6000; i++) {
      const order = rng.shuffle(["a", "b", "c"]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // 5 degrees of freedom, 99.9 % point 20.5.
    expect([...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(
      20.5,
    );
  });
});
