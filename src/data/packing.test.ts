import { expect, test } from "vitest";
import { packRows } from "./packing.ts";

const row = { prompt: [1, 2, 3], responses: [[4], [5, 6, 7]] };

test("a pair is one row, its prompt once", () => {
  const { feeds, tokens, sequences } = packRows([row]);
  expect([tokens, sequences]).toEqual([7, 2]);
  expect(feeds.segments.shape).toEqual([1, 7]);
});

test.each([
  ["neither reaches over", 6],
  ["both reach over", 3],
])("where %s a length at which positions turn otherwise, the pair stays one row", (_, over) => {
  expect(packRows([row], over)).toEqual(packRows([row]));
});

test("where one response alone reaches over it, each gets the prompt to itself, in the same order", () => {
  // 3 + 1 tokens on this side of 5, 3 + 3 beyond it.
  const { feeds, tokens, sequences } = packRows([row], 5);
  expect([tokens, sequences]).toEqual([10, 2]);
  expect(feeds.segments.shape).toEqual([2, 6]);
  expect([...feeds.ids.data]).toEqual([1, 2, 3, 4, 1, 2, 3, 5, 6, 7]);
  expect([...feeds.targets.data]).toEqual([4, 5, 6, 7]);
  expect([...feeds.ends.data]).toEqual([3, 9]);
});
