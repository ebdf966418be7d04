import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Difference, Parity } from "./data.ts";
import { differenceSentence, headlines, readDifference, verdictOf } from "./headline.ts";

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
      "Gold reward: these two models differ, weak labels above SFT start by 0.31 [0.22, 0.40] (n = 200 prompts).",
    );
  });
  it("says below when it lies below 0", () => {
    expect(differenceSentence(difference(-0.31, -0.4, -0.22))).toBe(
      "Gold reward: these two models differ, weak labels below SFT start, −0.31 [−0.40, −0.22] (n = 200 prompts).",
    );
  });
  it("says that nothing was shown when it holds or touches 0", () => {
    expect(differenceSentence(difference(0.02, -0.05, 0.09))).toBe(
      "Gold reward: these two models cannot be told apart, weak labels against SFT start +0.02 [−0.05, +0.09] (n = 200 prompts); the interval says how large a difference may still be.",
    );
    expect(readDifference(difference(0.1, 0, 0.2))).toBe("not shown");
    expect(readDifference(difference(-0.1, -0.2, 0))).toBe("not shown");
  });
  it("takes the claim back when the corrected test does not agree, at the report's own level", () => {
    const corrected = difference(0.31, 0.22, 0.4, { pAdjusted: 0.07, correction: "Holm, 4 comparisons" });
    expect(differenceSentence(corrected)).toBe(
      "Gold reward: these two models cannot be told apart, weak labels against SFT start +0.31 [+0.22, +0.40] (n = 200 prompts), not significant, p = 0.070 after correction (Holm, 4 comparisons).",
    );
    expect(readDifference(corrected, 0.9)).toBe("above");
  });
  it("compares nothing on one prompt, and says when less is better", () => {
    expect(
      differenceSentence(difference(1, 1, 1, { value: { estimate: 1, low: 1, high: 1, n: 1 } })),
    ).toContain("cannot be compared on 1 prompts");
    expect(differenceSentence(difference(-1, -2, -0.5, { metric: "toxicity", moreIsBetter: false }))).toMatch(
      /^Toxicity \(less is better\): these two models differ, weak labels below/,
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

/** Weak against human labels over five seeds. */
const overSeeds = (
  estimate: number,
  low: number,
  high: number,
  more: Partial<Difference> = {},
): Difference => ({
  ...difference(estimate, low, high),
  ...{ scope: "methods", a: "weak", b: "human", unit: "seeds, 596 prompts" },
  value: { estimate, low, high, n: 5 },
  ...more,
});

const parity = (shown: boolean): Parity => ({
  ...{ shown, share: 0.5, over: "human", start: "sft", size: 0.21 },
  ...{ pValue: shown ? 0.01 : 0.2, smallestShare: 0.31, smallestMargin: 0.13 },
});

describe("a sentence about methods, over seeds", () => {
  it("says that one matches another only where the test of equivalence says so, whatever the difference", () => {
    expect(differenceSentence(overSeeds(-0.04, -0.09, 0.01, { parity: parity(true) }))).toBe(
      "Gold reward: weak matches human within half of what human gains over sft (0.21), −0.04 [−0.09, +0.01] (n = 5 seeds, 596 prompts), p = 0.010 by the test of equivalence. The smallest margins that would do: 31 % of that gain or 0.13.",
    );
    // A small difference may be shown and within the margin all the same.
    expect(verdictOf(overSeeds(-0.04, -0.07, -0.01, { parity: parity(true) }))).toBe("matches");
  });
  it("cannot tell where neither a difference nor parity is shown, and never reads parity from a missing difference", () => {
    const open = overSeeds(-0.04, -0.2, 0.12, { parity: parity(false) });
    expect(differenceSentence(open)).toBe(
      "Gold reward: cannot tell weak from human, −0.04 [−0.20, +0.12] (n = 5 seeds, 596 prompts). Parity within half of what human gains over sft (0.21) is not shown. The smallest margins that would do: 31 % of that gain or 0.13.",
    );
    expect(verdictOf(overSeeds(0, -0.001, 0.001))).toBe("cannot tell");
  });
  it("says better and worse where the difference holds after correction", () => {
    expect(differenceSentence(overSeeds(0.31, 0.22, 0.4, { pAdjusted: 0.002, correction: "Holm" }))).toBe(
      "Gold reward: weak is better than human, +0.31 [+0.22, +0.40] (n = 5 seeds, 596 prompts), p = 0.002 after correction (Holm).",
    );
    expect(verdictOf(overSeeds(-0.31, -0.4, -0.22))).toBe("worse");
    expect(verdictOf(overSeeds(-0.31, -0.4, -0.22, { moreIsBetter: false }))).toBe("better");
    expect(verdictOf(overSeeds(0.31, 0.22, 0.4, { pAdjusted: 0.2 }))).toBe("cannot tell");
  });
  it("never speaks of methods where each has one run", () => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(number, number, (x, y) => {
        const sentence = differenceSentence(difference((x + y) / 2, Math.min(x, y), Math.max(x, y)));
        expect(sentence).toContain("these two models");
        expect(sentence).not.toMatch(/better|worse|matches/);
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
