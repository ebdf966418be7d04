import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TokenRow } from "../data/packing.ts";
import { mismatchedRows } from "./preference-data.ts";

describe("mismatched rows of repeated prompts", () => {
  /** Rows of the prompts given by number; responses are told apart by their ids. */
  const rowsOf = (prompts: readonly number[]): TokenRow[] =>
    prompts.map((prompt, i) => ({ prompt: [1, prompt], responses: [[100 + i], [200 + i]] }));
  /** Prompts of the responses that the rows were given. */
  const donors = (prompts: readonly number[], seed: number) =>
    mismatchedRows(rowsOf(prompts), seed).map(({ responses }) => prompts[responses[0]![0]! - 100]!);

  test("a response never stands behind its own prompt, whatever the numbers of rows", () => {
    const lists = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(lists, fc.nat(), (prompts, seed) => {
        fc.pre(new Set(prompts).size > 1);
        const given = donors(prompts, seed);
        expect(given.every((donor, i) => donor !== prompts[i])).toBe(true);
      }),
    );
  });

  test("each response stands once where no prompt has more than half of the rows", () => {
    const shifted = mismatchedRows(rowsOf([0, 0, 1, 1, 2, 2, 2]), 5);
    expect(new Set(shifted.map(({ responses }) => responses[0]![0])).size).toBe(7);
    // Four of six share a prompt: they take turns with the other two.
    expect(donors([0, 0, 0, 0, 1, 2], 5).slice(0, 4).sort()).toEqual([1, 1, 2, 2]);
  });

  test("are refused when there is one prompt only", () => {
    expect(() => mismatchedRows(rowsOf([3, 3, 3]), 1)).toThrow(
      /kto: expected pairs of at least 2 prompts, got 3 pairs of one/,
    );
  });
});
