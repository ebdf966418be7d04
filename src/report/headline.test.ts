import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Difference } from "./data.ts";
import { differenceSentence, headlines, readDifference } from "./headline.ts";

const difference = (
  estimate: number,
  low: number,
  high: number,
  more: Partial<Difference> = {},
): Difference => ({
  a: "weak labels",
  b: "SFT start",
  metric: "gold reward",
  unit: "prompts",
  value: { estimate, low, high, n: 200 },
  ...more,
});

describe("a sentence about a difference", () => {
  it("says above only when the interval lies above 0", () => {
    expect(differenceSentence(difference(0.31, 0.22, 0.4))).toBe(
      "Gold reward: weak labels above SFT start by 0.31 [0.22, 0.40] (n = 200 prompts).",
    );
  });
  it("says below when it lies below 0", () => {
    expect(differenceSentence(difference(-0.31, -0.4, -0.22))).toBe(
      "Gold reward: weak labels below SFT start, −0.31 [−0.40, −0.22] (n = 200 prompts).",
    );
  });
  it("says that nothing was shown when it holds or touches 0", () => {
    expect(differenceSentence(difference(0.02, -0.05, 0.09))).toBe(
      "Gold reward: no difference shown between weak labels and SFT start, +0.02 [−0.05, +0.09] (n = 200 prompts); the interval says how large one may still be.",
    );
    expect(readDifference(difference(0.1, 0, 0.2))).toBe("not shown");
    expect(readDifference(difference(-0.1, -0.2, 0))).toBe("not shown");
  });
  it("takes the claim back when the corrected test does not agree, at the report's own level", () => {
    const corrected = difference(0.31, 0.22, 0.4, { pAdjusted: 0.07, correction: "Holm, 4 comparisons" });
    expect(differenceSentence(corrected)).toBe(
      "Gold reward: weak labels against SFT start +0.31 [+0.22, +0.40] (n = 200 prompts), but not significant, p = 0.070 after correction (Holm, 4 comparisons).",
    );
    expect(readDifference(corrected, 0.9)).toBe("above");
  });
  it("compares nothing on one prompt, and says when less is better", () => {
    expect(
      differenceSentence(difference(1, 1, 1, { value: { estimate: 1, low: 1, high: 1, n: 1 } })),
    ).toContain("cannot be compared on 1 prompts");
    expect(differenceSentence(difference(-1, -2, -0.5, { metric: "toxicity", moreIsBetter: false }))).toMatch(
      /^Toxicity \(less is better\): weak labels below/,
    );
  });
  it("never claims a direction that its interval does not have", () => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(number, number, number, (x, y, estimate) => {
        const [low, high] = [Math.min(x, y), Math.max(x, y)];
        const sentence = differenceSentence(difference(estimate, low, high));
        expect(/ above /.test(sentence)).toBe(low > 0);
        expect(/ below /.test(sentence)).toBe(high < 0);
      }),
    );
  });
});

describe("headlines", () => {
  it("are the differences marked for it that were measured", () => {
    const marked = difference(0.31, 0.22, 0.4, { headline: true });
    const unmeasured = difference(0, 0, 0, { headline: true, value: { estimate: 0, low: 0, high: 0, n: 0 } });
    expect(headlines([marked, difference(1, 1, 1), unmeasured])).toHaveLength(1);
    expect(headlines(undefined)).toEqual([]);
  });
});
