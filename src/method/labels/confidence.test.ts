import fc from "fast-check";
import { expect, test } from "vitest";
import { labelWeight, labelWeights, type WeightForm, weightRange } from "./confidence.ts";
import { labelFromScores } from "./label.ts";

const label = (margin: number, calibrate?: (m: number) => number) =>
  labelFromScores({ id: "x", scoreA: margin, scoreB: 0, teacher: "t" }, calibrate ? { calibrate } : {});

test("CW-PO's weight is tanh(m/2) = 2(σ(m) - ½), Eq. 8", () => {
  // tanh(1) = 0.7615941559557649
  expect(labelWeight(label(2), { form: "tanh", temperature: 1, power: 1 })).toBeCloseTo(
    0.7615941559557649,
    15,
  );
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 30, noNaN: true }), (m) => {
      expect(labelWeight(label(m), { form: "tanh", temperature: 1, power: 1 })).toBeCloseTo(
        2 * (1 / (1 + Math.exp(-m)) - 0.5),
        12,
      );
    }),
  );
});

test("the other forms of its ablation have their values", () => {
  expect(labelWeight(label(2), { form: "sigmoid", temperature: 1 })).toBeCloseTo(0.8807970779778823, 15);
  expect(labelWeight(label(0.5), { form: "clip", slope: 1 })).toBe(0.5);
  expect(labelWeight(label(3), { form: "clip", slope: 1 })).toBe(1);
  expect(labelWeight(label(3), { form: "clip", slope: 0.2 })).toBeCloseTo(0.6, 15);
  expect(labelWeight(label(6), { form: "clip", slope: 0.2 })).toBe(1);
  // temperature 2: tanh(2/4) = 0.4621171572600098; power 2: 0.7615941559557649²
  expect(labelWeight(label(2), { form: "tanh", temperature: 2, power: 1 })).toBeCloseTo(
    0.4621171572600098,
    15,
  );
  expect(labelWeight(label(2), { form: "tanh", temperature: 1, power: 2 })).toBeCloseTo(
    0.7615941559557649 ** 2,
    15,
  );
  expect(labelWeight(label(2), { form: "uniform" })).toBe(1);
});

test("the calibrated weight is 2 p - 1 of the preferred side", () => {
  expect(
    labelWeight(
      label(2, () => 0.8),
      { form: "calibrated", power: 1 },
    ),
  ).toBeCloseTo(0.6, 15);
  expect(
    labelWeight(
      label(-2, () => 0.8),
      { form: "calibrated", power: 2 },
    ),
  ).toBeCloseTo(0.36, 15);
});

const forms: WeightForm[] = [
  { form: "uniform" },
  { form: "tanh", temperature: 1, power: 0.5 },
  { form: "sigmoid", temperature: 3 },
  { form: "clip", slope: 0.2 },
  { form: "calibrated", power: 1 },
];

test.each(forms)("$form stays in its range, is blind to the order, and grows with the margin", (form) => {
  const [low, high] = weightRange(form);
  fc.assert(
    fc.property(
      fc.double({ min: 1e-9, max: 1e4, noNaN: true }),
      fc.double({ min: 0, max: 10, noNaN: true }),
      (m, more) => {
        const weight = labelWeight(label(m), form);
        expect(weight).toBeGreaterThanOrEqual(low);
        expect(weight).toBeLessThanOrEqual(high);
        expect(labelWeight(label(-m), form)).toBe(weight);
        expect(labelWeight(label(m + more), form)).toBeGreaterThanOrEqual(weight);
      },
    ),
  );
});

test("ties and abstentions weigh nothing under every form", () => {
  const labels = [
    label(0),
    labelFromScores({ id: "x", scoreA: 9, scoreB: 0, flags: ["truncated"], teacher: "t" }),
  ];
  for (const form of forms) expect(labelWeights(labels, form)).toEqual([0, 0]);
});

test("a parameter that is not above 0 is refused", () => {
  expect(() => labelWeight(label(1), { form: "tanh", temperature: 0, power: 1 })).toThrow(
    "weight tanh: temperature is out of range, expected above 0, got 0.",
  );
  expect(() => labelWeights([], { form: "clip", slope: -1 })).toThrow("got -1");
});
