import fc from "fast-check";
import { expect, test } from "vitest";
import type { ParsedPair } from "./adapters/adapter.ts";
import { assignGroups, assignIds } from "./identify.ts";

const pair = (prompt: string, first: string, second: string): ParsedPair => ({
  prompt,
  first,
  second,
  preferred: "first",
});
const arbitraryPair = fc
  .tuple(fc.constantFrom("p", "q"), fc.constantFrom("x", "y", "z"), fc.constantFrom("x", "y", "z"))
  .map(([p, x, y]) => pair(p, x, y));

test("ids are unique, the data's own are kept, and the same content gets the same id", () => {
  const ids = assignIds([
    pair("p", "x", "y"),
    pair("p", "x", "y"),
    { ...pair("p", "x", "y"), id: "mine" },
    pair("q", "x", "y"),
  ]);
  expect(ids[1]).toBe(`${ids[0]}-2`);
  expect(ids[2]).toBe("mine");
  expect(new Set(ids).size).toBe(4);
  expect(assignIds([pair("q", "x", "y")])).toEqual([ids[3]]);
});

test("an id does not tell which response was preferred", () => {
  expect(assignIds([pair("p", "x", "y")])).toEqual(assignIds([pair("p", "y", "x")]));
});

test("permuting the file permutes the ids with the rows", () => {
  fc.assert(
    fc.property(fc.array(arbitraryPair, { maxLength: 12 }), (pairs) => {
      const named = (list: ParsedPair[]) =>
        assignIds(list)
          .map((id, i) => `${id} ${JSON.stringify(list[i])}`)
          .sort();
      const forward = assignIds(pairs);
      expect(new Set(forward).size).toBe(pairs.length);
      expect(named([...pairs].reverse())).toEqual(named(pairs));
    }),
  );
});

test("rows are one group when keys connect them, over other rows too", () => {
  const groups = assignGroups([
    { groupKeys: ["a", "b"] },
    { groupKeys: ["c"] },
    { groupKeys: ["b", "c"] },
    { groupKeys: ["d"] },
    {},
  ]);
  expect(groups[0]).toBe(groups[1]);
  expect(groups[0]).toBe(groups[2]);
  expect(groups[3]).not.toBe(groups[0]);
  expect(groups[4]).toBeUndefined();
});

test("group names do not depend on the order of the rows", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f", "g");
  fc.assert(
    fc.property(fc.array(fc.array(key, { minLength: 1, maxLength: 2 })), (lists) => {
      const rows = lists.map((groupKeys) => ({ groupKeys }));
      expect(assignGroups([...rows].reverse()).reverse()).toEqual(assignGroups(rows));
    }),
  );
});
