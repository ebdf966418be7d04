import { describe, expect, it } from "vitest";
import { digitsFor, formatCount, formatInterval, formatNumber, formatP, formatPEquation } from "./format.ts";

const interval = (estimate: number, low: number, high: number, n = 200) => ({ estimate, low, high, n });

describe("numbers as text", () => {
  it("have thousands separators, a true minus and, if asked, a plus", () => {
    expect(formatNumber(1234.5, { digits: 1 })).toBe("1,234.5");
    expect(formatNumber(-1234567)).toBe("−1,234,567");
    expect(formatNumber(0.3, { digits: 2, signed: true })).toBe("+0.30");
    expect(formatCount(1182)).toBe("1,182");
  });
  it("never have a sign when they round to zero", () => {
    expect(formatNumber(-0.001, { digits: 2, signed: true })).toBe("0.00");
    expect(formatNumber(0.001, { digits: 2, signed: true })).toBe("0.00");
  });
  it("are percentages of shares", () => {
    expect(formatNumber(0.606, { format: "percent" })).toBe("60.6 %");
    expect(formatNumber(-0.05, { format: "percent", digits: 0, signed: true })).toBe("−5 %");
  });
  it("stay short when huge, and are a dash when they are no numbers", () => {
    expect(formatNumber(-1.5e300)).toBe("−1.50e+300");
    expect(formatNumber(Number.NaN)).toBe("–");
    expect(formatNumber(Number.POSITIVE_INFINITY)).toBe("–");
  });
});

describe("intervals as text", () => {
  it("have the decimals that their width deserves: half-width 0.09 → 2, 0.03 → 3, 5 → 0", () => {
    // ceil(0.5 - log10(0.09)) = ceil(1.55) = 2; ceil(0.5 + 1.52) = 3; ceil(0.5 - 0.70) = 0
    expect(digitsFor([interval(0.31, 0.22, 0.4)])).toBe(2);
    expect(digitsFor([interval(0.5, 0.47, 0.53)])).toBe(3);
    expect(digitsFor([interval(50, 45, 55)])).toBe(0);
    expect(digitsFor([])).toBe(2);
  });
  it("read estimate, then range in the same unit", () => {
    expect(formatInterval(interval(0.31, 0.22, 0.4), { signed: true })).toBe("+0.31 [+0.22, +0.40]");
    expect(formatInterval(interval(0.606, 0.571, 0.64), { format: "percent" })).toBe("61 % [57, 64]");
  });
  it("are a dash when nothing was measured", () => {
    expect(formatInterval(interval(0, 0, 0, 0))).toBe("–");
    expect(formatInterval(interval(Number.NaN, 0, 1))).toBe("–");
  });
});

describe("p values", () => {
  it("are never zero", () => {
    expect([formatP(0), formatP(0.0312), formatPEquation(0.0001), formatPEquation(0.25)]).toEqual([
      "< 0.001",
      "0.031",
      "p < 0.001",
      "p = 0.250",
    ]);
  });
});
