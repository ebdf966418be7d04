import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { meanOverSeeds, pooledBetween, type Replicate, seedInterval, seedPValue } from "./over-seeds.ts";

/** A seed's values by prompt, named from `first` on. */
const seed = (values: readonly number[], first = 0): Replicate =>
  values.map((value, i) => ({ cluster: `p${first + i}`, value }));

describe("a mean over seeds", () => {
  test("of two seeds on the same two prompts, by hand", () => {
    // Means 2 and 4: variance 2. Prompt means 1.5 and 4.5: MS 2 · 4.5 = 9; rest ±0.5: MS 1. Shared (9 - 1) / 4 = 2.
    const figure = meanOverSeeds([seed([1, 3]), seed([2, 6])])!;
    expect(figure).toMatchObject({ estimate: 3, seeds: 2, clusters: 2, means: [2, 4] });
    expect(figure.between).toEqual({ variance: 2, degrees: 1 });
    expect(figure.shared.variance).toBeCloseTo(2, 12);
    // t(1) = 12.7062: half² = 12.7062² (2 / 2 + 2).
    expect(seedInterval(figure)!.high - 3).toBeCloseTo(12.70620473 * Math.sqrt(3), 6);
  });

  test("of three seeds on the same four prompts is the two-way layout's", () => {
    // SciPy and NumPy: variance of the means, (MS prompts - MS rest) / 12, half-width, p.
    const figure = meanOverSeeds([seed([1, 4, 2, 5]), seed([2, 5, 1, 8]), seed([0, 3, 3, 4])])!;
    expect(figure.between.variance).toBeCloseTo(0.5833333333333333, 12);
    expect(figure.shared.variance).toBeCloseTo(0.9444444444444446, 12);
    const { estimate, high } = seedInterval(figure)!;
    expect(high - estimate).toBeCloseTo(3.628362563479783, 9);
    expect(seedPValue(figure)).toBeCloseTo(0.06751710469519713, 9);
  });

  test("of a share ends where shares do", () => {
    const figure = meanOverSeeds([0.9, 0.96, 0.98].map((value, i) => seed([value, value], 2 * i)))!;
    const free = seedInterval(figure)!;
    expect(free.high).toBeGreaterThan(1);
    expect(seedInterval(figure, { range: [0, 1] })).toEqual({ ...free, high: 1 });
    expect(seedInterval(figure, { range: [-1, 1], level: 0.5 })).toEqual(
      seedInterval(figure, { level: 0.5 }),
    );
  });

  test("on prompts of their own is Student's interval over the seeds' means", () => {
    const means = [0.31, 0.18, 0.42, 0.25, 0.29];
    const figure = meanOverSeeds(means.map((value, i) => seed([value - 1, value + 1], 2 * i)))!;
    expect(figure.shared).toEqual({ variance: 0, degrees: 0 });
    const own = seedInterval(figure)!;
    expect(own).toMatchObject({ n: 5, level: 0.95 });
    // scipy.stats.ttest_1samp
    expect(own.low).toBeCloseTo(0.1806912468995551, 9);
    expect(seedPValue(figure)).toBeCloseTo(0.0018099220222865854, 10);
  });

  test("counts a prompt with several pairs as one, weighed by its pairs", () => {
    const items = [
      { cluster: "a", value: 1 },
      { cluster: "a", value: 1 },
      { cluster: "b", value: 0 },
    ];
    const figure = meanOverSeeds([items, items])!;
    expect(figure.estimate).toBeCloseTo(2 / 3, 12);
    expect(figure.clusters).toBe(2);
    // Residuals 2/3 and -2/3 of three items, times √2 twice: 2 · 2 · (2/9)² · 2 / 2.
    expect(figure.shared.variance).toBeCloseTo(4 * (2 / 9) ** 2, 12);
  });

  test("of one seed has no interval, none at all has no mean", () => {
    const one = meanOverSeeds([seed([1, 2])])!;
    expect(one.estimate).toBe(1.5);
    expect(seedInterval(one)).toBeNull();
    expect(seedPValue(one)).toBeNull();
    expect(meanOverSeeds([])).toBeNull();
    expect(meanOverSeeds([seed([1]), []])).toBeNull();
    expect(() => meanOverSeeds([seed([Number.NaN])])).toThrow("value 0 is not finite");
  });

  test("of seeds that are all alike takes the variance of their prompts, not 0", () => {
    // Both means 0.5 on other prompts: within, (0.5² + 0.5²) · 2 / 2² = 0.25 for each seed.
    const figure = meanOverSeeds([seed([0, 1]), seed([1, 0], 2)])!;
    expect(figure.between.variance).toBeCloseTo(0.25, 12);
    expect(seedInterval(figure)!.low).toBeLessThan(0);
  });

  test("has an interval that turns with the sign and does not depend on the order of seeds or prompts", () => {
    const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 2, maxLength: 4 }), (all) => {
        const at = (lists: readonly Replicate[]) => seedInterval(meanOverSeeds(lists)!)!;
        const lists = all.map((one) => seed(one));
        const [own, turned] = [at(lists), at(all.map((one) => seed(one.map((value) => -value))))];
        expect(turned.low).toBeCloseTo(-own.high, 8);
        const shuffled = at(lists.toReversed().map((list) => list.toReversed()));
        expect(shuffled.high).toBeCloseTo(own.high, 8);
      }),
    );
  });
});

describe("the variance between seeds pooled over cells", () => {
  test("is the mean of the cells' variances, with all their degrees of freedom only where they do not move together", () => {
    expect(pooledBetween([[1, 2, 3]])).toEqual({ variance: 1, degrees: 2 });
    // Variances 1 and 4, covariance 2: 2 · 5² / (1 + 4 + 4 + 16).
    const together = pooledBetween([
      [1, 2, 3],
      [2, 4, 6],
    ])!;
    expect(together.variance).toBeCloseTo(2.5, 12);
    expect(together.degrees).toBeCloseTo(2, 12);
    // Variances 2/3 both, no covariance: 3 · (4/3)² / (2 · 4/9).
    const apart = pooledBetween([
      [0, 1, 2, 1],
      [1, 0, 1, 2],
    ])!;
    expect(apart.degrees).toBeCloseTo(6, 12);
    expect(pooledBetween([[1], [2]])).toBeNull();
  });
});

/** One study made up: effects of seeds, prompts and the rest, with the true mean 0; without a pool each seed has prompts of its own. */
type World = { seeds: number; prompts: number; pool?: number; sd: readonly [number, number, number] };

function draw(rng: ReturnType<typeof createRng>, { seeds, prompts, pool, sd }: World): Replicate[] {
  const [ofSeed, ofPrompt, rest] = sd;
  const prompt = Array.from({ length: pool ?? prompts * seeds }, () => ofPrompt * rng.normal());
  const all = prompt.map((_, i) => i);
  return Array.from({ length: seeds }, (_, s) => {
    const own = ofSeed * rng.normal();
    const chosen =
      pool === undefined
        ? all.slice(s * prompts, (s + 1) * prompts)
        : pool === prompts
          ? all
          : rng.shuffle(all).slice(0, prompts);
    return chosen.map((i) => ({ cluster: `${i}`, value: own + prompt[i]! + rest * rng.normal() }));
  });
}

const TRIES = 2000;
/** Three standard errors of a share of 95 % in so many tries: 1.5 points. */
const ERROR = 3 * Math.sqrt((0.95 * 0.05) / TRIES);

function coverage(world: World): number {
  const rng = createRng(11).fork(JSON.stringify(world));
  let hits = 0;
  for (let i = 0; i < TRIES; i++) {
    const { low, high } = seedInterval(meanOverSeeds(draw(rng, world))!)!;
    if (low <= 0 && high >= 0) hits++;
  }
  return hits / TRIES;
}

describe("simulated, the interval at 95 % covers", () => {
  const spread = [
    { sd: [0.3, 0, 0.5], what: "runs that differ" },
    { sd: [0, 1, 0.5], what: "prompts that differ" },
    { sd: [0.15, 0.8, 0.5], what: "both" },
  ] as const;
  for (const seeds of [3, 5])
    for (const { sd, what } of spread) {
      test(`${seeds} seeds on 24 common prompts: ${what}`, () => {
        const share = coverage({ seeds, prompts: 24, pool: 24, sd });
        expect(share).toBeGreaterThan(0.95 - ERROR);
        expect(share).toBeLessThan(0.99);
      });
      test(`${seeds} seeds that draw 24 of 96 prompts each: ${what}`, () => {
        const share = coverage({ seeds, prompts: 24, pool: 96, sd });
        expect(share).toBeGreaterThan(0.95 - ERROR);
        expect(share).toBeLessThan(0.99);
      });
    }
  test("and is exact for seeds with prompts of their own", () => {
    for (const seeds of [2, 3, 5])
      expect(Math.abs(coverage({ seeds, prompts: 8, sd: [0.3, 0.8, 0.5] }) - 0.95)).toBeLessThan(ERROR);
  });
  test("also with the variance between runs from four cells, whether they move together or not", () => {
    for (const together of [0, 0.8]) {
      const rng = createRng(13).fork(String(together));
      let hits = 0;
      for (let i = 0; i < TRIES; i++) {
        const common = [0, 1, 2].map(() => rng.normal());
        const cells = Array.from({ length: 4 }, () =>
          common.map((part) => Math.sqrt(together) * part + Math.sqrt(1 - together) * rng.normal()),
        );
        const own = cells[0]!.map((value, s) => [{ cluster: `${s}`, value }]);
        const { low, high } = seedInterval(meanOverSeeds(own, pooledBetween(cells)!)!)!;
        if (low <= 0 && high >= 0) hits++;
      }
      expect(hits / TRIES).toBeGreaterThan(0.95 - ERROR);
      expect(hits / TRIES).toBeLessThan(0.995);
    }
  });
  test("while prompts alone, as one run has them, cover far less than they say", () => {
    // What the report of one run gives: between-run spread 0.12, within-run standard error 0.035, as was measured.
    const rng = createRng(12);
    let hits = 0;
    for (let i = 0; i < TRIES; i++)
      if (Math.abs(0.12 * rng.normal() + 0.035 * rng.normal()) < 1.96 * 0.035) hits++;
    expect(hits / TRIES).toBeLessThan(0.5);
  });
});
