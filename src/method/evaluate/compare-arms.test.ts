import { describe, expect, it } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import type { ArmRecord, EvaluatedArm } from "./arm.ts";
import { compareArms } from "./compare-arms.ts";

/** An arm with one response per prompt, or several where a list is given. */
function arm(name: string, golds: readonly (number | number[])[], logRatio: number | null = 0): EvaluatedArm {
  const records = golds.flatMap((gold, p) =>
    [gold].flat().map(
      (value, sample): ArmRecord => ({
        promptId: `p${p}`,
        sample,
        prompt: `prompt ${p}`,
        response: "x",
        gold: { g: value },
        tokens: 10 + p,
        finish: p === 0 ? "eos" : "length",
        promptTruncated: false,
        logp: -10,
        sftLogp: logRatio === null ? null : -10 - logRatio,
      }),
    ),
  );
  return { name, records };
}

const options = { gold: "g", sft: "sft", exactSampling: true, rng: createRng(1), resamples: 200 };
const SFT = arm("sft", [0, 1, 2, 3]);
const A = arm("a", [1, 1, 3, 2], 2);
const B = arm("b", [2, 3, 4, 5], null);
const figuresOf = (table: ReturnType<typeof compareArms>, name: string) =>
  table.arms.find((figures) => figures.name === name)!;

describe("compareArms", () => {
  it("counts wins, ties and losses prompt by prompt", () => {
    const { vsSft } = figuresOf(compareArms([SFT, A, B], options), "a");
    // 1 > 0, 1 = 1, 3 > 2, 2 < 3.
    expect(vsSft).toMatchObject({ baseline: "sft", wins: 2, ties: 1, losses: 1, n: 4 });
    expect(vsSft!.winRate.estimate).toBe(0.625); // (2 + 1/2) / 4
    expect(vsSft!.difference.estimate).toBe(0.25); // (1 + 0 + 1 - 1) / 4
    expect(vsSft!.signTest).toBeCloseTo(1, 12); // 2 against 1
    expect(vsSft!.permutationTest).toBe(1); // |±1 ±1 ±1| is never below 1
  });

  it("tests a difference that every prompt shows, and corrects for the number of tests", () => {
    const table = compareArms([SFT, A, B], { ...options, human: "a" });
    const { vsSft, vsHuman } = figuresOf(table, "b");
    expect(vsSft!.difference).toMatchObject({ estimate: 2, low: 2, high: 2, n: 4 });
    expect(vsSft!.signTest).toBeCloseTo(0.125, 12);
    expect(vsSft!.permutationTest).toBe(0.125); // 2 / 2^4
    // Against a: differences 1, 2, 1, 3, all positive, so 2 / 2^4 as well.
    expect(vsHuman).toMatchObject({ baseline: "a", wins: 4, permutationTest: 0.125 });
    // Comparisons: a vs sft; b vs both (sft vs a is the first again): p = 1, 0.125, 0.125. Holm: 3 * 0.125 = 0.375, then max(0.375, 2 * 0.125).
    expect(table.comparisons).toBe(3);
    const [sft, a] = ["sft", "a"].map((name) => figuresOf(table, name));
    expect(sft!.vsHuman!.adjusted).toBe(a!.vsSft!.adjusted);
    expect(sft!.vsHuman!.difference.estimate).toBe(-a!.vsSft!.difference.estimate);
    expect([vsSft!.adjusted, vsHuman!.adjusted]).toEqual([0.375, 0.375]);
    expect(table.note).toMatch(/^3 comparisons/);
  });

  it("gives the mean reward, length and share of ended responses", () => {
    const figures = figuresOf(compareArms([SFT, A], options), "a");
    expect(figures.goldReward).toMatchObject({ estimate: 1.75, n: 4 });
    expect(figures.goldReward.low).toBeLessThan(1.75);
    expect(figures.goldReward.high).toBeGreaterThan(1.75);
    expect(figures.responseLength.estimate).toBe(11.5);
    expect(figures.ended).toBe(0.25);
  });

  it("counts GRA strictly, against the shared and the own baseline", () => {
    const own = arm("own sft", [5, 0, 0, 0]);
    const table = compareArms([SFT, { ...A, ownSft: "own sft" }, own], options);
    expect(figuresOf(table, "a").graShared!.estimate).toBe(0.5); // the tie does not count
    expect(figuresOf(table, "a").graOwn!.estimate).toBe(0.75);
    expect(figuresOf(table, "sft").graShared).toBeNull();
    expect(figuresOf(table, "own sft").graOwn).toBeNull();
  });

  it("takes the mean over the samples of a prompt, which stays one unit, and wins over pairs of samples", () => {
    const sft = arm(
      "sft",
      [0, 1, 2, 3].map((gold) => [gold, gold]),
    );
    const several = arm("several", [
      [0, 4],
      [1, 1],
      [2, 2],
      [4, 2.5],
    ]);
    const { goldReward, vsSft, graShared } = figuresOf(compareArms([sft, several], options), "several");
    expect(goldReward).toMatchObject({ estimate: 2.0625, n: 4 }); // (2 + 1 + 2 + 3.25) / 4
    expect(vsSft).toMatchObject({ wins: 2, ties: 5, losses: 1, n: 4 });
    expect(vsSft!.winRate).toMatchObject({ estimate: 0.5625, n: 4 }); // (¾ + ½ + ½ + ½) / 4
    expect(graShared).toMatchObject({ estimate: 0.25, n: 4 }); // (½ + 0 + 0 + ½) / 4
  });

  it("calls the log ratio a KL only where sampling was exact, and neither where it was not measured", () => {
    const exact = compareArms([SFT, A, B], options);
    expect(figuresOf(exact, "a").klFromSft!.estimate).toBe(2);
    expect(figuresOf(exact, "b").logRatioFromSft).toBeNull();
    const bent = figuresOf(compareArms([SFT, A], { ...options, exactSampling: false }), "a");
    expect([bent.klFromSft, bent.logRatioFromSft!.estimate]).toEqual([null, 2]);
  });

  it("measures the performance gap recovered between its two ends", () => {
    const table = compareArms([SFT, A, B], { ...options, gap: { weak: "sft", ceiling: "b" } });
    // (1.75 - 1.5) / (3.5 - 1.5)
    expect(figuresOf(table, "a").pgr!.estimate).toBe(0.125);
    expect(figuresOf(table, "b").pgr).toBeNull();
    const none = compareArms([SFT, A, B], { ...options, gap: { weak: "b", ceiling: "sft" } });
    expect(figuresOf(none, "a").pgr).toBeNull();
  });

  it("gives an arm the same figures whichever other arms are there, in whatever order", () => {
    const few = figuresOf(compareArms([SFT, A], options), "a");
    const many = figuresOf(compareArms([B, A, SFT], options), "a");
    expect({ ...many, vsSft: { ...many.vsSft, adjusted: 1 } }).toEqual({
      ...few,
      vsSft: { ...few.vsSft, adjusted: 1 },
    });
  });

  it("refuses arms that cannot be compared", () => {
    expect(() => compareArms([SFT, arm("short", [1, 2])], options)).toThrow(/answered 2 prompts, 2 of the 4/);
    expect(() => compareArms([SFT, arm("long", [1, 2, 3, 4, 5])], options)).toThrow(/answered 5 prompts/);
    expect(() => compareArms([A], options)).toThrow(/there is no arm sft, expected one of a/);
    expect(() => compareArms([SFT, A, A], options)).toThrow(/a comes twice/);
    expect(() => compareArms([SFT, A], { ...options, gold: "h" })).toThrow(/has no score by h, got g/);
  });
});
