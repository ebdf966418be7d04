import { expect, test } from "vitest";
import { createRng } from "../../base/core/rng.ts";
import { labelFromScores } from "../labels/label.ts";
import { agreementBy, agreementWith, type Choice, coverageCurve, joinChoices } from "./agreement.ts";

const choices = (text: string, prefix = "p"): Choice[] =>
  text
    .split(" ")
    .map((preferred, i) => ({ id: `${prefix}${i}`, preferred: preferred as Choice["preferred"] }));

const label = (id: string, margin: number) =>
  labelFromScores({ id, scoreA: margin, scoreB: 0, teacher: "t" });

test("every joined pair is counted once", () => {
  const result = agreementWith(choices("a a b tie abstain a"), choices("a b b a a tie"));
  expect(result).toMatchObject({ agree: 2, n: 3, ties: 1, abstained: 1, referenceUndecided: 1 });
  expect(result.agreement).toMatchObject({ estimate: 2 / 3, n: 3 });
  // observed 2/3; expected 2/3·1/3 + 1/3·2/3 = 4/9; kappa (6/9 - 4/9) / (5/9)
  expect(result.kappa).toBeCloseTo(2 / 5, 12);
});

test("pairs without a partner are reported, and an id that comes twice is refused", () => {
  const result = agreementWith(choices("a b"), [...choices("a"), { id: "other", preferred: "a" }]);
  expect(result).toMatchObject({ n: 1, missingInReference: ["p1"], missingInLabels: ["other"] });
  expect(() => joinChoices([...choices("a"), ...choices("a")], [])).toThrow('id "p0" is twice in the labels');
});

test("with nothing but ties agreement is undefined, not 0 and not NaN", () => {
  const labels = ["p0", "p1", "p2"].map((id) => label(id, 0));
  const result = agreementWith(labels, choices("a b a"));
  expect(result).toMatchObject({ agreement: null, kappa: null, n: 0, agree: 0, ties: 3 });
  expect(coverageCurve(labels, choices("a b a"))).toEqual([]);
  expect(agreementWith([], [])).toMatchObject({ agreement: null, n: 0 });
});

test("clusters give an interval over prompts", () => {
  const labels = choices("a a a a a a");
  const reference = choices("a a a b b b");
  const of = (id: string) => (Number(id[1]) < 3 ? "first" : "second");
  const clustered = agreementWith(labels, reference, { clusters: { of, rng: createRng(1) } }).agreement!;
  // two clusters, all right and all wrong: resamples are 0, 1/2 or 1
  expect(clustered).toEqual({ estimate: 0.5, low: 0, high: 1, n: 2, level: 0.95 });
  // Prompts p0 to p2 agree on a, a, b; p3 to p5 differ: over all κ is 0 (observed 1/2, expected 1/2), in the first 1, in the second -0.8.
  const [x, y] = [choices("a a b a a b"), choices("a a b b b a")];
  const by = { clusters: { of, rng: createRng(1) } };
  const kappa = agreementWith(x, y, by).kappaInterval!;
  expect(kappa).toMatchObject({ high: 1, n: 2 });
  expect(kappa.low).toBeCloseTo(-0.8, 12);
  expect(kappa.estimate).toBeCloseTo(0, 12);
  expect(agreementWith(x, y).kappaInterval).toBeNull();
});

test("agreement by a number is of bins of equal numbers", () => {
  // |margins| 1..6; the small ones are wrong
  const labels = [1, -2, 3, -4, 5, -6].map((m, i) => label(`p${i}`, m));
  const bins = agreementBy(labels, choices("b a a b a b"), ({ id }) => Number(id[1]) + 1, { bins: 3 });
  expect(bins.map(({ low, high, n, agreement }) => [low, high, n, agreement.estimate])).toEqual([
    [1, 2, 2, 0],
    [3, 4, 2, 1],
    [5, 6, 2, 1],
  ]);
});

test("the coverage curve goes from the surest labels to all", () => {
  const labels = [4, 3, 2, 1].map((m, i) => label(`p${i}`, m));
  const curve = coverageCurve(labels, choices("a a b b"), { points: 4 });
  expect(curve.map(({ coverage, n, accuracy }) => [coverage, n, accuracy.estimate])).toEqual([
    [0.25, 1, 1],
    [0.5, 2, 1],
    [0.75, 3, 2 / 3],
    [1, 4, 0.5],
  ]);
  expect(curve[0]!.threshold).toBe(labels[0]!.pChosen);
  // equal confidences enter together
  expect(coverageCurve([label("p0", 1), label("p1", 1)], choices("a b"), { points: 2 })).toHaveLength(1);
});
