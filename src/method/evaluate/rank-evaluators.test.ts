import { describe, expect, it } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import type { ArmRecord, EvaluatedArm } from "./arm.ts";
import { compareArms } from "./compare-arms.ts";
import { conclusionHolds, contaminatedScorers, correlateEvaluators } from "./rank-evaluators.ts";

/** One response per prompt with its scores by two evaluators. */
function arm(name: string, scores: readonly [number, number][]): EvaluatedArm {
  const records = scores.map(
    ([x, y], p): ArmRecord => ({
      promptId: `p${p}`,
      sample: 0,
      prompt: "",
      response: "",
      gold: { x, y },
      tokens: 1,
      finish: "eos",
      promptTruncated: false,
      logp: 0,
      sftLogp: null,
    }),
  );
  return { name, records };
}

const SFT = arm("sft", [
  [0, 5],
  [0, 5],
  [1, 5],
  [1, 5],
]);
const A = arm("a", [
  [2, 4],
  [2, 4],
  [3, 6],
  [3, 6],
]);
const B = arm("b", [
  [5, 0],
  [5, 0],
  [6, 0],
  [6, 0],
]);

describe("correlateEvaluators", () => {
  it("ranks arms by their means and responses one by one", () => {
    const [pair] = correlateEvaluators([SFT, A, B], ["x", "y"]);
    // Means by x 0.5, 2.5, 5.5; by y 5, 5, 0: mid-ranks 1 2 3 and 2.5 2.5 1, so
    // ρ = Σ(-1·0.5, 0·0.5, 1·-1) / sqrt(2 · 1.5) = -1.5 / 1.732 = -0.866.
    expect(pair!.arms).toBeCloseTo(-0.866, 3);
    expect(pair).toMatchObject({ a: "x", b: "y", armsN: 3, responses: { n: 12 } });
    expect(pair!.responses.kendall).toBeLessThan(0);
  });

  it("has no correlation of two arms", () => {
    expect(correlateEvaluators([SFT, A], ["x", "y"])[0]!.arms).toBeNull();
  });
});

describe("conclusionHolds", () => {
  const tablesOf = (arms: readonly EvaluatedArm[]) =>
    ["x", "y"].map((gold) =>
      compareArms(arms, { gold, sft: "sft", exactSampling: true, rng: createRng(1), resamples: 200 }),
    );
  /** The same answers to two prompts more for each: of 8 prompts of one sign the exact test has p = 2 / 256, times 3 by Holm. */
  const doubled = ({ name, records }: EvaluatedArm): EvaluatedArm => ({
    name,
    records: [...records, ...records.map((record) => ({ ...record, promptId: `${record.promptId}+` }))],
  });
  const tables = tablesOf([SFT, A, B].map(doubled));

  it("counts the evaluators whose interval lies above 0", () => {
    const b = conclusionHolds(tables, "b", "sft");
    expect(b.verdicts.map(({ evaluator, verdict, difference }) => [evaluator, verdict, difference])).toEqual([
      ["x", "holds", 5],
      ["y", "fails", -5],
    ]);
    expect(b.sentence).toBe("holds under 1 of 2 evaluators");
    // By y: differences -1, -1, 1, 1.
    expect(conclusionHolds(tables, "a", "sft").verdicts[1]!.verdict).toBe("open");
  });

  it("leaves open what so few prompts cannot show, wherever the interval lies", () => {
    // Of 4 prompts: 2 / 16.
    const [x] = conclusionHolds(tablesOf([SFT, A, B]), "b", "sft").verdicts;
    expect(x).toMatchObject({ difference: 5, low: 5, verdict: "open" });
  });

  it("counts apart those that were not trained on the data", () => {
    const b = conclusionHolds(tables, "b", "sft", ["x"]);
    expect(b).toMatchObject({ holds: 1, n: 2, holdsClean: 0, nClean: 1 });
    expect(b.sentence).toBe("holds under 1 of 2 evaluators (0 of 1 that were not trained on this data)");
  });

  it("refuses a comparison that was not made", () => {
    expect(() => conclusionHolds(tables, "a", "human")).toThrow(
      /x has no comparison of arm a with the human student/,
    );
  });
});

describe("contaminatedScorers", () => {
  it("compares dataset names without owner and case", () => {
    const scorer = (name: string, ...trainedOn: string[]) => ({
      name,
      digest: "",
      trainedOn,
      score: async () => [],
      close: async () => {},
    });
    const scorers = [scorer("deberta", "Anthropic/HH-RLHF", "webgpt"), scorer("clean", "shp")];
    expect(contaminatedScorers(scorers, ["hh-rlhf"])).toEqual(["deberta"]);
  });
});
