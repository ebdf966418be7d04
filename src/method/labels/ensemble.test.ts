import fc from "fast-check";
import { expect, test } from "vitest";
import { mirrorLabel } from "../../../test/helpers/mirror-label.ts";
import { binaryEntropy, combineLabels } from "./ensemble.ts";
import { labelFromScores } from "./label.ts";
import { parseLabel, serializeLabel } from "./label-file.ts";

/** A label whose calibrated probability for a is p, p >= 0.5 meaning a. */
const member = (p: number, flags: string[] = [], id = "x") =>
  labelFromScores(
    { id, scoreA: p, scoreB: 1 - p, flags, teacher: "t" },
    { calibrate: () => Math.max(p, 1 - p) },
  );

test("one teacher's ensemble is that teacher exactly", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (p) => {
      const label = member(p);
      const { label: combined, uncertainty } = combineLabels([label], "ensemble");
      expect(combined).toBe(label);
      expect(uncertainty).toMatchObject({ members: 1, mutualInformation: 0 });
      expect(uncertainty.expected).toBe(uncertainty.total);
    }),
  );
});

test("probabilities are averaged and uncertainty is parted", () => {
  // .9 and .3: mean .6; entropies H(.9) = .3250829733914482, H(.3) = .6108643020548935; H(.6) = .6730116670092565
  const { label, uncertainty } = combineLabels([member(0.9), member(0.3)], "pair");
  expect(label).toMatchObject({ preferred: "a", teacher: "pair" });
  expect(label.pA).toBeCloseTo(0.6, 14);
  expect(label.margin).toBeCloseTo(0.2, 14);
  expect(uncertainty.total).toBeCloseTo(0.6730116670092565, 12);
  expect(uncertainty.expected).toBeCloseTo((0.3250829733914482 + 0.6108643020548935) / 2, 12);
  expect(uncertainty.mutualInformation).toBeCloseTo(uncertainty.total - uncertainty.expected, 12);
  expect(uncertainty.agreement).toBe(0.5);
});

test("sure members that contradict each other are all epistemic; unsure ones that agree are all aleatoric", () => {
  const contradiction = combineLabels([member(1), member(0)], "e");
  expect(contradiction.label.preferred).toBe("tie");
  expect(contradiction.uncertainty).toMatchObject({ expected: 0, mutualInformation: Math.LN2 });
  const doubt = combineLabels([member(0.5), member(0.5)], "e");
  expect(doubt.uncertainty).toMatchObject({ mutualInformation: 0, agreement: null });
  expect(doubt.uncertainty.expected).toBeCloseTo(Math.LN2, 14);
  expect(binaryEntropy(0)).toBe(0);
});

test("swapping candidates mirrors the ensemble exactly, and the result is a valid label", () => {
  const probability = fc.double({ min: 0.5, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(probability, fc.boolean()), { minLength: 2, maxLength: 6 }), (list) => {
      const labels = list.map(([p, swap]) => (swap ? mirrorLabel(member(p)) : member(p)));
      const { label, uncertainty } = combineLabels(labels, "e");
      const mirrored = combineLabels(labels.map(mirrorLabel), "e");
      expect(mirrored.label).toEqual(mirrorLabel(label));
      expect(mirrored.uncertainty.total).toBeCloseTo(uncertainty.total, 12);
      expect(uncertainty.mutualInformation).toBeGreaterThanOrEqual(0);
      expect(parseLabel(serializeLabel(label), "f", 1)).toEqual(label);
    }),
  );
});

test("a blocked pair stays blocked, a member's non-finite score included, and a selection is not inherited", () => {
  for (const flag of ["truncated", "non-finite"]) {
    const { label } = combineLabels([member(0.9, [flag]), member(0.8)], "e");
    expect(label).toMatchObject({ preferred: "abstain", flags: [flag], pA: 0.5 });
    expect(parseLabel(serializeLabel(label), "f", 1)).toEqual(label);
  }
  expect(combineLabels([member(0.9, ["unselected"]), member(0.8)], "e").label).toMatchObject({
    preferred: "a",
    flags: [],
  });
});
