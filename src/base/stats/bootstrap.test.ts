import { expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import {
  bootstrap,
  bootstrapMean,
  clusterBootstrap,
  pairedBootstrap,
  SHARE,
  SHARE_DIFFERENCE,
} from "./bootstrap.ts";
import { mean } from "./describe.ts";

const rng = createRng("bootstrap test");

test("equal seeds give equal intervals and the caller's stream is not advanced", () => {
  const before = rng.state();
  const first = bootstrapMean([1, 2, 3, 4, 10], { rng });
  expect(bootstrapMean([1, 2, 3, 4, 10], { rng })).toEqual(first);
  expect(rng.state()).toEqual(before);
  expect(first).toMatchObject({ estimate: 4, n: 5, level: 0.95 });
});

test("the interval of a mean of two values has the quantiles of its three possible resamples", () => {
  // {0,1}: means 0 (1/4), 1/2 (1/2), 1 (1/4). At level 0.4 both ends are inside the middle half: [1/2, 1/2].
  expect(bootstrapMean([0, 1], { rng, level: 0.4 })).toMatchObject({ low: 0.5, high: 0.5 });
  expect(bootstrapMean([0, 1], { rng, level: 0.6 })).toMatchObject({ low: 0, high: 1 });
});

test("pairing cancels what the two share", () => {
  const base = Array.from({ length: 50 }, (_, i) => i * 10);
  const paired = pairedBootstrap(
    base.map((v) => v + 1),
    base,
    { rng },
  )!;
  expect(paired).toMatchObject({ estimate: 1, low: 1, high: 1, n: 50 });
});

test("nothing gives null, and an undefined statistic gives null instead of NaN", () => {
  expect(bootstrapMean([], { rng })).toBeNull();
  expect(bootstrap([1, 2], () => null, { rng })).toBeNull();
  expect(() => bootstrap([1, 2], () => Number.NaN, { rng })).toThrow("the statistic is not finite");
  expect(() => bootstrapMean([1], { rng, resamples: 5 })).toThrow("expected at least 100, got 5");
});

test("the percentile interval of a mean covers at its nominal level", () => {
  // 400 samples of 60 normals: 95 % nominal. The percentile interval's own shortfall at n = 60 is about 1 point
  // (it uses the n-divided variance and no t); binomial noise of 400 draws has a standard deviation of 1.1 points.
  const covered = Array.from({ length: 400 }, (_, i) => {
    const stream = createRng(`coverage ${i}`);
    const values = Array.from({ length: 60 }, () => stream.normal() + 3);
    const { low, high } = bootstrapMean(values, { rng: stream, resamples: 300 })!;
    return low <= 3 && 3 <= high ? 1 : 0;
  });
  expect(mean(covered)).toBeGreaterThan(0.91);
  expect(mean(covered)).toBeLessThan(0.98);
});

test("resampling clusters covers where resampling items does not", () => {
  // 40 clusters of 5 equal items: only 40 independent values. Item resampling gives an interval about sqrt(5) too narrow,
  // which covers P(|Z| < 1.96/sqrt(5)) = 62 % of the time.
  const draws = Array.from({ length: 200 }, (_, i) => {
    const stream = createRng(`clusters ${i}`);
    const values = Array.from({ length: 40 }, () => stream.normal()).flatMap((v) => [v, v, v, v, v]);
    const names = values.map((_, at) => String(Math.floor(at / 5)));
    const options = { rng: stream, resamples: 200 };
    const byCluster = clusterBootstrap(values, names, mean, options)!;
    const byItem = bootstrapMean(values, options)!;
    expect(byCluster.n).toBe(40);
    const covers = (x: { low: number; high: number }) => (x.low <= 0 && 0 <= x.high ? 1 : 0);
    return [covers(byCluster), covers(byItem)] as const;
  });
  expect(mean(draws.map(([cluster]) => cluster))).toBeGreaterThan(0.89);
  expect(mean(draws.map(([, item]) => item))).toBeLessThan(0.75);
});

test("units that are all alike leave room for those not seen, where the range is known", () => {
  const options = { rng: createRng("alike"), range: SHARE };
  // Clopper-Pearson for 5 of 5: 0.025^(1/5) = 0.4782.
  const five = bootstrapMean([1, 1, 1, 1, 1], options)!;
  expect(five).toMatchObject({ estimate: 1, high: 1, n: 5 });
  expect(five.low).toBeCloseTo(0.4782, 4);
  expect(bootstrapMean([0, 0, 0, 0, 0], options)!.high).toBeCloseTo(0.5218, 4);
  expect(bootstrapMean([1], options)!.low).toBeCloseTo(0.025, 10);
  // Twelve pairs without a difference: 1 - 0.025^(1/12) = 0.2646 of others may differ, either way.
  const none = bootstrapMean(Array(12).fill(0), { ...options, range: SHARE_DIFFERENCE })!;
  expect([none.low, none.high].map((value) => value.toFixed(4))).toEqual(["-0.2646", "0.2646"]);
  expect(bootstrapMean([0, 1, 1, 1], options)).toEqual(bootstrapMean([0, 1, 1, 1], { rng: options.rng }));
});

test("the paired interval covers the true difference at its nominal level, and a rate's interval its rate", () => {
  // 500 samples each; covering is then a binomial count with a standard deviation of at most 1 point: 95 % within 3.5 of these,
  // less the percentile interval's own shortfall of 1 to 2 points at n = 50.
  const draws = Array.from({ length: 500 }, (_, i) => {
    const stream = createRng(`paired coverage ${i}`);
    const base = Array.from({ length: 50 }, () => 5 * stream.normal());
    const paired = pairedBootstrap(
      base.map((value) => value + 0.4 + stream.normal()),
      base,
      { rng: stream, resamples: 200 },
    )!;
    const rate = bootstrapMean(
      base.map(() => (stream.next() < 0.3 ? 1 : 0)),
      { rng: stream, resamples: 200 },
    )!;
    return [
      paired.low <= 0.4 && 0.4 <= paired.high ? 1 : 0,
      rate.low <= 0.3 && 0.3 <= rate.high ? 1 : 0,
    ] as const;
  });
  for (const which of [0, 1] as const) {
    const covered = mean(draws.map((draw) => draw[which]));
    expect(covered).toBeGreaterThan(0.9);
    expect(covered).toBeLessThan(0.985);
  }
});
