import { expect, test } from "vitest";
import { mirrorLabel } from "../../../test/helpers/mirror-label.ts";
import { createRng } from "../../base/core/rng.ts";
import { pearson, spearman } from "../../base/stats/correlation.ts";
import { labelFromScores } from "../labels/label.ts";
import type { Choice } from "./agreement.ts";
import {
  accuracyByLengthGap,
  accuracyByLonger,
  type LengthTable,
  longerPreferred,
  marginLengthCorrelation,
} from "./length-bias.ts";

const label = (id: string, margin: number, flags: string[] = []) =>
  labelFromScores({ id, scoreA: margin, scoreB: 0, flags, teacher: "t" });
const table = (gaps: number[]): LengthTable =>
  new Map(gaps.map((gap, i) => [`p${i}`, { lengthA: 100 + gap, lengthB: 100 }]));
const rng = createRng("length");

test("a labeller that always takes the longer answer is right on one side only", () => {
  const gaps = [-4, -3, -2, -1, 1, 2, 3, 4];
  const labels = gaps.map((gap, i) => label(`p${i}`, gap));
  const human: Choice[] = gaps.map((_, i) => ({ id: `p${i}`, preferred: "a" }));
  const bins = accuracyByLengthGap(labels, human, table(gaps), { bins: 2 });
  expect(bins.map(({ low, high, agreement }) => [low, high, agreement.estimate])).toEqual([
    [-4, -1, 0],
    [1, 4, 1],
  ]);
});

test("the share of longer answers leaves out equal lengths, ties and abstentions", () => {
  const labels = [
    label("p0", 1),
    label("p1", -1),
    label("p2", 1),
    label("p3", 1),
    label("p4", 0),
    label("p5", 1, ["empty"]),
  ];
  // gaps 5 (a, longer), 5 (b, shorter), -5 (a, shorter), 0
  const share = longerPreferred(labels, table([5, 5, -5, 0, 5, 5]))!;
  expect(share).toMatchObject({ n: 3 });
  expect(share.estimate).toBeCloseTo(1 / 3, 14);
  expect(longerPreferred([], new Map())).toBeNull();
  expect(() => longerPreferred(labels, table([1]))).toThrow('pair "p1" has no lengths');
});

test("the correlation of margin and length is 1 for a ruler, and blind to which answer is called a", () => {
  const gaps = [3, 1, -2, 7, -5, 4];
  const labels = gaps.map((gap, i) => label(`p${i}`, 0.1 * gap));
  const result = marginLengthCorrelation(labels, table(gaps), { rng, resamples: 200 });
  expect(result.n).toBe(6);
  expect(result.pearson!.estimate).toBeCloseTo(1, 12);
  expect(result.spearman!.estimate).toBeCloseTo(1, 12);
  // (m, gap) (1,1) (1,3), mirrored: Σ m·gap / sqrt(Σ m² Σ gap²) = 4 / sqrt(2·10)
  const two = [label("p0", 1), label("p1", 1)];
  const one = marginLengthCorrelation(two, table([1, 3]), { rng, resamples: 200 }).pearson!.estimate;
  expect(one).toBeCloseTo(4 / Math.sqrt(20), 12);
  const swapped = marginLengthCorrelation([two[0]!, mirrorLabel(two[1]!)], table([1, -3]), {
    rng,
    resamples: 200,
  });
  expect(swapped.pearson!.estimate).toBeCloseTo(one, 12);
  // the shortcut by signed ranks is the rank correlation of the mirrored points, ties and zeros included
  const mixed = [2, -1, 1, 3, 0, 2].map((m, i) => label(`p${i}`, m));
  const lengths = [5, 1, -1, 0, 4, 5];
  const margins = mixed.map((l) => l.margin);
  const both = (values: number[]) => [...values, ...values.map((v) => -v)];
  const fit = marginLengthCorrelation(mixed, table(lengths), { rng, resamples: 200 });
  expect(fit.spearman!.estimate).toBeCloseTo(spearman(both(margins), both(lengths))!, 12);
  expect(fit.pearson!.estimate).toBeCloseTo(pearson(both(margins), both(lengths))!, 12);
  expect(marginLengthCorrelation([], new Map(), { rng })).toEqual({ n: 0, pearson: null, spearman: null });
});

test("sides are parted at equal length, wherever most pairs lie", () => {
  // Of gaps 1, 2, 3, -1, 0 with "a" always the person's, three prefer the longer, one the shorter, one neither; the ruler is right on a
  // positive gap. A cut at the median, 1, would call the pair of gap 1 a shorter one.
  const gaps = [1, 2, 3, -1, 0];
  const human: Choice[] = gaps.map((_, i) => ({ id: `p${i}`, preferred: "a" }));
  const labels = gaps.map((gap, i) => label(`p${i}`, gap));
  const { shorter, longer } = accuracyByLonger(labels, human, table(gaps));
  expect(longer).toMatchObject({ estimate: 1, n: 3 });
  expect(shorter).toMatchObject({ estimate: 0, n: 1 });
  expect(accuracyByLonger(labels, human, table([1, 1, 1, 1, 1])).shorter).toBeNull();
});

test("with clusters, intervals resample prompts and count them", () => {
  // Ten copies of each of four pairs: as pairs there are 40, as prompts 4, and a copy tells nothing new.
  const gaps = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? -2 : (i % 4) + 1));
  const labels = gaps.map((_, i) => label(`p${i}`, 1 + (i % 4) / 10));
  const of = (id: string) => String(Number(id.slice(1)) % 4);
  const alone = longerPreferred(labels, table(gaps))!;
  const clustered = longerPreferred(labels, table(gaps), { clusters: { of, rng, resamples: 500 } })!;
  expect(clustered).toMatchObject({ estimate: 0.75, n: 4 });
  expect(clustered.high - clustered.low).toBeGreaterThan(2 * (alone.high - alone.low));
  const options = { rng, resamples: 500 };
  const pairs = marginLengthCorrelation(labels, table(gaps), options).spearman!;
  const prompts = marginLengthCorrelation(labels, table(gaps), { ...options, clusterOf: of }).spearman!;
  expect(prompts).toMatchObject({ estimate: pairs.estimate, n: 4 });
  expect(prompts.high - prompts.low).toBeGreaterThan(2 * (pairs.high - pairs.low));
});
