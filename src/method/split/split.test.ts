import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../../base/core/errors.ts";
import { splitKey } from "../data/normalise.ts";
import type { PreferenceRow } from "../data/rows.ts";
import { splitRows } from "./split.ts";

const row = (id: string, prompt: string, group?: string): PreferenceRow => ({
  id,
  prompt,
  chosen: `c${id}`,
  rejected: `r${id}`,
  ...(group === undefined ? {} : { meta: { group } }),
});
const rows = (n: number, prompts = n) =>
  Array.from({ length: n }, (_, i) => row(`r${i}`, `prompt ${i % prompts}`));
const ids = (part: readonly PreferenceRow[]) => part.map((item) => item.id);

test("no prompt is on both sides, whatever its case and punctuation", () => {
  const twins = rows(40).flatMap((item) => [
    item,
    { ...item, id: `${item.id}b`, prompt: `${String(item.prompt).toUpperCase()}!` },
  ]);
  const { parts } = splitRows(twins, { seed: 1, parts: { train: 0.5, test: 0.5 } });
  const keys = new Set(parts.train.map(splitKey));
  expect(parts.test.filter((item) => keys.has(splitKey(item)))).toEqual([]);
  expect([parts.train.length, parts.test.length]).toEqual([40, 40]);
});

test("a group stays together although its prompts differ", () => {
  const grouped = Array.from({ length: 30 }, (_, i) => row(`r${i}`, `prompt ${i}`, `g${i % 10}`));
  const { parts, groups } = splitRows(grouped, { seed: 3, parts: { train: 0.7, test: 0.3 } });
  expect(groups).toBe(10);
  expect(parts.train.length).toBe(21);
  expect(new Set([...parts.train.map(splitKey), ...parts.test.map(splitKey)]).size).toBe(10);
});

test("the order of the file does not matter, the seed does", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(rows(25, 12), { minLength: 25 }), (shuffled) => {
      const options = { seed: 7, parts: { train: 0.8, test: 0.2 } };
      expect(splitRows(shuffled, options)).toEqual(splitRows(rows(25, 12), options));
    }),
  );
  const first = splitRows(rows(50), { seed: 1, parts: { train: 25, test: 25 } });
  expect(ids(splitRows(rows(50), { seed: 2, parts: { train: 25, test: 25 } }).parts.train)).not.toEqual(
    ids(first.parts.train),
  );
});

test("fractions that sum to 1 use every row; counts are met exactly where groups allow", () => {
  // 0.7 × 23 = 16.1 → 16; 0.9 × 23 = 20.7 → 21, so 5; the rest is 2
  const thirds = splitRows(rows(23), { seed: 1, parts: { a: 0.7, b: 0.2, c: 0.1 } });
  expect([thirds.parts.a.length, thirds.parts.b.length, thirds.parts.c.length, thirds.unused.length]).toEqual(
    [16, 5, 2, 0],
  );
  const counts = splitRows(rows(23), { seed: 1, parts: { a: 10, b: 3 } });
  expect([counts.parts.a.length, counts.parts.b.length, counts.unused.length]).toEqual([10, 3, 10]);
});

test("rows without a prompt are told apart by their responses", () => {
  const bare = Array.from({ length: 10 }, (_, i) => row(`r${i}`, ""));
  expect(splitRows(bare, { seed: 1, parts: { train: 0.5, test: 0.5 } }).groups).toBe(10);
});

test("sizes that make no sense are refused with the numbers", () => {
  const split = (parts: Record<string, number>) => () => splitRows(rows(10), { seed: 1, parts });
  expect(split({ a: 0.5, b: 3 })).toThrow(ConfigError);
  expect(split({ a: 0.8, b: 0.4 })).toThrow(/sum to 1\.2/);
  expect(split({ a: 8, b: 4 })).toThrow(/12 rows are asked for \(a: 8, b: 4\), there are 10/);
  expect(split({ a: -1 })).toThrow(/all fractions/);
  expect(split({})).toThrow(/got none/);
  expect(() => splitRows(rows(10, 1), { seed: 1, parts: { a: 0.5, b: 0.5 } })).toThrow(
    /comes out empty of 10 rows in 1 groups/,
  );
});
