import { describe, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import type { CalibrationMethod } from "./calibration.ts";
import { fitOn, heldOutFit, judgedLabels, keptPairs } from "./held-out-fit.ts";
import { independentPairs, selectionRule } from "./human-answers.ts";
import { isDecided, labelFromScores } from "./label.ts";
import { selectLabels } from "./plan-labels.ts";

const LIMIT = 0.2;
const LEVEL = 0.9;
const RUNS = 100;
/** 1 - level, and three standard errors of 100 runs: 0.1 + 3·sqrt(0.09/100). */
const MOST_BROKEN = 0.19;

/** A teacher whose margins say nothing and who is wrong just above the limit: whatever is kept breaks the promise. */
const WRONG = LIMIT + 0.0001;

/** How often something is promised of such a teacher, whose calibrator is fitted on the very pairs that the promise rests on. */
function broken(method: CalibrationMethod, prompts: number, perPrompt: number): number {
  let promised = 0;
  for (let run = 0; run < RUNS; run++) {
    const rng = createRng(`${method} ${perPrompt} ${run}`);
    const pairs = Array.from({ length: prompts }, (_, prompt) => {
      // Pairs of one prompt are nearly one pair: as sure, and right or wrong together.
      const [right, margin] = [rng.next() >= WRONG, 2 * rng.normal()];
      return Array.from({ length: perPrompt }, (_, i) => {
        const scored = { id: `${prompt}-${i}`, scoreA: margin + i / 1000, scoreB: 0, teacher: "t" };
        return { label: labelFromScores(scored), prompt, right };
      });
    }).flat();
    const human = new Map(
      pairs.map(
        ({ label: { id, preferred }, right }) => [id, right === (preferred === "a") ? "a" : "b"] as const,
      ),
    );
    const units = new Map(pairs.map(({ label: { id }, prompt }) => [id, `${prompt}`]));
    const judged = judgedLabels(
      pairs.map((pair) => pair.label),
      human,
      units,
    );
    const fit = heldOutFit(fitOn(method, judged), judged);
    const rule = selectionRule({ kind: "promise", maxDisagreement: LIMIT, level: LEVEL }, () => fit.pairs);
    const pool = Array.from({ length: 150 }, (_, i) =>
      labelFromScores(
        { id: `pool ${i}`, scoreA: 2 * rng.normal(), scoreB: 0, teacher: "t" },
        { calibrate: fit.calibrator.apply },
      ),
    );
    const { selection } = selectLabels(pool, rule);
    if (selection!.kept.size > 0) promised++;
    expect(pool.filter(isDecided)).toHaveLength(150);
  }
  return promised / RUNS;
}

describe("a promise holds at its level although its pairs calibrate, too", () => {
  test.each(["temperature", "platt", "isotonic"] as const)("under %s", (method) => {
    expect(broken(method, 300, 1)).toBeLessThanOrEqual(MOST_BROKEN);
  });

  test("and although pairs of one prompt are right or wrong together", () => {
    expect(broken("platt", 130, 4)).toBeLessThanOrEqual(MOST_BROKEN);
  });
});

test("one pair of each unit is taken, whatever their order", () => {
  const pairs = ["a", "b", "c", "d", "e"].map((id, i) => ({
    id,
    margin: i,
    preferred: "a" as const,
    unit: i < 3 ? "prompt" : undefined,
  }));
  const taken = independentPairs(pairs).map(({ id }) => id);
  expect(taken).toHaveLength(3);
  expect(taken.slice(1)).toEqual(["d", "e"]);
  expect(independentPairs(pairs.toReversed()).map(({ id }) => id)).toEqual(taken.toReversed());
});

test("which prompt a pair is of is kept beside a promise only", () => {
  const pairs = [{ id: "x", margin: 1, preferred: "a" as const, unit: "u" }];
  expect(keptPairs({ pairs }, { kind: "promise", maxDisagreement: 0.2, level: 0.9 })).toEqual(pairs);
  expect(keptPairs({ pairs }, { kind: "all" })).toEqual([{ id: "x", margin: 1, preferred: "a" }]);
});

describe("a teacher that is wrong on all held-out pairs", () => {
  const judge = (n: number, right: boolean) => {
    const ids = Array.from({ length: n }, (_, i) => String(i));
    const labels = ids.map((id, i) => labelFromScores({ id, scoreA: 1 + i, scoreB: 0, teacher: "t" }));
    return judgedLabels(
      labels,
      new Map(ids.map((id) => [id, right ? "a" : "b"])),
      new Map(ids.map((id) => [id, id])),
    );
  };

  test.each(["temperature", "platt", "isotonic"] as const)("is refused under %s", (method) => {
    expect(() => fitOn(method, judge(12, false))).toThrow(/wrong on all 12 held-out pairs/);
  });

  test("is believed uncalibrated, and so is one of few pairs, who may have had bad luck", () => {
    expect(fitOn("none", judge(12, false)).apply(1)).toBeGreaterThan(0.5);
    expect(fitOn("platt", judge(4, false)).apply(1)).toBe(0.5);
    expect(fitOn("platt", judge(12, true)).apply(1)).toBeGreaterThan(0.5);
  });
});
