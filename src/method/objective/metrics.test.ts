import fc from "fast-check";
import { expect, test } from "vitest";
import { type PairOutputs, preferenceMetrics } from "./metrics.ts";

const outputs = (rows: readonly (readonly [number, number, number, number, number])[]): PairOutputs => ({
  losses: rows.map((row) => row[0]),
  chosenRewards: rows.map((row) => row[1]),
  rejectedRewards: rows.map((row) => row[2]),
  chosenLogps: rows.map((row) => row[3]),
  rejectedLogps: rows.map((row) => row[4]),
});

test("means over all pairs carry TRL's names; a tie is no success", () => {
  const batches = [
    outputs([
      [1, 2, 1, -10, -20],
      [3, 1, 1, -30, -20],
    ]),
    outputs([[5, -6, 1, -50, -80]]),
  ];
  expect(preferenceMetrics(batches)).toEqual({
    loss: 3, // (1 + 3 + 5) / 3
    "rewards/chosen": -1, // (2 + 1 - 6) / 3
    "rewards/rejected": 1,
    "rewards/accuracies": 1 / 3, // only 2 > 1
    "rewards/margins": -2, // (1 + 0 - 7) / 3
    "logps/chosen": -30,
    "logps/rejected": -40,
  });
});

test("the loss is divided by what its gradient was divided by", () => {
  expect(preferenceMetrics([outputs([[1, 0, 0, 0, 0]]), outputs([[3, 0, 0, 0, 0]])], 0.5).loss).toBe(8);
});

test("how a batch was cut into micro-batches does not show", () => {
  const row = fc.tuple(
    ...([1, 2, 3, 4, 5].map(() => fc.integer({ min: -50, max: 50 })) as [
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
      fc.Arbitrary<number>,
    ]),
  );
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), fc.nat(12), (rows, cut) => {
      const parts = [rows.slice(0, cut), rows.slice(cut)].map(outputs);
      expect(preferenceMetrics(parts)).toEqual(preferenceMetrics([outputs(rows)]));
    }),
  );
});

test("no pair at all, or fields of different lengths, are refused", () => {
  expect(() => preferenceMetrics([])).toThrow("expected at least one pair");
  expect(() => preferenceMetrics([{ ...outputs([[1, 1, 1, 1, 1]]), chosenLogps: [] }])).toThrow(
    "metrics: chosenLogps must hold 1 values like losses, got 0.",
  );
});

test("typed arrays, as a run returns them, are taken as they are", () => {
  const column = Float32Array.from([0.5, 1.5]);
  const batch = {
    losses: column,
    chosenRewards: column,
    rejectedRewards: column,
    chosenLogps: column,
    rejectedLogps: column,
  };
  expect(preferenceMetrics([batch])["logps/chosen"]).toBe(1);
});
