import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { warmupOf } from "./optimizer.ts";
import { createOrder } from "./order.ts";

const rowsOf = (lengths: readonly number[]) =>
  lengths.map((length) => ({ prompt: [1], responses: [Array.from({ length }, () => 2)] }));

const base = { batchSize: 4, epochs: 2, maxSteps: undefined, seed: 1, groupByLength: false };

describe("the order of rows", () => {
  test("every epoch draws every row once; only its last batch is short", () => {
    const counts = fc.record({
      rows: fc.integer({ min: 1, max: 60 }),
      batchSize: fc.integer({ min: 1, max: 20 }),
      grouped: fc.boolean(),
    });
    fc.assert(
      fc.property(counts, ({ rows, batchSize, grouped }) => {
        const order = createOrder(rowsOf(Array.from({ length: rows }, (_, i) => 1 + ((i * 7) % 13))), {
          ...base,
          batchSize,
          groupByLength: grouped,
        });
        expect(order.steps).toBe(2 * order.stepsPerEpoch);
        for (const epoch of [0, 1]) {
          const batches = Array.from({ length: order.stepsPerEpoch }, (_, i) =>
            order.batch(1 + epoch * order.stepsPerEpoch + i),
          );
          for (const batch of batches.slice(0, -1)) expect(batch).toHaveLength(batchSize);
          expect(batches.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
        }
      }),
    );
  });

  test("is a function of the step alone: any step can be asked for first", () => {
    const rows = rowsOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const forwards = createOrder(rows, base);
    const all = Array.from({ length: 6 }, (_, i) => forwards.batch(i + 1));
    const backwards = createOrder(rows, base);
    for (let step = 6; step >= 1; step--) expect(backwards.batch(step)).toEqual(all[step - 1]);
  });

  test("differs between epochs and seeds", () => {
    const rows = rowsOf(Array.from({ length: 40 }, () => 1));
    const order = createOrder(rows, { ...base, batchSize: 40 });
    expect(order.batch(1)).not.toEqual(order.batch(2));
    expect(createOrder(rows, { ...base, batchSize: 40, seed: 2 }).batch(1)).not.toEqual(order.batch(1));
  });

  test("a fraction of an epoch rounds up, maxSteps overrides", () => {
    const rows = rowsOf([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]); // 3 steps per epoch
    expect(createOrder(rows, { ...base, epochs: 0.5 }).steps).toBe(2); // ceil(1.5)
    expect(createOrder(rows, { ...base, maxSteps: 7 }).steps).toBe(7);
  });

  test("grouped by length, a batch's lengths are closer together", () => {
    const rows = rowsOf(Array.from({ length: 160 }, (_, i) => 1 + ((i * 37) % 160)));
    const spread = (groupByLength: boolean) => {
      const order = createOrder(rows, { ...base, epochs: 1, groupByLength });
      const widths = Array.from({ length: order.steps }, (_, i) =>
        order.batch(i + 1).map((row) => rows[row]!.responses[0]!.length),
      );
      return widths.reduce((sum, lengths) => sum + Math.max(...lengths) - Math.min(...lengths), 0);
    };
    // 160 / (4 · 4) = 10 batches in a group: neighbours of 40 sorted rows span a tenth of what 4 random ones do.
    expect(spread(true)).toBeLessThan(spread(false) / 4);
  });
});

test("warm-up: a share of all steps rounds up, steps override it", () => {
  expect(warmupOf({ warmupSteps: undefined, warmupRatio: 0.1 }, 25)).toBe(3); // ceil(2.5)
  expect(warmupOf({ warmupSteps: 1, warmupRatio: 0.1 }, 25)).toBe(1);
});
