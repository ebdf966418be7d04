import { describe, expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { logistic } from "../../base/stats/special.ts";
import { type HeldOutPair, promiseEvidence } from "./human-answers.ts";
import { selectWithPromise } from "./promise.ts";

/** How often people are against a label, by where its |margin| lies in [0, 1), from the least to the most: blocks of equal width. */
type Shape = readonly number[];

const riskAt = (shape: Shape, m: number) => shape[Math.min(shape.length - 1, Math.floor(m * shape.length))]!;

/** The population's rate among labels of at least a margin, |margin| uniform in [0, 1). */
function rateFrom(shape: Shape, threshold: number): number {
  const width = 1 / shape.length;
  const parts = shape.map((risk, i) => {
    const part = Math.max(0, (i + 1) * width - Math.max(threshold, i * width));
    return [part, part * risk] as const;
  });
  return parts.reduce((sum, [, risk]) => sum + risk, 0) / parts.reduce((sum, [part]) => sum + part, 0);
}

type Setting = {
  readonly n: number;
  readonly limit: number;
  readonly level: number;
  readonly runs: number;
  /** Margins are rounded down to so many values: ties. */
  readonly values?: number;
  /** Held-out pairs of one prompt, all right or all wrong, with margins of their own. */
  readonly perPrompt?: number;
};

/** Over many draws of held-out pairs: how often the kept set's true rate is above the limit, and how much is kept. */
function simulate(name: string, shape: Shape, setting: Setting) {
  const { n, limit, level, runs, values, perPrompt = 1 } = setting;
  let [broken, kept] = [0, 0];
  // A margin of 0 would take no side.
  const tied = (m: number) => (values === undefined ? m : Math.floor(m * values) / values) + 1e-9;
  for (let run = 0; run < runs; run++) {
    const rng = createRng(`${name} ${run}`);
    const pairs = Array.from({ length: n }, (_, unit) => {
      const luck = rng.next();
      return Array.from({ length: perPrompt }, (__, i): HeldOutPair => {
        const m = rng.next();
        const right = luck >= riskAt(shape, m);
        return { id: `${run}/${unit}/${i}`, margin: tied(m), preferred: right ? "a" : "b", unit: `${unit}` };
      });
    }).flat();
    const pool = Array.from({ length: 100 }, () => tied(rng.next()));
    const { heldOutMargins, heldOutAgrees } = promiseEvidence(pairs);
    const request = { margins: pool, heldOutMargins, heldOutAgrees, maxDisagreement: limit, level };
    const result = selectWithPromise(request);
    kept += result.kept.length / pool.length / runs;
    if (result.threshold === null) continue;
    expect(result.heldOut.disagreements / result.heldOut.n).toBeLessThanOrEqual(limit);
    // All of the pool stands for all of the population.
    const from = result.kept.length === pool.length ? 0 : result.threshold;
    if (rateFrom(shape, from) > limit) broken++;
  }
  return { broken: broken / runs, kept };
}

/** The nominal rate plus three standard errors of as many runs. */
const most = (level: number, runs: number) => 1 - level + 3 * Math.sqrt((level * (1 - level)) / runs);

describe("selectWithPromise keeps its promise at the nominal rate", () => {
  const runs = 600;
  const shapes: Readonly<Record<string, Shape>> = {
    "the margin says nothing and the rate lies just above the limit": [0.2001],
    "the surest are the worst": [0.1, 0.15, 0.25, 0.3],
    "bad at the sure end, then good, and above the limit over all": [0.39, 0.05, 0.05, 0.05, 0.05, 0.61],
    "above the limit at every fourth set only": [0.4, 0, 0.4, 0.0, 0.4, 0.0, 0.4, 0.01],
    "just above the limit from the surest tenth on, but for a good block": [
      0.25, 0.21, 0.05, 0.4, 0.21, 0.21, 0.21,
    ],
    "good only where it is surest": [0.5, 0.45, 0.4, 0.3, 0.1, 0.02],
  };
  for (const [name, shape] of Object.entries(shapes))
    for (const n of [15, 40, 200])
      test(`${name}, ${n} held-out pairs: at most 10 % broken, within Monte Carlo error of ${runs} draws`, () => {
        const { broken } = simulate(name, shape, { n, limit: 0.2, level: 0.9, runs });
        expect(broken).toBeLessThanOrEqual(most(0.9, runs));
      });

  test("in the worst shape it spends what it may: flat at the limit, 5 % of 4,000 draws", () => {
    const { broken } = simulate("flat", [0.2001], { n: 120, limit: 0.2, level: 0.95, runs: 4000 });
    expect(broken).toBeLessThanOrEqual(most(0.95, 4000));
    expect(broken).toBeGreaterThan(0.02);
  });

  test("with ties: three margins in all", () => {
    const { broken } = simulate("ties", [0.2001], { n: 100, limit: 0.2, level: 0.9, runs, values: 3 });
    expect(broken).toBeLessThanOrEqual(most(0.9, runs));
  });

  test("with four pairs of a prompt that are right or wrong together", () => {
    const setting = { n: 60, limit: 0.2, level: 0.9, runs, perPrompt: 4 };
    expect(simulate("clusters", [0.2001], setting).broken).toBeLessThanOrEqual(most(0.9, runs));
  });

  test("in shapes drawn at random whose rate is above the limit at some sets and below at others", () => {
    const draws = 60;
    let broken = 0;
    for (let i = 0; i < draws; i++) {
      const rng = createRng(`shape ${i}`);
      const drawn = Array.from({ length: 6 }, () => rng.next() ** 2);
      // Scaled so that the worst of all sets of the surest blocks lies just above the limit.
      const worst = Math.max(...drawn.map((_, k) => rateFrom(drawn, k / 6)));
      const shape = drawn.map((risk) => Math.min(1, (risk * 0.2001) / worst));
      broken += simulate(`random ${i}`, shape, { n: 80, limit: 0.2, level: 0.9, runs: 50 }).broken / draws;
    }
    expect(broken).toBeLessThanOrEqual(most(0.9, draws * 50));
  });
});

describe("selectWithPromise keeps what it can", () => {
  test("15 wrong of 120, whatever the surest are: at 20 % all 200 are kept", () => {
    // P(15 or fewer of 120 at rate .2) = .0218 (scipy.stats.binom.cdf): one sequence from the surest end stopped at its first set.
    const margins = Array.from({ length: 120 }, (_, i) => (i + 1) / 120);
    const wrong = new Set([119, 118, 117, 116, 115, 114, 113, 60, 50, 40, 30, 20, 10, 5, 1]);
    const result = selectWithPromise({
      margins: Array.from({ length: 200 }, (_, i) => (i + 1) / 200),
      heldOutMargins: margins,
      heldOutAgrees: margins.map((_, i) => !wrong.has(i)),
      maxDisagreement: 0.2,
    });
    expect(result.kept).toHaveLength(200);
    expect(result).toMatchObject({ heldOut: { n: 120, disagreements: 15 }, bound: 0.2, selectable: 200 });
  });

  test("most of what can be kept is kept, of a calibrated teacher and of one whose margin says nothing", () => {
    const calibrated = Array.from({ length: 50 }, (_, i) => 1 - logistic((3.5 * i) / 49));
    // With the rate of every set known, 92 % could be kept, and all.
    expect(
      simulate("calibrated", calibrated, { n: 300, limit: 0.2, level: 0.9, runs: 100 }).kept,
    ).toBeGreaterThan(0.6);
    expect(simulate("even", [0.125], { n: 300, limit: 0.2, level: 0.9, runs: 100 }).kept).toBeGreaterThan(
      0.9,
    );
  });

  test("the surest few of an overconfident teacher are found", () => {
    const shape = [0.5, 0.5, 0.45, 0.4, 0.35, 0.3, 0.2, 0.1, 0.05, 0.02];
    const result = simulate("overconfident", shape, { n: 400, limit: 0.15, level: 0.95, runs: 100 });
    // 34 % could be kept.
    expect(result.kept).toBeGreaterThan(0.2);
  });
});

describe("selectWithPromise", () => {
  test("a teacher that is always right keeps everything", () => {
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
    expect(result.bound).toBe(0.1);
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
    expect(wrong.reason).toContain("humans disagree with 50 of all 100");
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
