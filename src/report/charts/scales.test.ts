import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixedAxis, formatTicks, linearScale, logScale, niceAxis, niceStep } from "./scales.ts";

describe("nice steps and axes", () => {
  it("takes the step 1, 2 or 5 at or above span / count", () => {
    // 1 / 5 = 0.2; 0.9 / 4 = 0.225 → 0.5; 130 / 6 = 21.7 → 50; 1000 / 10 = 100
    expect(niceStep(1, 5)).toBeCloseTo(0.2, 12);
    expect(niceStep(0.9, 4)).toBeCloseTo(0.5, 12);
    expect(niceStep(130, 6)).toBe(50);
    expect(niceStep(1000, 10)).toBe(100);
  });
  it("ends a nice axis on its own ticks", () => {
    // span 0.41 over 5 = 0.082 → step 0.1: from 0.1 to 0.6
    expect(niceAxis([0.15, 0.56], 5)).toEqual({ domain: [0.1, 0.6], ticks: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] });
  });
  it("labels only the round numbers inside a given axis", () => {
    // 119 / 6 = 19.8 → 20
    expect(fixedAxis([1, 120], 6)).toEqual({ domain: [1, 120], ticks: [20, 40, 60, 80, 100, 120] });
  });
  it("gives an axis to no value, one value, zero and negative values", () => {
    expect(niceAxis([]).domain).toEqual([0, 1]);
    expect(niceAxis([Number.NaN, Number.POSITIVE_INFINITY]).domain).toEqual([0, 1]);
    expect(niceAxis([0, 0]).domain).toEqual([-1, 1]);
    // 5 ± 0.5, step 0.2: 4.4 to 5.6
    expect(niceAxis([5]).domain).toEqual([4.4, 5.6]);
    expect(niceAxis([-3, -1]).domain).toEqual([-3, -1]);
  });
  it("holds every finite value, with finite increasing ticks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e300, max: 1e300, noNaN: true }), { minLength: 1, maxLength: 8 }),
        (values) => {
          const { domain, ticks } = niceAxis(values);
          const slack = 1e-6 * (domain[1] - domain[0]);
          expect(domain[0]).toBeLessThanOrEqual(Math.min(...values) + slack);
          expect(domain[1]).toBeGreaterThanOrEqual(Math.max(...values) - slack);
          expect(ticks.length).toBeGreaterThanOrEqual(2);
          expect(ticks.every((tick, i) => Number.isFinite(tick) && (i === 0 || tick > ticks[i - 1]!))).toBe(
            true,
          );
        },
      ),
    );
  });
  it("keeps the largest doubles on the page", () => {
    const axis = niceAxis([-Number.MAX_VALUE, Number.MAX_VALUE]);
    const scale = linearScale(axis, [0, 100]);
    expect(Number.isFinite(axis.domain[1] - axis.domain[0])).toBe(true);
    expect(scale(Number.MAX_VALUE)).toBeGreaterThan(scale(0));
    expect(scale(Number.MAX_VALUE)).toBeLessThanOrEqual(100);
  });
});

describe("scales", () => {
  it("map linearly, upside down too", () => {
    // 0.25 of 0..1 on 10..110 = 10 + 0.25 * 100; on 110..10 = 110 - 25
    expect(linearScale(fixedAxis([0, 1]), [10, 110])(0.25)).toBe(35);
    expect(linearScale(fixedAxis([0, 1]), [110, 10])(0.25)).toBe(85);
  });
  it("round to a hundredth of a pixel and never write minus zero", () => {
    expect(linearScale(fixedAxis([0, 3]), [0, 10])(1)).toBe(3.33);
    expect(Object.is(linearScale(fixedAxis([0, 1]), [0, -1])(0), 0)).toBe(true);
  });
  it("map logarithmically, with the sweep's own values as ticks", () => {
    // log10: -2, -1, 0 → thirds: 0.1 lies in the middle of 0..100
    const scale = logScale([0.01, 0.1, 1], [0, 100]);
    expect(scale(0.1)).toBe(50);
    expect(scale.ticks).toEqual([0.01, 0.1, 1]);
    // one value lies in the middle
    expect(logScale([0.3], [0, 100])(0.3)).toBe(50);
  });
});

describe("tick labels", () => {
  it("share the decimals their step needs", () => {
    expect(formatTicks([0, 0.25, 0.5])).toEqual(["0", "0.25", "0.50"]);
    expect(formatTicks([-1, 0, 1])).toEqual(["−1", "0", "1"]);
  });
  it("are short for large and small numbers", () => {
    expect(formatTicks([0, 20000, 40000])).toEqual(["0", "20k", "40k"]);
    expect(formatTicks([0, 2500000])).toEqual(["0", "2.5M"]);
    expect(formatTicks([0, 2e-5, 4e-5])).toEqual(["0", "2e−5", "4e−5"]);
    expect(formatTicks([1e300])).toEqual(["1e300"]);
  });
});
