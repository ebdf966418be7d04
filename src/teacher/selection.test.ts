import { describe, expect, test } from "vitest";
import { createRng } from "../core/rng.ts";
import { binomialUpperBound } from "../stats/binomial.ts";
import { logistic } from "../stats/special.ts";
import { labelFromScores } from "./label.ts";
import { applySelection, selectThreshold, selectTop, selectWithPromise } from "./selection.ts";

const labels = [
  ["p1", 2],
  ["p2", -3],
  ["p3", 0],
  ["p4", 0.5],
  ["p5", 0.5],
] as const;
const made = labels.map(([id, m]) => labelFromScores({ id, scoreA: m, scoreB: 0, teacher: "t" }));

test("the top share counts decided labels, the most confident first, equals by id", () => {
  expect([...selectTop(made, 50).kept]).toEqual(["p2", "p1"]);
  expect([...selectTop(made, 75).kept]).toEqual(["p2", "p1", "p4"]);
  expect([...selectTop(made.toReversed(), 75).kept]).toEqual(["p2", "p1", "p4"]);
  expect(selectTop(made, 100)).toMatchObject({ selectable: 4, threshold: logistic(0.5) });
  expect(selectTop([], 30)).toMatchObject({ selectable: 0, threshold: null });
  expect(() => selectTop(made, 0)).toThrow("expected (0, 100] percent, got 0");
});

test("confidences that saturate are ordered by their margins", () => {
  const sure = [50, 90, 70].map((m) => labelFromScores({ id: `m${m}`, scoreA: m, scoreB: 0, teacher: "t" }));
  expect([...selectTop(sure, 34).kept]).toEqual(["m90"]);
});

test("the threshold keeps what is at or above it", () => {
  expect([...selectThreshold(made, logistic(2)).kept]).toEqual(["p1", "p2"]);
  expect(selectThreshold(made, 1)).toMatchObject({ threshold: null, selectable: 4 });
  expect(() => selectThreshold(made, 0.2)).toThrow("expected [0.5, 1], got 0.2");
});

test("what is left out abstains, flagged, with its probability kept; ties stay ties", () => {
  const after = applySelection(made, selectTop(made, 50));
  expect(after.map((label) => label.preferred)).toEqual(["a", "b", "tie", "abstain", "abstain"]);
  expect(after[3]).toEqual({ ...made[3], preferred: "abstain", flags: ["unselected"] });
});

/** A simulated teacher: |margin| m, truly right with probability `right(m)`. */
function draw(seed: string, n: number, right: (m: number) => number) {
  const rng = createRng(seed);
  return Array.from({ length: n }, () => {
    const m = 2 * Math.abs(rng.normal());
    return { m, risk: 1 - right(m), agrees: rng.next() < right(m) };
  });
}

/** Over many draws of held-out pairs: how often the kept set's true rate is above the limit, and how much is kept. */
function simulate(
  name: string,
  right: (m: number) => number,
  request: { n: number; limit: number; level: number },
) {
  const population = draw("population", 20_000, right).sort((x, y) => y.m - x.m);
  const runs = 200;
  let broken = 0;
  let kept = 0;
  for (let run = 0; run < runs; run++) {
    const heldOut = draw(`${name} held out ${run}`, request.n, right);
    const pool = draw(`${name} pool ${run}`, 400, right).map(({ m }) => m);
    const result = selectWithPromise({
      margins: pool,
      heldOutMargins: heldOut.map(({ m }) => m),
      heldOutAgrees: heldOut.map((pair) => pair.agrees),
      maxDisagreement: request.limit,
      level: request.level,
    });
    kept += result.kept.length / pool.length / runs;
    if (result.threshold === null) continue;
    const above = population.filter((pair) => pair.m >= result.threshold!);
    const rate = above.reduce((total, pair) => total + pair.risk, 0) / above.length;
    if (rate > request.limit) broken++;
    expect(result.bound!).toBeLessThanOrEqual(request.limit + 1e-12);
  }
  return { broken: broken / runs, kept };
}

describe("selectWithPromise", () => {
  // A rate of broken promises at most 1 - level, plus three standard errors of 200 runs: 0.1 + 3·sqrt(0.09/200) = 0.164,
  // 0.05 + 3·sqrt(0.0475/200) = 0.096.
  test("the promise holds at its level for a calibrated teacher, and most of what can be kept is kept", () => {
    const result = simulate("calibrated", logistic, { n: 300, limit: 0.2, level: 0.9 });
    expect(result.broken).toBeLessThanOrEqual(0.164);
    // With the rate of every threshold known, 92 % could be kept.
    expect(result.kept).toBeGreaterThan(0.65);
  });

  test("it holds for an overconfident teacher", () => {
    const result = simulate("overconfident", (m) => logistic(m / 2), { n: 1000, limit: 0.2, level: 0.95 });
    expect(result.broken).toBeLessThanOrEqual(0.096);
    expect(result.kept).toBeGreaterThan(0.03);
  });

  test("it holds where it is hardest: the margin says nothing and the rate lies just above the limit", () => {
    const result = simulate("flat", () => 0.7999, { n: 400, limit: 0.2, level: 0.9 });
    expect(result.broken).toBeLessThanOrEqual(0.164);
    expect(result.kept).toBeLessThan(0.1);
  });

  test("it holds when the most confident are the worst", () => {
    const result = simulate("upside down", (m) => 1 - 0.5 * logistic(m - 2), {
      n: 500,
      limit: 0.2,
      level: 0.95,
    });
    expect(result.broken).toBeLessThanOrEqual(0.096);
  });

  test("a teacher that is always right keeps everything, with the exact bound", () => {
    const margins = Array.from({ length: 100 }, (_, i) => 0.5 + i / 20);
    const result = selectWithPromise({
      margins,
      heldOutMargins: margins,
      heldOutAgrees: margins.map(() => true),
      maxDisagreement: 0.1,
    });
    expect(result).toMatchObject({
      threshold: 0.5,
      heldOut: { n: 100, disagreements: 0 },
      reason: null,
      level: 0.95,
    });
    expect(result.kept).toHaveLength(100);
    // 1 - 0.05^(1/100) = 0.02951
    expect(result.bound).toBeCloseTo(1 - 0.05 ** 0.01, 12);
  });

  test("the answers of held-out pairs below the threshold do not matter to what is above", () => {
    // 200 sure pairs, all right; 200 unsure ones, all wrong: exactly the sure half of the pool is kept.
    const margins = Array.from({ length: 400 }, (_, i) => (i < 200 ? 2 : 0.4));
    const result = selectWithPromise({
      margins: [2, 0.4, 2, 0.4],
      heldOutMargins: margins,
      heldOutAgrees: margins.map((m) => m > 1),
      maxDisagreement: 0.2,
    });
    expect(result.kept).toEqual([0, 2]);
    expect(result.heldOut).toEqual({ n: 200, disagreements: 0 });
    expect(result.bound).toBe(binomialUpperBound(0, 200));
  });

  test("when nothing can be promised it says why", () => {
    const few = selectWithPromise({
      margins: [2, 1.4],
      heldOutMargins: [2, 2, 2],
      heldOutAgrees: [true, true, true],
      maxDisagreement: 0.2,
    });
    expect(few).toMatchObject({ kept: [], threshold: null, bound: null });
    // 0.8^n <= 0.05 from n = 14
    expect(few.reason).toContain("3 held-out labels are too few, expected at least 14");
    const wrong = selectWithPromise({
      margins: [2, 1.4],
      heldOutMargins: Array(100).fill(3),
      heldOutAgrees: Array.from({ length: 100 }, (_, i) => i % 2 === 0),
      maxDisagreement: 0.2,
    });
    expect(wrong.reason).toContain("humans disagree with 50 of 100");
    expect(
      selectWithPromise({ margins: [], heldOutMargins: [], heldOutAgrees: [], maxDisagreement: 0.2 }).reason,
    ).toBe("there are no labels to select from.");
    expect(() =>
      selectWithPromise({ margins: [], heldOutMargins: [], heldOutAgrees: [], maxDisagreement: 20 }),
    ).toThrow("maxDisagreement is out of range, expected a number in (0, 1), got 20");
    expect(() =>
      selectWithPromise({ margins: [1], heldOutMargins: [-1], heldOutAgrees: [true], maxDisagreement: 0.2 }),
    ).toThrow("a |margin| is below 0, expected 0 or more, got -1");
  });
});
