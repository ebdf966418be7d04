import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { expectedGoldAgreement, tauFor } from "./people-noise.ts";

test("by hand: gaps of ln 3 and ln 9 at tau 1 give (3/4 + 9/10) / 2, and the tau is found again", () => {
  const gaps = [Math.log(3), -Math.log(9)];
  expect(expectedGoldAgreement(gaps, 1)).toBeCloseTo(0.825, 15);
  expect(tauFor(gaps, 0.825)).toBeCloseTo(1, 12);
  // One gap g: σ(g / tau) = 0.71 at tau = g / ln(71/29).
  expect(tauFor([2, -2, 0], 0.71)).toBeCloseTo(2 / Math.log(71 / 29), 12);
});

test("pairs of equal gold tell nothing and are left out", () => {
  expect(expectedGoldAgreement([0, 1, 0], 1)).toBe(expectedGoldAgreement([1], 1));
  expect(expectedGoldAgreement([0, 0], 1)).toBeNull();
  expect(() => tauFor([0, 0], 0.7)).toThrow(/no pair has unequal gold/);
});

test("what no tau reaches is refused with the range that is", () => {
  for (const agreement of [0.5, 0.3, 1.01, Number.NaN])
    expect(() => tauFor([1, 2], agreement)).toThrow(ConfigError);
  expect(() => tauFor([1, 2], 0.5)).toThrow(/on 2 pairs .* 0\.500000 to 1\.000000, got 0\.5\./);
});

const gap = fc.double({ min: -50, max: 50, noNaN: true }).filter((value) => Math.abs(value) > 1e-6);

test("whatever the gaps, the solved tau gives the asked agreement, and more noise less of it", () => {
  fc.assert(
    fc.property(
      fc.array(gap, { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0.501, max: 0.999, noNaN: true }),
      (gaps, agreement) => {
        const tau = tauFor(gaps, agreement);
        expect(expectedGoldAgreement(gaps, tau)).toBeCloseTo(agreement, 9);
        expect(expectedGoldAgreement(gaps, 2 * tau)!).toBeLessThan(agreement);
        expect(expectedGoldAgreement(gaps, tau / 2)!).toBeGreaterThan(agreement);
      },
    ),
  );
});

test("tau is in the gaps' unit: ten times the gaps, ten times the tau; signs say nothing", () => {
  fc.assert(
    fc.property(fc.array(gap, { minLength: 1, maxLength: 20 }), (gaps) => {
      const tau = tauFor(gaps, 0.71);
      expect(
        tauFor(
          gaps.map((value) => -10 * value),
          0.71,
        ) / tau,
      ).toBeCloseTo(10, 9);
    }),
  );
});
