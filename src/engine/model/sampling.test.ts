import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import {
  MASS_CHUNK,
  type SamplingOptions,
  sampleToken,
  samplingIssues,
  type TokenLogits,
} from "./sampling.ts";

/** A row as the program gives it. */
function row(logits: readonly number[], temperature: number): TokenLogits {
  const values = Float32Array.from(logits);
  const max = Math.max(...values);
  const masses = new Float32Array(Math.ceil(values.length / MASS_CHUNK));
  values.forEach((x, id) => {
    masses[Math.floor(id / MASS_CHUNK)]! += Math.exp((x - max) / temperature);
  });
  return { logits: values, max, masses };
}

const draw = (logits: readonly number[], options: SamplingOptions, uniform: number) =>
  sampleToken(row(logits, options.temperature), options, uniform);

describe("sampleToken", () => {
  // exp gives 1 : 2 : 5, so the cumulative distribution is 1/8, 3/8, 1.
  const logits = [0, Math.log(2), Math.log(5)];

  it("inverts the cumulative distribution in the order of ids", () => {
    const at = (u: number) => draw(logits, { temperature: 1 }, u);
    expect([0, 0.124, 0.126, 0.374, 0.376, 0.999].map(at)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("divides logits by the temperature", () => {
    // Temperature 1/2 squares the weights: 1 : 4 : 25, so 1/30 and 5/30 are the steps.
    const at = (u: number) => draw(logits, { temperature: 0.5 }, u);
    expect([0.033, 0.034, 0.166, 0.167].map(at)).toEqual([0, 1, 1, 2]);
  });

  it("keeps the k largest and renormalises, likeliest first", () => {
    // The top two are 5 : 2, so token 2 up to 5/7 = 0.714.
    const at = (u: number) => draw(logits, { temperature: 1, topK: 2 }, u);
    expect([0, 0.713, 0.715, 0.999].map(at)).toEqual([2, 2, 1, 1]);
    expect(draw([3, 3, 3], { temperature: 1, topK: 1 }, 0.999)).toBe(0);
    expect(draw(logits, { temperature: 1, topK: 99 }, 0.999)).toBe(0);
  });

  it("keeps the fewest tokens that reach top p", () => {
    // 5/8 = 0.625 alone reaches 0.6; 0.7 needs 5/8 + 2/8 = 0.875; 0.9 needs all three.
    const last = (topP: number) => draw(logits, { temperature: 1, topP }, 0.9999);
    expect([0.6, 0.7, 0.9, 1].map(last)).toEqual([2, 1, 0, 2]);
  });

  it("takes top p of what top k left", () => {
    // After top 2 the likeliest has 5/7 = 0.714 and reaches 0.7 alone; of all three it has only 0.625.
    expect(draw(logits, { temperature: 1, topK: 2, topP: 0.7 }, 0.9999)).toBe(2);
  });

  it("draws as often as softmax says, over chunks and a padded last one", () => {
    const n = 2 * MASS_CHUNK + 7;
    const many = Array.from({ length: n }, (_, id) => (id === 300 || id === n - 1 ? Math.log(n) : 0));
    const rng = createRng("draws");
    const options = { temperature: 1 };
    const prepared = row(many, 1);
    const counts = new Map<number, number>();
    const draws = 6000;
    for (let i = 0; i < draws; i++) {
      const id = sampleToken(prepared, options, rng.next());
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    // Both heavy tokens weigh n of n - 2 + 2n = 3n - 2.
    const p = n / (3 * n - 2);
    for (const id of [300, n - 1])
      expect(Math.abs(counts.get(id)! - draws * p)).toBeLessThan(4 * Math.sqrt(draws * p * (1 - p)));
  });

  it("stays finite for huge logits and tiny temperatures", () => {
    for (const temperature of [1e-6, 1, 1e6]) {
      expect(draw([-1e30, 1e30, -1e30], { temperature }, 0.999999)).toBe(1);
      expect(draw([-1e30, 1e30, 0], { temperature, topP: 0.9 }, 0.999999)).toBe(1);
    }
  });

  it("never gives a token outside the cut, whatever the row", () => {
    const value = fc.double({ min: -30, max: 30, noNaN: true });
    const options = fc.record({
      temperature: fc.double({ min: 0.05, max: 5, noNaN: true }),
      topK: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
      topP: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true }), { nil: undefined }),
    });
    const uniform = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 600 }), options, uniform, (values, o, u) => {
        const id = draw(values, o, u);
        const rounded = Float32Array.from(values);
        const above = rounded.filter((x) => x > rounded[id]!).length;
        expect(id).toBeGreaterThanOrEqual(0);
        expect(id).toBeLessThan(values.length);
        if (o.topK !== undefined) expect(above).toBeLessThan(o.topK);
        const max = Math.max(...rounded);
        const weights = [...rounded].map((x) => Math.exp((x - max) / o.temperature));
        const total = weights.reduce((a, b) => a + b, 0);
        const before = weights.filter((w) => w > weights[id]!).reduce((a, b) => a + b, 0);
        if (o.topP !== undefined && o.topK === undefined) expect(before / total).toBeLessThan(o.topP + 1e-5);
      }),
      { numRuns: 300 },
    );
  });
});

describe("samplingIssues", () => {
  it("names every impossible option with its value", () => {
    expect(samplingIssues({ temperature: -1, topK: 0, topP: 1.5 })).toEqual([
      "temperature: expected a number of at least 0, got -1.",
      "topK: expected a positive integer, got 0.",
      "topP: expected a number in (0, 1], got 1.5.",
    ]);
    expect(samplingIssues({ temperature: Number.NaN })).toHaveLength(1);
    expect(samplingIssues({ temperature: 1, topK: 5, topP: 1 })).toEqual([]);
  });

  it("refuses cuts that greedy decoding would ignore", () => {
    expect(samplingIssues({ temperature: 0, topP: 0.9 })[0]).toContain("no effect");
    expect(samplingIssues({ temperature: 0 })).toEqual([]);
  });
});
