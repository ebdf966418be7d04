import fc from "fast-check";
import { expect, test } from "vitest";
import { groupsOf, spansOf } from "./spans.ts";

test("a parameter is cut at the limit and its rest is a span of its own", () => {
  expect(spansOf({ a: [2, 5], b: [3], c: [4] }, 4)).toEqual([
    { name: "a", offset: 0, length: 4 },
    { name: "a", offset: 4, length: 4 },
    { name: "a", offset: 8, length: 2 },
    { name: "b", offset: 0, length: 3 },
    { name: "c", offset: 0, length: 4 },
  ]);
});

test("spans cover every number once, groups keep every item in order", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 8 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 5 }),
      (sizes, limit, groupSize) => {
        const spans = spansOf(Object.fromEntries(sizes.map((size, i) => [`p${i}`, [size]])), limit);
        const covered = spans.flatMap(({ name, offset, length }) =>
          Array.from({ length }, (_, i) => `${name}:${offset + i}`),
        );
        expect(covered).toEqual(
          sizes.flatMap((size, p) => Array.from({ length: size }, (_, i) => `p${p}:${i}`)),
        );
        const groups = groupsOf(spans, groupSize);
        expect(groups.flat()).toEqual(spans);
        expect(groups.every((group) => group.length >= 1 && group.length <= groupSize)).toBe(true);
      },
    ),
  );
});
