import { describe, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { studyContext } from "./context.ts";
import { compareAll, findingOf, goldReward, gra } from "./measures.ts";
import type { ArmOutcome } from "./outcomes.ts";
import { studiesNamed } from "./studies/index.ts";
import { variantKeys, variantsOf } from "./variants.ts";

/** A student's rewards by prompt, under one seed. */
const one = (name: string, rewards: readonly number[]): ArmOutcome => ({
  name,
  records: rewards.map((reward, i) => ({
    ...{ promptId: `p${i}`, sample: 0, prompt: `p${i}`, response: "r", gold: { g: reward }, tokens: 4 },
    ...{ finish: "eos" as const, promptTruncated: false, logp: 0, sftLogp: null },
  })),
  testAccuracy: { implicit: null, likelihood: null } as unknown as ArmOutcome["testAccuracy"],
});

/** The same student of several seeds: what each adds to rewards 0, 1, 2 of three prompts. */
const several = (name: string, levels: readonly number[]): ArmOutcome => {
  const replicates = levels.map((level) => one(name, [level, level + 1, level + 2]));
  return { ...replicates[0]!, replicates };
};

const intervals = { rng: createRng("t"), resamples: 200 };
const human = several("human", [1, 1.2, 0.8]);
const weak = several("weak", [0.9, 1.2, 0.6]);
const sft = several("sft", [0, 0.1, -0.1]);

describe("students of several seeds", () => {
  test("have intervals over seeds and prompts, by hand", () => {
    // Means 2, 2.2, 1.8: variance 0.04, t(2) = 4.3027. All share the prompts, whose mean varies by 1 / 3: t(2) again.
    const level = goldReward(human, intervals)!;
    expect(level).toMatchObject({ n: 3 });
    expect(level.estimate).toBeCloseTo(2, 12);
    expect(level.high - 2).toBeCloseTo(4.302653 * Math.sqrt(0.04 / 3 + 1 / 3), 5);
    // Above on all prompts of two seeds, level on those of the second: GRA is strict.
    expect(gra(human, weak, intervals)!.estimate).toBeCloseTo(2 / 3, 12);
  });

  test("are compared as methods, with parity where there is a start", () => {
    const [difference] = compareAll([{ a: weak, b: human, names: ["weak", "human"], start: sft }], intervals);
    // -0.1, 0, -0.2: mean -0.1, no variance of prompts.
    expect(difference).toMatchObject({ scope: "methods", unit: "seeds, 3 prompts", value: { n: 3 } });
    expect(difference!.value.high + 0.1).toBeCloseTo((4.302653 * 0.1) / Math.sqrt(3), 5);
    // weak - human + (human - sft) / 2: 0.4, 0.55, 0.25; t = 0.4 / (0.15 / √3) = 4.62, above t(2) at 5 % = 2.92.
    expect(difference!.parity).toMatchObject({ shown: true, share: 0.5, over: "human", start: "sft" });
    expect(findingOf([difference!])).toContain("weak matches human within half of what human gains over sft");
    const four = Array.from({ length: 4 }, () => difference!);
    expect(findingOf(four)).toMatch(
      /^Of 4 comparisons by gold reward over 3 seeds, 4 can be told .*weak matches human/,
    );
  });

  test("of one kind in several cells share the variance between runs, unless one student stands in two", () => {
    const cell = (weakLevels: readonly number[], humanLevels: readonly number[]) => ({
      a: several("weak", weakLevels),
      b: several("human", humanLevels),
      names: ["weak", "human"] as const,
      kind: "weak - human",
    });
    // Differences 0, 0.3, -0.3 and 0.1, 0.1, 0.1, which alone would have no variance between runs.
    const cells = [cell([0, 0.3, -0.3], [0, 0, 0]), cell([0.1, 0.1, 0.1], [0, 0, 0])];
    const [, second] = compareAll(cells, intervals);
    expect(second!.test).toContain("from all cells of this kind");
    // Pooled (0.09 + 0) / 2, degrees of freedom 2 · 0.09² / 0.09² = 2.
    expect(second!.value.high - 0.1).toBeCloseTo(4.302653 * Math.sqrt(0.045 / 3), 5);
    const shared = [cells[0]!, { ...cells[1]!, b: cells[0]!.b }];
    expect(compareAll(shared, intervals)[1]!.test).not.toContain("all cells");
  });

  test("are one variant for each seed; a cell that names its seed is one", async () => {
    const request = { scale: "small" as const, out: "runs/x", set: [], weak: [], student: [], judge: [] };
    const context = await studyContext({ ...request, seeds: "4,9" }, "tao-li-2025");
    expect(context.recipe).toMatchObject({ seed: 4 });
    expect(context.recipe.seeds).toBeUndefined();
    expect(variantKeys(context, { x: 1 })).toEqual(['study-small {"x":1}', 'study-small {"seed":9,"x":1}']);
    expect(variantKeys(context, { seed: 4 })).toEqual(["study-small {}"]);
    const placed = studiesNamed(["agreement", "seeds"]).map((study) => ({ study, context }));
    const variants = variantsOf(placed);
    // The study of seeds has the same two runs as the other study's seeds.
    expect(variants.map(({ settings }) => settings)).toEqual([{}, { seed: 9 }]);
    expect(variants[1]!.usedBy).toEqual(["agreement", "seeds"]);
  });
});
